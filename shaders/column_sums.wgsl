// Σ of each component over the rows of a factor: what Kullback–Leibler's model pushes back with, where every entry counts.
//
// One thread owns four components and walks down the rows of its part; group.z cuts the rows into parts whose sums lie rank
// apart, and the consumer adds them.

override WORKGROUP: u32 = 64;

struct Params {
  rows: u32,
  rank: u32, // a multiple of 4
  part_rows: u32,
  first_row: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> F: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> sums: array<vec4f>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let rank_tiles = p.rank / 4;
  let tile = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (tile >= rank_tiles) {
    return;
  }
  let end = min(p.rows, (group.z + 1) * p.part_rows);
  var sum = vec4f();
  var i = group.z * p.part_rows;
  // eight rows are on their way at once: see parts.wgsl
  for (; i + 8 <= end; i += 8) {
    let at = (p.first_row + i) * rank_tiles + tile;
    let a = (F[at] + F[at + rank_tiles]) + (F[at + 2 * rank_tiles] + F[at + 3 * rank_tiles]);
    let next = at + 4 * rank_tiles;
    sum += a + ((F[next] + F[next + rank_tiles]) + (F[next + 2 * rank_tiles] + F[next + 3 * rank_tiles]));
  }
  for (; i < end; i++) {
    sum += F[(p.first_row + i) * rank_tiles + tile];
  }
  sums[group.z * rank_tiles + tile] = sum;
}
