// What a tile of X and its model U contribute to the gradient, entry by entry: U becomes Q = V·X·U^(β−2), and where wanted
// P = V·U^(β−1), C = V·curvature and V·d(X | U). Févotte & Idier, Neural Computation 2011, equations 2 and 4.1.
// Stands behind beta.wgsl and mix.wgsl, and behind the type `stored` of X.
//
// One thread owns four entries of a row, and leaves one term of the loss. Weights are 1, a matrix, or a hash of seed and place
// (ts/kernels/holdout.ts), of which nothing is stored. Columns of U from `inside` on are padding and become zero.

override WORKGROUP: u32 = 64;

struct Params {
  rows: u32,
  columns: u32,
  inside: u32,
  X_first: u32, // where the tile begins
  X_stride: u32,
  V_first: u32,
  V_stride: u32,
  weights: u32, // 0: 1, 1: V, 2: hashed
  push: u32, // whether P is wanted
  bend: u32, // whether C is
  measure: u32, // whether the loss is; 2: added to what the tiles before have left
  row: u32, // the tile's first one in all of X, for the hash
  key: u32, // mix(seed)
  threshold: u32,
  complement: u32,
  beta: f32,
  least: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> X: array<stored>;
@group(0) @binding(2) var<storage, read> V: array<f32>;
@group(0) @binding(3) var<storage, read_write> U: array<f32>;
@group(0) @binding(4) var<storage, read_write> P: array<f32>;
@group(0) @binding(5) var<storage, read_write> C: array<f32>;
@group(0) @binding(6) var<storage, read_write> terms: array<f32>;

fn weight(i: u32, j: u32) -> f32 {
  if (p.weights == 1) {
    return V[p.V_first + i * p.V_stride + j];
  }
  if (p.weights == 2) {
    let held = mix_word(mix_word(p.key + p.row + i) + j) < p.threshold;
    return select(0f, 1f, held == (p.complement != 0));
  }
  return 1;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let column_tiles = (p.columns + 3) / 4;
  let tile = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let i = tile / column_tiles;
  let first = tile % column_tiles * 4;
  if (i >= p.rows) {
    return;
  }
  var loss = 0f;
  for (var j = first; j < min(first + 4, p.columns); j++) {
    let at = i * p.columns + j;
    if (j >= p.inside) {
      U[at] = 0;
      if (p.push != 0) {
        P[at] = 0;
      }
      if (p.bend != 0) {
        C[at] = 0;
      }
      continue;
    }
    let x = f32(X[p.X_first + i * p.X_stride + j]);
    let u = U[at];
    let v = weight(i, j);
    U[at] = v * pull(x, u);
    if (p.push != 0) {
      P[at] = v * push(u);
    }
    if (p.bend != 0) {
      C[at] = v * curvature(x, u);
    }
    if (p.measure != 0 && v != 0) {
      loss += v * divergence(x, u);
    }
  }
  if (p.measure != 0) {
    terms[tile] = loss + select(0, terms[tile], p.measure == 2);
  }
}
