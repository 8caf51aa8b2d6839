// U = W·H for one tile of X: the model that products of any β are formed from.
//
// One thread owns 4 × 4 entries of U and keeps them in registers. H comes as rank × columns, or as Hᵀ (columns × rank), as
// fits hold it: then every step is four dot products of four values.

override WORKGROUP: u32 = 64;
// Whether rank, columns and stride are multiples of 4: then W4 and H4 are bound, else W and H.
override ALIGNED: bool = false;
// Whether H is Hᵀ; its stride is the rank then.
override TRANSPOSED: bool = false;

struct Params {
  rows: u32,
  columns: u32,
  rank: u32,
  stride: u32,
  first_row: u32, // of W
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> W: array<f32>;
@group(0) @binding(2) var<storage, read> W4: array<vec4f>;
@group(0) @binding(3) var<storage, read> H: array<f32>;
@group(0) @binding(4) var<storage, read> H4: array<vec4f>;
@group(0) @binding(5) var<storage, read_write> U: array<f32>;

fn load_W(i: u32, r: u32) -> vec4f {
  let at = (p.first_row + i) * p.rank + r;
  if (ALIGNED) {
    return W4[at / 4];
  }
  let inside = vec4u(r, r + 1, r + 2, r + 3) < vec4u(p.rank);
  return select(vec4f(), vec4f(W[at], W[at + 1], W[at + 2], W[at + 3]), inside);
}

// Four values of a row of H as it comes, zero beyond `width` and in rows from `height` on.
fn load_H(row: u32, at: u32, height: u32, width: u32) -> vec4f {
  let first = row * p.stride + at;
  if (ALIGNED) {
    return H4[first / 4];
  }
  let inside = vec4<bool>(row < height) & (vec4u(at, at + 1, at + 2, at + 3) < vec4u(width));
  return select(vec4f(), vec4f(H[first], H[first + 1], H[first + 2], H[first + 3]), inside);
}

fn store_U(i: u32, j: u32, u: vec4f) {
  if (i >= p.rows) {
    return;
  }
  let at = i * p.columns + j;
  U[at] = u.x;
  if (j + 1 < p.columns) {
    U[at + 1] = u.y;
  }
  if (j + 2 < p.columns) {
    U[at + 2] = u.z;
  }
  if (j + 3 < p.columns) {
    U[at + 3] = u.w;
  }
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let column_tiles = (p.columns + 3) / 4;
  let tile = (group.y * groups.x + group.x) * WORKGROUP + lane;
  let i = tile / column_tiles * 4;
  let j = tile % column_tiles * 4;
  if (i >= p.rows) {
    return;
  }
  // rows past the end repeat the last one and are not stored
  let last = p.rows - 1;
  let i1 = min(i + 1, last);
  let i2 = min(i + 2, last);
  let i3 = min(i + 3, last);
  var u0 = vec4f();
  var u1 = vec4f();
  var u2 = vec4f();
  var u3 = vec4f();
  for (var r = 0u; r < p.rank; r += 4) {
    let w0 = load_W(i, r);
    let w1 = load_W(i1, r);
    let w2 = load_W(i2, r);
    let w3 = load_W(i3, r);
    if (TRANSPOSED) {
      let h0 = load_H(j, r, p.columns, p.rank);
      let h1 = load_H(j + 1, r, p.columns, p.rank);
      let h2 = load_H(j + 2, r, p.columns, p.rank);
      let h3 = load_H(j + 3, r, p.columns, p.rank);
      u0 += vec4f(dot(w0, h0), dot(w0, h1), dot(w0, h2), dot(w0, h3));
      u1 += vec4f(dot(w1, h0), dot(w1, h1), dot(w1, h2), dot(w1, h3));
      u2 += vec4f(dot(w2, h0), dot(w2, h1), dot(w2, h2), dot(w2, h3));
      u3 += vec4f(dot(w3, h0), dot(w3, h1), dot(w3, h2), dot(w3, h3));
    } else {
      let h0 = load_H(r, j, p.rank, p.columns);
      let h1 = load_H(r + 1, j, p.rank, p.columns);
      let h2 = load_H(r + 2, j, p.rank, p.columns);
      let h3 = load_H(r + 3, j, p.rank, p.columns);
      u0 += w0.x * h0 + w0.y * h1 + w0.z * h2 + w0.w * h3;
      u1 += w1.x * h0 + w1.y * h1 + w1.z * h2 + w1.w * h3;
      u2 += w2.x * h0 + w2.y * h1 + w2.z * h2 + w2.w * h3;
      u3 += w3.x * h0 + w3.y * h1 + w3.z * h2 + w3.w * h3;
    }
  }
  let all = array(u0, u1, u2, u3);
  for (var t = 0u; t < 4; t++) {
    store_U(i + t, j, all[t]);
  }
}
