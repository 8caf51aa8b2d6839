// A part of a matrix turned: T[j,i] = A[i,j]. Coordinate descent of H reads the columns of X one by one, and either factor the
// way that lies across it. One thread turns 4 × 4 entries; neighbours read the same rows. A is f32 or,
// where it is stored so, f16: `stored` is defined before.

override WORKGROUP: u32 = 64;

struct Params {
  rows: u32, // of the part
  columns: u32,
  A_first: u32, // where the part begins
  A_stride: u32,
  T_first: u32, // where it goes
  T_stride: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> A: array<stored>;
@group(0) @binding(2) var<storage, read_write> T: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let column_tiles = (p.columns + 3) / 4;
  let tile = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let first = tile / column_tiles * 4;
  let left = tile % column_tiles * 4;
  for (var j = left; j < min(left + 4, p.columns); j++) {
    for (var i = first; i < min(first + 4, p.rows); i++) {
      T[p.T_first + j * p.T_stride + i] = f32(A[p.A_first + i * p.A_stride + j]);
    }
  }
}
