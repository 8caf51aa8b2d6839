// What the exact least squares of a row works with: before the text of bpp_dense and bpp_csr, which make systems for rows, and of
// bpp_update, which solves them. Their Params have `moving` and `threads`, and they bind `S`.
//
// One thread solves for a row. What it works with lies in S in pairs, place by place, so that neighbours in the same place read
// together: the Cholesky factor of the free components by rows, four vectors, and where the row has a system of its own that, its
// lower triangle by rows.

const WANTED = 0u; // the right-hand side
const SOLUTION = 1u;
const HALFWAY = 2u; // the solution of the triangle above the solution
const CUT = 2u; // then: the solution between the bounds
const START = 3u; // where the row is
const VECTORS = 4u;

var<private> thread: u32;

fn place(at: u32) -> u32 {
  return at * p.threads + thread;
}

// Row r of the Cholesky factor at s ≤ r.
fn factor(r: u32, s: u32) -> u32 {
  return place(r * (r + 1) / 2 + s);
}

// Component r of one of the vectors.
fn entry(vector: u32, r: u32) -> u32 {
  return place(p.moving * (p.moving + 1) / 2 + vector * p.moving + r);
}

// Row r of the system at s ≤ r.
fn system(r: u32, s: u32) -> u32 {
  return entry(VECTORS, r * (r + 1) / 2 + s);
}
