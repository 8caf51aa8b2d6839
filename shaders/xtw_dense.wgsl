// A += Xᵀ·W for a panel of rows, and S += WᵀW beside it. Lee & Seung, NIPS 2000, equation 4 (numerator of H).
//
// In `main` one thread owns 4 columns × 4 ranks and walks down the rows; `staged` (staged.wgsl) shares what it loads among a
// workgroup. The Gram matrix S is the same product with W in the place of X, so its tiles follow those of A in the same grid
// (`gram_tiles` of them along W, 0 for A alone): one dispatch instead of two.
// group.z cuts the rows into parts whose sums lie `A_part_length` and rank² apart; the consumer adds them. X is f32 or, where it is
// stored so, f16: `stored` is defined before.

override WORKGROUP: u32 = 64;
// Whether stride, columns, rank and X_first are multiples of 4: then X4 and W4 are bound, else X and W.
override ALIGNED: bool = false;

struct Params {
  rows: u32,
  columns: u32,
  rank: u32,
  stride: u32,
  first_row: u32, // of W
  part_rows: u32,
  A_part_length: u32,
  gram_tiles: u32,
  accumulate: u32, // 0: the old contents of A and S do not count
  X_first: u32, // where the panel begins
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> X: array<stored>;
@group(0) @binding(2) var<storage, read> X4: array<vec4<stored>>;
@group(0) @binding(3) var<storage, read> W: array<f32>;
@group(0) @binding(4) var<storage, read> W4: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> A: array<f32>;
@group(0) @binding(6) var<storage, read_write> S: array<f32>;

fn load_X(i: u32, j: u32) -> vec4f {
  let at = p.X_first + i * p.stride + j;
  if (ALIGNED) {
    return vec4f(X4[at / 4]);
  }
  let inside = vec4u(j, j + 1, j + 2, j + 3) < vec4u(p.columns);
  return select(vec4f(), vec4f(vec4(X[at], X[at + 1], X[at + 2], X[at + 3])), inside);
}

fn load_W(i: u32, r: u32) -> vec4f {
  let at = (p.first_row + i) * p.rank + r;
  if (ALIGNED) {
    return W4[at / 4];
  }
  let inside = vec4u(r, r + 1, r + 2, r + 3) < vec4u(p.rank);
  return select(vec4f(), vec4f(W[at], W[at + 1], W[at + 2], W[at + 3]), inside);
}

fn add_A(part: u32, j: u32, r: u32, a: vec4f) {
  if (j >= p.columns) {
    return;
  }
  let at = part * p.A_part_length + j * p.rank + r;
  A[at] = a.x + select(0, A[at], p.accumulate != 0);
  if (r + 1 < p.rank) {
    A[at + 1] = a.y + select(0, A[at + 1], p.accumulate != 0);
  }
  if (r + 2 < p.rank) {
    A[at + 2] = a.z + select(0, A[at + 2], p.accumulate != 0);
  }
  if (r + 3 < p.rank) {
    A[at + 3] = a.w + select(0, A[at + 3], p.accumulate != 0);
  }
}

fn add_S(part: u32, q: u32, r: u32, s: vec4f) {
  if (q >= p.rank) {
    return;
  }
  let at = (part * p.rank + q) * p.rank + r;
  S[at] = s.x + select(0, S[at], p.accumulate != 0);
  if (r + 1 < p.rank) {
    S[at + 1] = s.y + select(0, S[at + 1], p.accumulate != 0);
  }
  if (r + 2 < p.rank) {
    S[at + 2] = s.z + select(0, S[at + 2], p.accumulate != 0);
  }
  if (r + 3 < p.rank) {
    S[at + 3] = s.w + select(0, S[at + 3], p.accumulate != 0);
  }
}

fn tiles_down() -> u32 {
  return (p.columns + HEIGHT - 1) / HEIGHT + p.gram_tiles;
}

fn terms_of(part: u32) -> vec2u {
  return vec2u(part * p.part_rows, min(p.rows, (part + 1) * p.part_rows));
}

// Where in a tile a block of 4 columns × 4 terms lies: neighbouring threads load neighbours of a row.
fn left_at(block: u32) -> vec2u {
  return 4 * vec2u(block % (HEIGHT / 4), block / (HEIGHT / 4));
}

// Four columns of a row of X, or of W in the tiles behind.
fn load_four(tile: u32, at: u32, i: u32, end: u32) -> vec4f {
  let column_tiles = (p.columns + HEIGHT - 1) / HEIGHT;
  let of_X = tile < column_tiles;
  let j = select(tile - column_tiles, tile, of_X) * HEIGHT + at;
  if (i >= end || j >= select(p.rank, p.columns, of_X)) {
    return vec4f();
  }
  if (of_X) {
    return load_X(i, j);
  }
  return load_W(i, j);
}

fn load_left(tile: u32, at: u32, i: u32, end: u32) -> mat4x4f {
  let x0 = load_four(tile, at, i, end);
  let x1 = load_four(tile, at, i + 1, end);
  let x2 = load_four(tile, at, i + 2, end);
  let x3 = load_four(tile, at, i + 3, end);
  return mat4x4f(x0, x1, x2, x3);
}

fn load_right(i: u32, r: u32) -> vec4f {
  return load_W(i, r);
}

fn store(part: u32, tile: u32, at: u32, r: u32, sums: vec4f) {
  let column_tiles = (p.columns + HEIGHT - 1) / HEIGHT;
  if (tile < column_tiles) {
    add_A(part, tile * HEIGHT + at, r, sums);
  } else {
    add_S(part, (tile - column_tiles) * HEIGHT + at, r, sums);
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let rank_tiles = (p.rank + 3) / 4;
  let column_tiles = (p.columns + 3) / 4;
  let tile = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let left = tile / rank_tiles;
  let r = tile % rank_tiles * 4;
  if (left >= column_tiles + p.gram_tiles) {
    return;
  }
  let end = min(p.rows, (group.z + 1) * p.part_rows);
  var a0 = vec4f();
  var a1 = vec4f();
  var a2 = vec4f();
  var a3 = vec4f();
  if (left < column_tiles) {
    let j = left * 4;
    for (var i = group.z * p.part_rows; i < end; i++) {
      let w = load_W(i, r);
      let x = load_X(i, j);
      a0 += x.x * w;
      a1 += x.y * w;
      a2 += x.z * w;
      a3 += x.w * w;
    }
    let all = array(a0, a1, a2, a3);
    for (var t = 0u; t < 4; t++) {
      add_A(group.z, j + t, r, all[t]);
    }
  } else {
    let q = (left - column_tiles) * 4;
    for (var i = group.z * p.part_rows; i < end; i++) {
      let w = load_W(i, r);
      let x = load_W(i, q);
      a0 += x.x * w;
      a1 += x.y * w;
      a2 += x.z * w;
      a3 += x.w * w;
    }
    let all = array(a0, a1, a2, a3);
    for (var t = 0u; t < 4; t++) {
      add_S(group.z, q + t, r, all[t]);
    }
  }
}
