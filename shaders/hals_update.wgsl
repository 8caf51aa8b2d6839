// One or more sweeps of coordinate descent over the rows of a factor, in place. Cichocki & Phan, IEICE Trans. Fundamentals
// 2009, algorithm 2, in the order of scikit-learn.
//
// Rows do not depend on each other and one thread owns a row, so a coordinate sees the row as the ones before it left it
// without a barrier, and further rounds need no dispatch. G is symmetric: its column is read as a row, four values at a
// time, which all threads of a workgroup share. N may come in parts (`N_parts` of N_part_length entries) that are added here.
// Stands behind moving.wgsl.

override WORKGROUP: u32 = 64;
// Whether rank is a multiple of 4: then G4 is bound, else G.
override ALIGNED: bool = false;

// 2⁻⁶³: results below it become zero.
const SMALLEST = 0x1p-63f;
// of `holds`: iterations that stand
const DONE = 5;

struct Params {
  rows: u32,
  rank: u32,
  moving: u32, // the first so many components move
  N_parts: u32,
  N_part_length: u32,
  first_term: u32, // where the rows' violations go
  rounds: u32,
  single: u32, // so many iterations of a fit that extrapolates take one round
  frozen: u32, // where flags of rows that stay begin
  l1: f32,
  l2: f32,
  most: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> N: array<f32>;
@group(0) @binding(2) var<storage, read> G: array<f32>;
@group(0) @binding(3) var<storage, read> G4: array<vec4f>;
@group(0) @binding(4) var<storage, read> holds: array<f32>;
@group(0) @binding(5) var<storage, read_write> F: array<f32>;
@group(0) @binding(6) var<storage, read_write> terms: array<f32>;

fn load_F(row: u32, s: u32) -> vec4f {
  let at = row + s;
  if (ALIGNED) {
    return vec4f(F[at], F[at + 1], F[at + 2], F[at + 3]);
  }
  let inside = vec4u(s, s + 1, s + 2, s + 3) < vec4u(p.rank);
  return select(vec4f(), vec4f(F[at], F[at + 1], F[at + 2], F[at + 3]), inside);
}

fn load_G(r: u32, s: u32) -> vec4f {
  let at = r * p.rank + s;
  if (ALIGNED) {
    return G4[at / 4];
  }
  let inside = vec4u(s, s + 1, s + 2, s + 3) < vec4u(p.rank);
  return select(vec4f(), vec4f(G[at], G[at + 1], G[at + 2], G[at + 3]), inside);
}

fn diagonal(r: u32) -> f32 {
  let at = r * (p.rank + 1);
  if (ALIGNED) {
    return G4[at / 4][at % 4];
  }
  return G[at];
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (i >= p.rows) {
    return;
  }
  let row = i * p.rank;
  let rounds = select(p.rounds, 1, holds[DONE] < f32(p.single));
  let moving = moving_of(i);
  var violation = 0f;
  for (var round = 0u; round < rounds; round++) {
    for (var r = 0u; r < moving; r++) {
      var product = vec4f();
      for (var s = 0u; s < p.rank; s += 4) {
        product += load_F(row, s) * load_G(r, s);
      }
      var n = 0f;
      for (var part = 0u; part < p.N_parts; part++) {
        n += N[part * p.N_part_length + row + r];
      }
      let old = F[row + r];
      let gradient = (product.x + product.y) + (product.z + product.w) - n + p.l1 + p.l2 * old;
      if (round == 0) {
        // the part of the gradient that points into [0, most]
        let rising = select(gradient, max(0, gradient), old >= p.most);
        violation += abs(select(rising, min(0, gradient), old <= 0));
      }
      let bend = diagonal(r) + p.l2;
      if (bend > 0) {
        let moved = old - gradient / bend;
        F[row + r] = select(min(moved, p.most), 0, moved < SMALLEST);
      }
    }
  }
  terms[p.first_term + i] = violation;
}
