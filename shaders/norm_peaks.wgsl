// The largest ‖F_i‖² of the rows of a factor that each thread takes, every `threads`th one: what variance a batch of rows adds
// to the curvature is bounded by the largest of these.

override WORKGROUP: u32 = 64;

struct Params {
  rows: u32,
  rank: u32, // a multiple of 4
  threads: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> F: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> peaks: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let thread = group.x * WORKGROUP + lane;
  if (thread >= p.threads) {
    return;
  }
  let rank_tiles = p.rank / 4;
  var peak = 0f;
  for (var i = thread; i < p.rows; i += p.threads) {
    var norm = 0f;
    for (var tile = 0u; tile < rank_tiles; tile++) {
      let values = F[i * rank_tiles + tile];
      norm += dot(values, values);
    }
    peak = max(peak, norm);
  }
  peaks[thread] = peak;
}
