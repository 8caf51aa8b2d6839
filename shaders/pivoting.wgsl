// Exact least squares of a row between bounds, as ts/kernels/pivoting.ts says and derives it, in pairs of f32 where that has
// float64. Kim & Park, SIAM J. Sci. Comput. 33 (2011), algorithm 2, with a third place for upper bounds as in Júdice & Pires,
// JOTA 74 (1992); rows whose system is singular by a proximal step and active sets. Stands behind pairs.wgsl and
// least_squares.wgsl, and before the text of bpp_update, whose Params it reads.
//
// Sets of components are bits of two words. A row's own set is no other thread's business: rows part ways after the first
// exchange, and none waits for another.

// A component depends on those before it where its pivot is below this share of its diagonal entry.
const LEAST_PIVOT = 0x1p-24f;
// Of the proximal term, in units of the largest entry of the diagonal.
const PROXIMAL = 0x1p-20f;
// A gradient counts as zero below this share of what is wanted: pairs hold six bits fewer than float64.
const SLACK = 0x1p-34f;

// Where components are: between the bounds, or at the upper one; the others are at zero.
var<private> loose: vec2u;
var<private> upper: vec2u;
// Where those belong that break the conditions of a minimum.
var<private> to_zero: vec2u;
var<private> to_upper: vec2u;
var<private> to_loose: vec2u;
// The proximal term.
var<private> raised: f32;

fn has(components: vec2u, r: u32) -> bool {
  return ((components[r / 32] >> (r % 32)) & 1) == 1;
}

fn only(r: u32) -> vec2u {
  return select(vec2u(0, 1u << (r % 32)), vec2u(1u << (r % 32), 0), r < 32);
}

// G + l2·I, G being the row's own or that of all rows, and the proximal term on what of its diagonal is not zero.
fn bend(r: u32, s: u32) -> vec2f {
  var sum: vec2f;
  if (p.own != 0) {
    sum = S[system(max(r, s), min(r, s))];
  } else {
    sum = vec2f(G[r * p.rank + s], 0);
  }
  if (r == s) {
    sum = plus(sum, vec2f(p.l2, 0));
    if (sum.x > 0) {
      sum = plus(sum, vec2f(raised, 0));
    }
  }
  return sum;
}

// The gradient along component r, at one of the vectors.
fn slope(r: u32, vector: u32) -> vec2f {
  var sum = -S[entry(WANTED, r)];
  for (var s = 0u; s < p.moving; s++) {
    let f = S[entry(vector, s)];
    if (f.x != 0) {
      sum = less(sum, -bend(r, s), f);
    }
  }
  return sum;
}

// Solves for the loose components, by Cholesky in their order, the others where they are held; whether one of them, which is not
// zero in all of the system, depends on those before it. Such a one becomes zero.
fn solve() -> bool {
  var kept = vec2u();
  var singular = false;
  for (var r = 0u; r < p.moving; r++) {
    S[entry(SOLUTION, r)] = vec2f(select(0, p.most, has(upper, r)), 0);
    if (!has(loose, r)) {
      continue;
    }
    let own = bend(r, r);
    var pivot = own;
    var right = S[entry(WANTED, r)];
    for (var s = 0u; s < p.moving; s++) {
      if (has(upper, s)) {
        right = less(right, bend(r, s), vec2f(p.most, 0));
      }
    }
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
      let scaled = over(sum, S[factor(s, s)]);
      S[factor(r, s)] = scaled;
      pivot = less(pivot, scaled, scaled);
      right = less(right, scaled, S[entry(HALFWAY, s)]);
    }
    if (!(pivot.x > LEAST_PIVOT * own.x)) {
      singular = singular || own.x > 0;
      continue;
    }
    let diagonal = root(pivot);
    S[factor(r, r)] = diagonal;
    S[entry(HALFWAY, r)] = over(right, diagonal);
    kept |= only(r);
  }
  for (var above = p.moving; above > 0; above--) {
    let r = above - 1;
    if (!has(kept, r)) {
      continue;
    }
    var sum = S[entry(HALFWAY, r)];
    for (var s = above; s < p.moving; s++) {
      if (has(kept, s)) {
        sum = less(sum, S[factor(s, r)], S[entry(SOLUTION, s)]);
      }
    }
    S[entry(SOLUTION, r)] = over(sum, S[factor(r, r)]);
  }
  return singular;
}

// Puts the components of the start where they are at first; the gradient that counts as zero.
fn begin() -> f32 {
  loose = vec2u();
  upper = vec2u();
  var largest = 0f;
  for (var r = 0u; r < p.moving; r++) {
    largest = max(largest, abs(S[entry(WANTED, r)].x));
    let f = S[entry(START, r)].x;
    if (f >= p.most && bend(r, r).x > 0) {
      upper |= only(r);
    } else if (f > 0 && bend(r, r).x > 0) {
      loose |= only(r);
    }
  }
  return SLACK * largest;
}

// Finds what breaks the conditions of a minimum at the solution.
fn judge(slack: f32) -> vec2u {
  to_zero = vec2u();
  to_upper = vec2u();
  to_loose = vec2u();
  for (var r = 0u; r < p.moving; r++) {
    if (has(loose, r)) {
      let f = S[entry(SOLUTION, r)].x;
      if (f < 0) {
        to_zero |= only(r);
      } else if (f > p.most) {
        to_upper |= only(r);
      }
    } else {
      let gradient = slope(r, SOLUTION).x;
      if (select(-gradient, gradient, has(upper, r)) > slack) {
        to_loose |= only(r);
      }
    }
  }
  return to_zero | to_upper | to_loose;
}

// Puts some of what `judge` has found where it belongs.
fn exchange(some: vec2u) {
  loose = (loose & ~(some & (to_zero | to_upper))) | (some & to_loose);
  upper = (upper & ~(some & to_loose)) | (some & to_upper);
}

// How much of the way from one value to another lies within the bounds.
fn share_within(value: f32, end: f32) -> f32 {
  if (end < 0) {
    return value / (value - end);
  }
  if (end > p.most) {
    return (p.most - value) / (end - value);
  }
  return 1;
}

fn inside(f: vec2f) -> vec2f {
  if (f.x < 0) {
    return vec2f();
  }
  return select(f, vec2f(p.most, 0), f.x >= p.most);
}

// Whether the row's quadratic is less where the solution is cut to than at the start.
fn falls() -> bool {
  var change = vec2f();
  for (var turn = 0u; turn < 2; turn++) {
    let vector = select(START, CUT, turn == 1);
    let sign = select(-1f, 1f, turn == 1);
    for (var r = 0u; r < p.moving; r++) {
      let f = sign * S[entry(vector, r)];
      if (f.x != 0) {
        change = plus(change, times(f, plus(slope(r, vector), -S[entry(WANTED, r)])));
      }
    }
  }
  return change.x < 0;
}

// Moves the start towards the solution, or to where this is cut to the bounds; whether it came there. Components that are in the
// way are held.
fn moved() -> bool {
  var share = 1f;
  for (var r = 0u; r < p.moving; r++) {
    let end = S[entry(SOLUTION, r)];
    share = min(share, share_within(S[entry(START, r)].x, end.x));
    S[entry(CUT, r)] = inside(end);
  }
  let cuts = share < 1 && falls();
  for (var r = 0u; r < p.moving; r++) {
    let value = S[entry(START, r)];
    let end = S[entry(SOLUTION, r)];
    let is_beyond = end.x < 0 || end.x > p.most;
    if (share < 1 && select(share_within(value.x, end.x) <= share, is_beyond, cuts)) {
      loose &= ~only(r);
      upper |= select(vec2u(), only(r), end.x > p.most);
      S[entry(START, r)] = inside(end);
    } else if (share == 1 || cuts) {
      S[entry(START, r)] = end;
    } else {
      S[entry(START, r)] = inside(plus(value, times(vec2f(share, 0), plus(end, -value))));
    }
  }
  return share == 1;
}

// The proximal term, which moves no minimum of the row and makes its own the only one.
fn approach() {
  var largest = 0f;
  for (var r = 0u; r < p.moving; r++) {
    largest = max(largest, bend(r, r).x);
  }
  let term = PROXIMAL * largest;
  for (var r = 0u; r < p.moving; r++) {
    let f = S[entry(START, r)];
    if (bend(r, r).x > 0) {
      S[entry(WANTED, r)] = plus(S[entry(WANTED, r)], times(vec2f(term, 0), f));
    }
    S[entry(START, r)] = inside(f);
  }
  raised = term;
}

// The solution becomes the row's minimum, by block pivoting: all components that break its conditions change places while their
// number falls, else, after three more tries, the last alone. Where a system is singular, or where there is no end to it, by active
// sets, or it becomes what that came to on the way; no step of these raises anything. Nocedal & Wright, Numerical Optimization,
// algorithm 16.3, for bounds, with steps cut to the bounds tried first. Both ways in one loop, as compilers copy all that is called.
fn minimise() {
  let patience = 5 * p.moving + 20;
  var descends = false;
  var slack = begin();
  var fewest = p.moving + 1;
  var chances = 3u;
  for (var steps = 0u; ; steps++) {
    let singular = solve();
    if (!descends && (singular || steps > patience)) {
      descends = true;
      steps = 0;
      approach();
      slack = begin();
      continue;
    }
    if (descends && steps > patience) {
      break;
    }
    if (descends && !moved()) {
      continue;
    }
    var changing = judge(slack);
    let count = countOneBits(changing.x) + countOneBits(changing.y);
    if (count == 0) {
      return;
    }
    if (count < fewest) {
      fewest = count;
      chances = 3;
    } else if (chances > 0) {
      chances--;
    } else if (!descends) {
      changing = select(only(firstLeadingBit(changing.x)), only(32 + firstLeadingBit(changing.y)), changing.y != 0);
    }
    exchange(changing);
  }
  for (var r = 0u; r < p.moving; r++) {
    S[entry(SOLUTION, r)] = S[entry(START, r)];
  }
}
