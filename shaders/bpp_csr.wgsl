// The normal equations of the rows of a factor for the weighted Frobenius loss, at the listed entries of the CSR rows that are
// the factor's: bpp_update then brings each row to its minimum. Stands behind pairs.wgsl, moving.wgsl, least_squares.wgsl and
// normal_equations.wgsl, which says who does what.

override WORKGROUP: u32 = 64;

struct Params {
  rows: u32,
  rank: u32,
  moving: u32, // the first so many components move; at most 64
  first_row: u32, // of F
  first: u32, // of indptr
  threads: u32, // from one place of S to the next
  zero: u32, // 0
  measure: u32, // whether the loss is wanted
  frozen: u32, // where flags of rows that stay begin
  l1: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> indptr: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read> values: array<f32>;
@group(0) @binding(4) var<storage, read> weights: array<f32>;
@group(0) @binding(5) var<storage, read> O: array<f32>;
@group(0) @binding(6) var<storage, read> F: array<f32>;
@group(0) @binding(7) var<storage, read> holds: array<f32>;
@group(0) @binding(8) var<storage, read_write> S: array<vec2f>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let tile = tile_of((group.y * groups.x + group.x) * WORKGROUP + lane);
  let i = tile.row;
  if (i >= p.rows || (moving_of(i) == 0 && p.measure == 0)) {
    return;
  }
  let end = indptr[p.first + i + 1];
  for (var q = indptr[p.first + i]; q < end; q++) {
    take(tile, weights[q], values[q], indices[q] * p.rank);
  }
  keep(tile);
}
