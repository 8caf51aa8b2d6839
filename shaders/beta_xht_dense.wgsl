// N = Q·Hᵀ for a tile of X and any β, and where wanted D = P·Hᵀ beside it, with Q = V·X·U^(β−2), P = V·U^(β−1) and U = W·H; or
// by columns Qᵀ·W and Pᵀ·W. Nothing of the size of X is written. Févotte & Idier, Neural Computation 2011, equation 4.1.
// Stands behind beta.wgsl, mix.wgsl and model.wgsl, and behind the type `stored` of X.
//
// A workgroup owns some rows of the factor whose update this is for, and goes along those of the other one, `rank` of them at
// a time. One thread forms 4 × 4 entries of U in registers and leaves Q and P of them in workgroup memory; then it owns 4 rows ×
// 4 ranks of N and D, which stay in its registers, and multiplies what all have left. So the threads lie side by side in as
// many columns as the rank has fours, for both. group.z cuts the other factor's rows into parts whose sums lie `part_length`
// apart; the consumer adds them. Each thread leaves one term of the loss.

override WORKGROUP: u32 = 64;
// Whether the products are those of the columns.
override TURNED: bool = false;
// Whether D is wanted.
override PUSH: bool = false;

struct Params {
  rows: u32,
  columns: u32, // that are no padding
  rank: u32, // a multiple of 4, at most 4 · WORKGROUP
  first_row: u32, // of W
  X_first: u32, // where the tile begins, a multiple of 4 like the strides
  X_stride: u32,
  V_first: u32,
  V_stride: u32,
  weights: u32, // 0: 1, 1: V, 2: hashed
  measure: u32, // whether the loss is wanted; 2: added to what the tiles before have left
  row: u32, // the tile's first one in all of X, for the hash
  key: u32, // mix(seed)
  threshold: u32,
  complement: u32,
  first: u32, // of the tile's rows in N and D
  part_rows: u32, // of the other factor: a multiple of the rank
  part_length: u32,
  accumulate: u32, // 0: the old contents of N and D do not count
  beta: f32,
  least: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(5) var<storage, read_write> N: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> D: array<vec4f>;
@group(0) @binding(7) var<storage, read_write> terms: array<f32>;

// Row t of each thread's 4 × 4 entries begins at t · WORKGROUP, so that neighbours write and read side by side.
var<workgroup> pulls: array<vec4f, 4 * WORKGROUP>;
var<workgroup> pushes: array<vec4f, 4 * WORKGROUP>;

// Four values of rows o … o + 3 of the other factor, from rank 4b on.
fn others(o: u32, b: u32) -> mat4x4f {
  if (TURNED) {
    let at = rows_of_W(o) + b;
    return mat4x4f(W[at.x], W[at.y], W[at.z], W[at.w]);
  }
  let at = rows_of_Ht(o) + b;
  return mat4x4f(Ht[at.x], Ht[at.y], Ht[at.z], Ht[at.w]);
}

// Entries with the owned factor's rows as their rows.
fn upright(tile: mat4x4f) -> mat4x4f {
  if (TURNED) {
    return transpose(tile);
  }
  return tile;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let across = p.rank / 4;
  let down = WORKGROUP / across;
  let owned = select(p.rows, p.columns, TURNED);
  let end = min(select(p.columns, p.rows, TURNED), (group.z + 1) * p.part_rows);
  let block = group.y * groups.x + group.x;
  let blocks = (owned + 4 * down - 1) / (4 * down);
  if (block >= blocks) {
    return;
  }
  let b = lane % across;
  let own = (block * down + lane / across) * 4;
  let works = lane / across < down && own < owned;
  // the first of the threads that own these rows
  let beside = lane - b;
  var n = mat4x4f();
  var d = mat4x4f();
  var loss = 0f;
  for (var first = group.z * p.part_rows; first < end; first += p.rank) {
    if (works) {
      let other = first + b * 4;
      let i = select(own, other, TURNED);
      let j = select(other, own, TURNED);
      let u = model(i, j);
      for (var t = 0u; t < 4; t++) {
        let x = entries(i + t, j);
        let v = weights(i + t, j);
        pulls[t * WORKGROUP + lane] = v * pull(x, u[t]);
        if (PUSH) {
          pushes[t * WORKGROUP + lane] = v * push(u[t]);
        }
        if (p.measure != 0) {
          loss += loss_of(v, x, u[t]);
        }
      }
    }
    workgroupBarrier();
    if (works) {
      for (var t = 0u; t < across; t++) {
        let o = others(first + t * 4, b);
        let at = beside + t;
        let q = mat4x4f(pulls[at], pulls[WORKGROUP + at], pulls[2 * WORKGROUP + at], pulls[3 * WORKGROUP + at]);
        n += o * upright(q);
        if (PUSH) {
          let s = mat4x4f(pushes[at], pushes[WORKGROUP + at], pushes[2 * WORKGROUP + at], pushes[3 * WORKGROUP + at]);
          d += o * upright(s);
        }
      }
    }
    workgroupBarrier();
  }
  if (works) {
    for (var k = 0u; k < 4; k++) {
      if (own + k >= owned) {
        continue;
      }
      let at = (group.z * p.part_length) / 4 + (p.first + own + k) * across + b;
      N[at] = n[k] + select(vec4f(), N[at], p.accumulate != 0);
      if (PUSH) {
        D[at] = d[k] + select(vec4f(), D[at], p.accumulate != 0);
      }
    }
  }
  if (p.measure != 0) {
    let term = (group.z * blocks + block) * WORKGROUP + lane;
    terms[term] = loss + select(0, terms[term], p.measure == 2);
  }
}
