// One or more sweeps of coordinate descent over the rows of a factor, in place. Cichocki & Phan, IEICE Trans. Fundamentals
// 2009, algorithm 2, in the order of scikit-learn.
//
// Rows do not depend on each other, and a row is one thread's or, where rows are few, that of LANES threads that are near each
// other: each of these has every LANES-th tile of 4 components, reads and writes no others, and adds what they bring to a
// gradient to what the others have. So a coordinate sees the row as the ones before it left it without a barrier, and further
// rounds need no dispatch. Threads that are not near each other leave the row to the first of them. Where each has one tile,
// it keeps that in registers with its part of N: a coordinate then waits for what the threads hand over, and no memory. G is
// symmetric: its column is read as a row, four values at a time, which all threads of a workgroup share. N may come in parts
// (`N_parts` of N_part_length entries) that are added here. Stands behind subgroups.wgsl or alone.wgsl, moving.wgsl and
// parts.wgsl.

override WORKGROUP: u32 = 64;
// Whether rank is a multiple of 4: then G4 is bound, else G.
override ALIGNED: bool = false;
// Threads of a row: a power of 2 up to NEAR.
override LANES: u32 = 1;
// Whether 4 · LANES components are all that there are.
override HELD: bool = false;

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

fn store_F(row: u32, s: u32, value: f32) {
  if (s < p.rank) {
    F[row + s] = value;
  }
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

// Σ over the threads of a row, in each of them; `near`: whether they share it.
fn total(near: bool, part: f32) -> f32 {
  var sum = part;
  for (var mask = 1u; mask < LANES; mask *= 2) {
    sum += select(0, across_one(sum, mask), near);
  }
  return sum;
}

// What a coordinate becomes, and what it adds to the violation.
fn moved(old: f32, gradient: f32, bend: f32) -> vec2f {
  // the part of the gradient that points into [0, most]
  let rising = select(gradient, max(0, gradient), old >= p.most);
  let violation = abs(select(rising, min(0, gradient), old <= 0));
  if (bend > 0) {
    let to = old - gradient / bend;
    return vec2f(select(min(to, p.most), 0, to < SMALLEST), violation);
  }
  return vec2f(old, violation);
}

// The step of component r, which is number k of tile `owner`; `f`, `n` and `g` are this thread's tiles of the row, of N and of
// row r of G. Returns what it adds to the violation.
fn step_of(f: ptr<function, vec4f>, n: vec4f, g: vec4f, r: u32, k: u32, own: u32, works: bool) -> f32 {
  let old = *f;
  let model = total(true, dot(old, g));
  if (!works || r / 4 != own || r >= p.moving) {
    return 0f;
  }
  // the tile's number k of row r is G's diagonal
  let to = moved(old[k], model - n[k] + p.l1 + p.l2 * old[k], g[k] + p.l2);
  *f = select(old, vec4f(to.x), vec4u(0, 1, 2, 3) == vec4u(k));
  return to.y;
}

// All rounds of a row whose threads are near and have one tile each, in their registers from the first load to the last store.
fn sweep_held(row: u32, own: u32, rounds: u32, works: bool) -> f32 {
  let first = 4 * own;
  let has = works && first < p.rank;
  var f = vec4f();
  var n = vec4f();
  if (has) {
    f = load_F(row, first);
    n = sums_of_N(row + first);
  }
  var violation = 0f;
  for (var round = 0u; round < rounds; round++) {
    var added = 0f;
    for (var r = 0u; r < p.moving; r += 4) {
      var g0 = vec4f();
      var g1 = vec4f();
      var g2 = vec4f();
      var g3 = vec4f();
      if (has) {
        g0 = load_G(r, first);
        g1 = load_G(r + 1, first);
        g2 = load_G(r + 2, first);
        g3 = load_G(r + 3, first);
      }
      added += step_of(&f, n, g0, r, 0, own, works);
      added += step_of(&f, n, g1, r + 1, 1, own, works);
      added += step_of(&f, n, g2, r + 2, 2, own, works);
      added += step_of(&f, n, g3, r + 3, 3, own, works);
    }
    violation = select(violation, added, round == 0);
  }
  if (has) {
    // one by one: a vector that a loop indexes is kept in memory, all of its life
    store_F(row, first, f.x);
    store_F(row, first + 1, f.y);
    store_F(row, first + 2, f.z);
    store_F(row, first + 3, f.w);
  }
  return violation;
}

// The same with the row in the device's memory, which threads that are not near each other leave to the first of them.
fn sweep(row: u32, own: u32, sharing: u32, near: bool, rounds: u32, works: bool) -> f32 {
  var violation = 0f;
  for (var round = 0u; round < rounds; round++) {
    for (var r = 0u; r < p.moving; r++) {
      var product = vec4f();
      if (works) {
        for (var s = 4 * own; s < p.rank; s += 4 * sharing) {
          product += load_F(row, s) * load_G(r, s);
        }
      }
      let model = total(near, (product.x + product.y) + (product.z + product.w));
      if (works && r / 4 % sharing == own) {
        let old = F[row + r];
        let to = moved(old, model - sum_of_N(row + r) + p.l1 + p.l2 * old, diagonal(r) + p.l2);
        violation += select(0, to.y, round == 0);
        F[row + r] = to.x;
      }
    }
  }
  return violation;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = ((group.y * groups.x + group.x) * WORKGROUP + lane) / LANES;
  let row = i * p.rank;
  let rounds = select(p.rounds, 1, holds[DONE] < f32(p.single));
  // threads without a part of a row that moves take part in what others hand over
  let moves = i < p.rows && moving_of(i) > 0;
  var violation = 0f;
  let near = are_near(lane, LANES);
  if (HELD && are_all_near(lane, LANES)) {
    violation = sweep_held(row, lane % LANES, rounds, moves);
  } else {
    let leads = lane % LANES == 0;
    let own = select(0, lane % LANES, near);
    violation = sweep(row, own, select(1, LANES, near), near, rounds, moves && (leads || near));
  }
  violation = total(near, violation);
  if (i < p.rows && lane % LANES == 0) {
    terms[p.first_term + i] = violation;
  }
}
