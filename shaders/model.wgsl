// The model of 4 × 4 entries of a tile of X, and what the loss needs beside it: stands before the text of kernels that bind
// W, Ht, X and V, and whose Params have the sizes and places of these. Stands behind hashed.wgsl, behind beta.wgsl for four
// entries at a time, and behind the type `stored` of X. Weights are 1, a matrix, or a hash of seed and place, of which nothing is
// stored.
//
// Rows are read four values at a time; what lies beyond the last row or column has a weight of 0.

@group(0) @binding(1) var<storage, read> W: array<vec4f>;
@group(0) @binding(2) var<storage, read> Ht: array<vec4f>;
@group(0) @binding(3) var<storage, read> X: array<vec4<stored>>;
@group(0) @binding(4) var<storage, read> V: array<vec4f>;

fn inside(i: u32, j: u32) -> vec4<bool> {
  return vec4<bool>(i < p.rows) & (vec4u(j, j + 1, j + 2, j + 3) < vec4u(p.columns));
}

fn weights(i: u32, j: u32) -> vec4f {
  var v = vec4f(1);
  if (p.weights == 1) {
    v = V[(p.V_first + min(i, p.rows - 1) * p.V_stride + j) / 4];
  } else if (p.weights == 2) {
    let row = p.row + i;
    v = vec4f(hashed(row, j), hashed(row, j + 1), hashed(row, j + 2), hashed(row, j + 3));
  }
  return select(vec4f(), v, inside(i, j));
}

fn entries(i: u32, j: u32) -> vec4f {
  let x = vec4f(X[(p.X_first + min(i, p.rows - 1) * p.X_stride + j) / 4]);
  return select(vec4f(), x, inside(i, j));
}

// Where rows i … i + 3 of W begin; those past the end repeat the last one.
fn rows_of_W(i: u32) -> vec4u {
  return (vec4u(p.first_row) + min(vec4u(i, i + 1, i + 2, i + 3), vec4u(p.rows - 1))) * (p.rank / 4);
}

// The same of Ht.
fn rows_of_Ht(j: u32) -> vec4u {
  return min(vec4u(j, j + 1, j + 2, j + 3), vec4u(p.columns - 1)) * (p.rank / 4);
}

// U = W·H from entry i, j on, row by row.
fn model(i: u32, j: u32) -> array<vec4f, 4> {
  let w = rows_of_W(i);
  let h = rows_of_Ht(j);
  var u0 = vec4f();
  var u1 = vec4f();
  var u2 = vec4f();
  var u3 = vec4f();
  for (var r = 0u; r < p.rank / 4; r++) {
    let w0 = W[w.x + r];
    let w1 = W[w.y + r];
    let w2 = W[w.z + r];
    let w3 = W[w.w + r];
    let h0 = Ht[h.x + r];
    let h1 = Ht[h.y + r];
    let h2 = Ht[h.z + r];
    let h3 = Ht[h.w + r];
    u0 += vec4f(dot(w0, h0), dot(w0, h1), dot(w0, h2), dot(w0, h3));
    u1 += vec4f(dot(w1, h0), dot(w1, h1), dot(w1, h2), dot(w1, h3));
    u2 += vec4f(dot(w2, h0), dot(w2, h1), dot(w2, h2), dot(w2, h3));
    u3 += vec4f(dot(w3, h0), dot(w3, h1), dot(w3, h2), dot(w3, h3));
  }
  return array(u0, u1, u2, u3);
}

fn loss_of(v: vec4f, x: vec4f, u: vec4f) -> f32 {
  let loss = select(vec4f(), v * divergence(x, u), v != vec4f());
  return (loss.x + loss.y) + (loss.z + loss.w);
}
