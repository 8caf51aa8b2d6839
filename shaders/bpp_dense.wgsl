// The normal equations of the rows of a factor for the weighted Frobenius loss, from a dense tile of X whose rows are the
// factor's: bpp_update then brings each row to its minimum. Stands behind pairs.wgsl, moving.wgsl, least_squares.wgsl,
// normal_equations.wgsl, which says who does what, mix.wgsl and weights.wgsl, and behind the type `stored` of X.

override WORKGROUP: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  rank: u32,
  moving: u32, // the first so many components move; at most 64
  first_row: u32, // of F
  X_first: u32, // where the tile begins
  X_stride: u32,
  V_first: u32,
  V_stride: u32,
  weights: u32, // 0: 1, 1: V, 2: hashed
  row: u32, // of the tile in all of X, for the hash
  turned: u32, // whether the tile's rows are columns of X
  key: u32, // mix(seed)
  threshold: u32,
  complement: u32,
  threads: u32, // from one place of S to the next
  zero: u32, // 0
  measure: u32, // whether the loss is wanted
  frozen: u32, // where flags of rows that stay begin
  l1: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> X: array<stored>;
@group(0) @binding(2) var<storage, read> V: array<f32>;
@group(0) @binding(3) var<storage, read> O: array<f32>;
@group(0) @binding(4) var<storage, read> F: array<f32>;
@group(0) @binding(5) var<storage, read> holds: array<f32>;
@group(0) @binding(6) var<storage, read_write> S: array<vec2f>;

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
  for (var j = 0u; j < p.columns; j++) {
    take(tile, weight(i, j), f32(X[p.X_first + i * p.X_stride + j]), j * p.rank);
  }
  keep(tile);
}
