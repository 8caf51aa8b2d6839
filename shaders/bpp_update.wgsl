// Each row of a factor at its minimum over [0, ∞), in place, by block principal pivoting, as in ts/kernels/bpp_update.ts, in
// pairs of f32 where that has float64. Kim & Park, SIAM J. Sci. Comput. 33 (2011), algorithm 2, row by row. Stands behind
// pairs.wgsl and moving.wgsl.
//
// There are no upper bounds here, and no proximal steps: a component that depends on those before it becomes zero, and a row
// that comes to no end within 5·moving + 20 exchanges keeps the positive part of its last solution.
//
// One thread owns a row: rows part ways after the first exchange, and none waits for another. Sets of components are bits of
// two words. What a thread works with lies in S, place by place, so that neighbours in the same place read together: the
// Cholesky factor of the passive set by rows, then what is wanted, the solution, and the solution of the triangle above it.

override WORKGROUP: u32 = 64;

// 2⁻⁶³: results below it become zero.
const SMALLEST = 0x1p-63f;
// A component depends on those before it where its pivot is below this share of its diagonal entry.
const LEAST_PIVOT = 0x1p-24f;
// A gradient counts as negative below this share of what is wanted: pairs hold six bits fewer than float64.
const SLACK = 0x1p-34f;

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
  frozen: u32, // where flags of rows that stay begin
  l1: f32,
  l2: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> N: array<f32>;
@group(0) @binding(2) var<storage, read> G: array<f32>;
@group(0) @binding(3) var<storage, read> holds: array<f32>;
@group(0) @binding(4) var<storage, read_write> F: array<f32>;
@group(0) @binding(5) var<storage, read_write> S: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> terms: array<f32>;

var<private> thread: u32;

fn has(components: vec2u, r: u32) -> bool {
  return ((components[r / 32] >> (r % 32)) & 1) == 1;
}

fn only(r: u32) -> vec2u {
  return select(vec2u(0, 1u << (r % 32)), vec2u(1u << (r % 32), 0), r < 32);
}

fn place(at: u32) -> u32 {
  return at * p.threads + thread;
}

// Row r of the Cholesky factor at s ≤ r.
fn factor(r: u32, s: u32) -> u32 {
  return place(r * (r + 1) / 2 + s);
}

fn wanted(r: u32) -> u32 {
  return place(p.moving * (p.moving + 1) / 2 + r);
}

fn solution(r: u32) -> u32 {
  return wanted(p.moving + r);
}

fn half_solved(r: u32) -> u32 {
  return wanted(2 * p.moving + r);
}

// G + l2·I
fn bend(r: u32, s: u32) -> vec2f {
  let g = G[r * p.rank + s];
  if (r == s) {
    return two_sum(g, p.l2);
  }
  return vec2f(g, 0);
}

// Solves for the components of `passive`, by Cholesky in their order; the others are zero.
fn solve(passive: vec2u) {
  var kept = vec2u();
  for (var r = 0u; r < p.moving; r++) {
    S[solution(r)] = vec2f();
    if (!has(passive, r)) {
      continue;
    }
    var pivot = bend(r, r);
    var right = S[wanted(r)];
    for (var s = 0u; s < r; s++) {
      if (!has(kept, s)) {
        continue;
      }
      var sum = bend(r, s);
      for (var t = 0u; t < s; t++) {
        if (has(kept, t)) {
          sum = less(sum, S[factor(r, t)], S[factor(s, t)]);
        }
      }
      let entry = over(sum, S[factor(s, s)]);
      S[factor(r, s)] = entry;
      pivot = less(pivot, entry, entry);
      right = less(right, entry, S[half_solved(s)]);
    }
    if (!(pivot.x > LEAST_PIVOT * bend(r, r).x)) {
      continue;
    }
    let diagonal = root(pivot);
    S[factor(r, r)] = diagonal;
    S[half_solved(r)] = over(right, diagonal);
    kept |= only(r);
  }
  for (var above = p.moving; above > 0; above--) {
    let r = above - 1;
    if (!has(kept, r)) {
      continue;
    }
    var sum = S[half_solved(r)];
    for (var s = above; s < p.moving; s++) {
      if (has(kept, s)) {
        sum = less(sum, S[factor(s, r)], S[solution(s)]);
      }
    }
    S[solution(r)] = over(sum, S[factor(r, r)]);
  }
}

// Components of the solution below zero, and others along which the loss falls.
fn breaking(passive: vec2u, slack: f32) -> vec2u {
  var found = vec2u();
  for (var r = 0u; r < p.moving; r++) {
    var breaks = S[solution(r)].x < 0;
    if (!has(passive, r)) {
      var gradient = -S[wanted(r)];
      for (var s = 0u; s < p.moving; s++) {
        if (has(passive, s)) {
          gradient = less(gradient, -bend(r, s), S[solution(s)]);
        }
      }
      breaks = gradient.x < -slack;
    }
    if (breaks) {
      found |= only(r);
    }
  }
  return found;
}

// Exchanges until no component breaks the conditions of a minimum: all that do while their number falls, else the last alone.
fn pivot_from(start: vec2u, slack: f32) {
  var passive = start;
  var fewest = p.moving + 1;
  var chances = 3u;
  for (var exchange = 0u; ; exchange++) {
    solve(passive);
    var changing = breaking(passive, slack);
    let count = countOneBits(changing.x) + countOneBits(changing.y);
    if (count == 0 || exchange >= 5 * p.moving + 20) {
      return;
    }
    if (count < fewest) {
      fewest = count;
      chances = 3;
    } else if (chances > 0) {
      chances--;
    } else if (changing.y != 0) {
      changing = only(32 + firstLeadingBit(changing.y));
    } else {
      changing = only(firstLeadingBit(changing.x));
    }
    passive ^= changing;
  }
}

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
  let term = p.first_term + p.first_row + thread;
  if (moving_of(thread) == 0) {
    terms[term] = 0;
    return;
  }
  let row = (p.first_row + thread) * p.rank;
  var largest = 0f;
  var start = vec2u();
  for (var r = 0u; r < p.moving; r++) {
    var sum = vec2f(-p.l1, 0);
    for (var part = 0u; part < p.N_parts; part++) {
      sum = plus(sum, vec2f(N[part * p.N_part_length + row + r], 0));
    }
    for (var s = p.moving; s < p.rank; s++) {
      sum = less(sum, vec2f(F[row + s], 0), vec2f(G[s * p.rank + r], 0));
    }
    S[wanted(r)] = sum;
    largest = max(largest, abs(sum.x));
    if (F[row + r] > 0) {
      start |= only(r);
    }
  }
  var violation = 0f;
  for (var r = 0u; r < p.moving; r++) {
    var gradient = -S[wanted(r)];
    for (var s = 0u; s < p.moving; s++) {
      gradient = less(gradient, -bend(r, s), vec2f(F[row + s], 0));
    }
    violation += abs(select(min(0, gradient.x), gradient.x, F[row + r] > 0));
  }
  pivot_from(start, SLACK * largest);
  for (var r = 0u; r < p.moving; r++) {
    let f = S[solution(r)].x;
    F[row + r] = select(f, 0, f < SMALLEST);
  }
  terms[term] = violation;
}
