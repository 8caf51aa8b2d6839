// N = X·Hᵀ for a panel of rows; Ht is Hᵀ, columns × rank. Lee & Seung, NIPS 2000, equation 4 (numerator).
//
// In `main` one thread owns 4 rows × 4 ranks and keeps them in registers: 16 multiply-adds per vector load, without workgroup
// memory, whose barriers cost more than they save where a driver runs threads as coroutines. Neighbouring threads differ
// in the rank, so they share the loads of X and read one row of Ht together. `staged` (staged.wgsl) shares what it loads
// among a workgroup. group.z cuts the columns into parts whose
// sums lie `part_length` apart; the consumer adds them. X is f32 or, where it is stored so, f16: `stored` is defined before.

override WORKGROUP: u32 = 64;
// Whether stride, columns, rank and X_first are multiples of 4: then X4 and Ht4 are bound, else X and Ht.
override ALIGNED: bool = false;

struct Params {
  rows: u32,
  columns: u32,
  rank: u32,
  stride: u32,
  first_row: u32, // of N
  part_columns: u32, // a multiple of 4
  part_length: u32,
  X_first: u32, // where the panel begins
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> X: array<stored>;
@group(0) @binding(2) var<storage, read> X4: array<vec4<stored>>;
@group(0) @binding(3) var<storage, read> Ht: array<f32>;
@group(0) @binding(4) var<storage, read> Ht4: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> N: array<f32>;

fn load_X(i: u32, j: u32) -> vec4f {
  let at = p.X_first + i * p.stride + j;
  if (ALIGNED) {
    return vec4f(X4[at / 4]);
  }
  let inside = vec4u(j, j + 1, j + 2, j + 3) < vec4u(p.columns);
  return select(vec4f(), vec4f(vec4(X[at], X[at + 1], X[at + 2], X[at + 3])), inside);
}

fn load_Ht(j: u32, r: u32) -> vec4f {
  let at = j * p.rank + r;
  if (ALIGNED) {
    return Ht4[at / 4];
  }
  let inside = vec4<bool>(j < p.columns) & (vec4u(r, r + 1, r + 2, r + 3) < vec4u(p.rank));
  return select(vec4f(), vec4f(Ht[at], Ht[at + 1], Ht[at + 2], Ht[at + 3]), inside);
}

fn store_N(part: u32, i: u32, r: u32, n: vec4f) {
  if (i >= p.rows) {
    return;
  }
  let at = part * p.part_length + (p.first_row + i) * p.rank + r;
  N[at] = n.x;
  if (r + 1 < p.rank) {
    N[at + 1] = n.y;
  }
  if (r + 2 < p.rank) {
    N[at + 2] = n.z;
  }
  if (r + 3 < p.rank) {
    N[at + 3] = n.w;
  }
}

fn tiles_down() -> u32 {
  return (p.rows + HEIGHT - 1) / HEIGHT;
}

fn terms_of(part: u32) -> vec2u {
  return vec2u(part * p.part_columns, min(p.columns, (part + 1) * p.part_columns));
}

// Where in a tile a block of 4 rows × 4 terms lies: neighbouring threads load neighbours of a row.
fn left_at(block: u32) -> vec2u {
  return 4 * vec2u(block / (DEPTH / 4), block % (DEPTH / 4));
}

// By terms, each with its four rows; rows past the end repeat the last one and are not stored.
fn load_left(tile: u32, row: u32, j: u32, end: u32) -> mat4x4f {
  if (j >= end) {
    return mat4x4f();
  }
  let i = tile * HEIGHT + row;
  let last = p.rows - 1;
  let x0 = load_X(min(i, last), j);
  let x1 = load_X(min(i + 1, last), j);
  let x2 = load_X(min(i + 2, last), j);
  let x3 = load_X(min(i + 3, last), j);
  return transpose(mat4x4f(x0, x1, x2, x3));
}

fn load_right(j: u32, r: u32) -> vec4f {
  return load_Ht(j, r);
}

fn store(part: u32, tile: u32, row: u32, r: u32, n: vec4f) {
  store_N(part, tile * HEIGHT + row, r, n);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let rank_tiles = (p.rank + 3) / 4;
  let tile = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let i = tile / rank_tiles * 4;
  let r = tile % rank_tiles * 4;
  if (i >= p.rows) {
    return;
  }
  // rows past the end repeat the last one and are not stored
  let last = p.rows - 1;
  let i1 = min(i + 1, last);
  let i2 = min(i + 2, last);
  let i3 = min(i + 3, last);
  let end = min(p.columns, (group.z + 1) * p.part_columns);
  var n0 = vec4f();
  var n1 = vec4f();
  var n2 = vec4f();
  var n3 = vec4f();
  for (var j = group.z * p.part_columns; j < end; j += 4) {
    let h0 = load_Ht(j, r);
    let h1 = load_Ht(j + 1, r);
    let h2 = load_Ht(j + 2, r);
    let h3 = load_Ht(j + 3, r);
    let x0 = load_X(i, j);
    let x1 = load_X(i1, j);
    let x2 = load_X(i2, j);
    let x3 = load_X(i3, j);
    n0 += x0.x * h0 + x0.y * h1 + x0.z * h2 + x0.w * h3;
    n1 += x1.x * h0 + x1.y * h1 + x1.z * h2 + x1.w * h3;
    n2 += x2.x * h0 + x2.y * h1 + x2.z * h2 + x2.w * h3;
    n3 += x3.x * h0 + x3.y * h1 + x3.z * h2 + x3.w * h3;
  }
  let all = array(n0, n1, n2, n3);
  for (var t = 0u; t < 4; t++) {
    store_N(group.z, i + t, r, all[t]);
  }
}
