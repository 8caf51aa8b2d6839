// Each row of a factor at its minimum over [0, most], in place, by block principal pivoting. Kim & Park, SIAM J. Sci. Comput. 33
// (2011), algorithm 2, row by row. Stands behind pairs.wgsl, moving.wgsl, least_squares.wgsl and pivoting.wgsl, which says how.
//
// One thread owns a row. Its system is that of all rows, N and G, of which N may come in parts (`N_parts` of N_part_length
// entries) that are added here; or it is its own, which bpp_dense or bpp_csr has left in S.

override WORKGROUP: u32 = 64;

// 2⁻⁶³: results below it become zero.
const SMALLEST = 0x1p-63f;

struct Params {
  rows: u32,
  rank: u32,
  moving: u32, // the first so many components move; at most 64
  first_row: u32, // of F and N
  N_parts: u32,
  N_part_length: u32,
  first_term: u32, // where the rows' violations go
  threads: u32, // from one place of S to the next
  zero: u32, // 0
  own: u32, // whether rows have systems of their own
  measure: u32, // whether these tell of the loss before
  first_loss: u32, // where the rows' losses go
  frozen: u32, // where flags of rows that stay begin
  l1: f32,
  l2: f32,
  most: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> N: array<f32>;
@group(0) @binding(2) var<storage, read> G: array<f32>;
@group(0) @binding(3) var<storage, read> holds: array<f32>;
@group(0) @binding(4) var<storage, read_write> F: array<f32>;
@group(0) @binding(5) var<storage, read_write> S: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> terms: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  thread = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (thread >= p.rows) {
    return;
  }
  if (p.measure != 0) {
    terms[p.first_loss + thread] = S[entry(SOLUTION, 0)].x;
  }
  if (moving_of(thread) == 0) {
    terms[p.first_term + thread] = 0;
    return;
  }
  let row = (p.first_row + thread) * p.rank;
  for (var r = 0u; r < p.moving; r++) {
    S[entry(START, r)] = vec2f(F[row + r], 0);
    if (p.own == 0) {
      var sum = vec2f(-p.l1, 0);
      for (var part = 0u; part < p.N_parts; part++) {
        sum = plus(sum, vec2f(N[part * p.N_part_length + row + r], 0));
      }
      for (var s = p.moving; s < p.rank; s++) {
        sum = less(sum, vec2f(F[row + s], 0), vec2f(G[s * p.rank + r], 0));
      }
      S[entry(WANTED, r)] = sum;
    }
  }
  var violation = 0f;
  for (var r = 0u; r < p.moving; r++) {
    let gradient = slope(r, START).x;
    let f = F[row + r];
    // the part of the gradient that points into [0, most]
    let rising = select(gradient, max(0, gradient), f >= p.most);
    violation += abs(select(rising, min(0, gradient), f <= 0));
  }
  minimise();
  for (var r = 0u; r < p.moving; r++) {
    let f = S[entry(SOLUTION, r)].x;
    F[row + r] = select(min(f, p.most), 0, f < SMALLEST);
  }
  terms[p.first_term + thread] = violation;
}
