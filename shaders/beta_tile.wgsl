// What a tile of X contributes to the gradient under the model U = W·H, entry by entry: where wanted Q = V·X·U^(β−2),
// P = V·U^(β−1), C = V·curvature and V·d(X | U). Févotte & Idier, Neural Computation 2011, equations 2 and 4.1.
// Stands behind beta.wgsl, mix.wgsl and model.wgsl, and behind the type `stored` of X.
//
// U is never written: one thread forms 4 × 4 of its entries in registers, turns them into what is wanted, and leaves one term
// of the loss. A workgroup owns 32 × 32 entries, so that its threads share 32 rows of either factor.

override WORKGROUP: u32 = 64;

// Threads of a workgroup that lie side by side.
const ACROSS: u32 = 8;

struct Params {
  rows: u32,
  columns: u32, // that are no padding: beyond them Q, P and C become zero
  rank: u32, // a multiple of 4
  stride: u32, // of Q, P and C, a multiple of 4 like those of X and V
  first_row: u32, // of W
  X_first: u32, // where the tile begins, a multiple of 4
  X_stride: u32,
  V_first: u32,
  V_stride: u32,
  weights: u32, // 0: 1, 1: V, 2: hashed
  pull: u32, // whether Q is wanted
  push: u32, // whether P is
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
@group(0) @binding(5) var<storage, read_write> Q: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> P: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> C: array<vec4f>;
@group(0) @binding(8) var<storage, read_write> terms: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let column_tiles = p.stride / 4;
  let blocks = (column_tiles + ACROSS - 1) / ACROSS;
  let block = group.y * groups.x + group.x;
  let row_tile = block / blocks * (WORKGROUP / ACROSS) + lane / ACROSS;
  let column_tile = block % blocks * ACROSS + lane % ACROSS;
  let i = row_tile * 4;
  let j = column_tile * 4;
  if (i >= p.rows || column_tile >= column_tiles) {
    return;
  }
  let all = model(i, j);
  var loss = 0f;
  for (var t = 0u; t < 4; t++) {
    if (i + t >= p.rows) {
      continue;
    }
    let u = all[t];
    let x = entries(i + t, j);
    let v = weights(i + t, j);
    let at = ((i + t) * p.stride + j) / 4;
    if (p.pull != 0) {
      Q[at] = v * pull(x, u);
    }
    if (p.push != 0) {
      P[at] = v * push(u);
    }
    if (p.bend != 0) {
      C[at] = v * curvature(x, u);
    }
    if (p.measure != 0) {
      loss += loss_of(v, x, u);
    }
  }
  if (p.measure != 0) {
    let term = row_tile * column_tiles + column_tile;
    terms[term] = loss + select(0, terms[term], p.measure == 2);
  }
}
