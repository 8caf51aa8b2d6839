// ‖O_j‖² of each row of a factor: what the curvature along one row of the other factor is made of. One thread a row.

override WORKGROUP: u32 = 64;

struct Params {
  rows: u32,
  rank: u32, // a multiple of 4
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> F: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> norms: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= p.rows) {
    return;
  }
  let rank_tiles = p.rank / 4;
  var norm = 0f;
  for (var tile = 0u; tile < rank_tiles; tile++) {
    let values = F[i * rank_tiles + tile];
    norm += dot(values, values);
  }
  norms[i] = norm;
}
