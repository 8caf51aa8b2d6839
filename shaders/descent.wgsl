// What coordinate descent along the rows of a factor is made of, for dense and CSR rows; it stands behind beta.wgsl and before
// the text of cd_dense and cd_csr, whose Params have `beta`, `least`, `most` and `first_spill`, and which bind `scratch`.
// Hsieh & Dhillon, KDD 2011, section 4; steps and curvature as in ts/kernels/cd_dense.ts.
//
// LANES threads of a workgroup share a row. Each of them keeps to the same places of it through the whole sweep, so the row's
// model, which it keeps up to date there, needs no barrier; what a step is made of needs one. The models of a
// workgroup's rows lie in its own memory, those of rows that are too long for it in `scratch`.

override WORKGROUP: u32 = 64;
// A divisor of WORKGROUP.
override LANES: u32 = 64;
// Values of a workgroup's models.
override ROOM: u32 = 2048;

// 2⁻⁶³: results below it become zero.
const SMALLEST = 0x1p-63f;
// of `holds`: iterations that stand
const DONE = 5;

var<workgroup> models: array<f32, ROOM>;
var<workgroup> parts: array<Slopes, 2 * WORKGROUP>;

// What a step is made of, of some of a row's places: the gradient, the curvature, and for β > 2 the largest o/u.
struct Slopes {
  gradient: f32,
  bend: f32,
  steepest: f32,
  old: f32, // the coordinate itself, from the row's first thread: no other reads what that one writes
}

// Where the model of a row is, from its first place on.
struct Model {
  near: bool, // in the workgroup's memory
  first: u32,
}

// `far`: where it begins in `scratch`, beyond first_spill.
fn model_of(lane: u32, places: u32, far: u32) -> Model {
  let room = ROOM / (WORKGROUP / LANES);
  if (places <= room) {
    return Model(true, lane / LANES * room);
  }
  return Model(false, p.first_spill + far);
}

fn load_model(model: Model, place: u32) -> f32 {
  if (model.near) {
    return models[model.first + place];
  }
  return scratch[model.first + place];
}

fn store_model(model: Model, place: u32, u: f32) {
  if (model.near) {
    models[model.first + place] = u;
  } else {
    scratch[model.first + place] = u;
  }
}

// All of a row's places, the same bits in each of its threads. Calls take turns with two halves of the memory, so that nobody
// overwrites what others still read and one barrier a call will do.
fn total(lane: u32, turn: u32, part: Slopes) -> Slopes {
  let half = turn % 2 * WORKGROUP;
  parts[half + lane] = part;
  workgroupBarrier();
  let first = half + lane / LANES * LANES;
  var all = Slopes();
  for (var other = 0u; other < LANES; other++) {
    let of_one = parts[first + other];
    all.gradient += of_one.gradient;
    all.bend += of_one.bend;
    all.steepest = max(all.steepest, of_one.steepest);
  }
  all.old = parts[first].old;
  return all;
}

// With one more place: v·(u^(β−1) − x·u^(β−2))·o, the first of the two times `push`, v·curvature·o², and o/u, at a u that may
// be no more than rounding errors: see `steady` in ts/kernels/beta.ts.
fn with_place(part: Slopes, x: f32, v: f32, u: f32, o: f32, push: f32) -> Slopes {
  let beta = p.beta;
  if (beta == 2) {
    return Slopes(part.gradient + v * (push * u - x) * o, part.bend + v * o * o, 0, part.old);
  }
  let model = max(u, 0x1p-23f);
  let q = power(model, beta - 2);
  let gradient = push * select(model * q, 1, beta == 1) - x * q;
  let bend = q * (max(0, beta - 1) + max(0, 2 - beta) * x / model);
  let steepest = select(part.steepest, max(part.steepest, o / model), beta > 2 && v > 0);
  return Slopes(part.gradient + v * gradient * o, part.bend + v * bend * o * o, steepest, part.old);
}

// (1 + w)^e − 1 for w ≥ 0, to the digits of w where it is small: pow has no more than those of 1 there. By the series of
// artanh and of the exponential function.
fn growth(w: f32, e: f32) -> f32 {
  if (w > 1) {
    return pow(1 + w, e) - 1;
  }
  let z = w / (2 + w);
  let q = z * z;
  var series = 1f / 13;
  for (var odd = 11f; odd > 0; odd -= 2) {
    series = 1 / odd + q * series;
  }
  let y = e * 2 * z * series;
  if (abs(y) > 0.5) {
    return exp(y) - 1;
  }
  var sum = 1f;
  for (var n = 8f; n > 1; n -= 1) {
    sum = 1 + y / n * sum;
  }
  return y * sum;
}

// Where a step from `value` ends, on [0, most]: `newton` of ts/kernels/cd_dense.ts, which derives it. The downward step's
// (1 + (2 − β)·g/(h·f))^(−1/(2−β)) is here a power of what lies between 0 and 1, and needs no quotient by a value that may be
// 0; where the power is no plain one and the step short, it is told from 1.
fn newton(value: f32, gradient: f32, bend: f32, steepest: f32) -> f32 {
  let beta = p.beta;
  if (!(bend > 0)) {
    return select(value, 0, gradient > 0);
  }
  var moved = value - gradient / bend;
  if (beta < 2 && gradient > 0) {
    let e = 1 / (2 - beta);
    let fall = (2 - beta) * gradient;
    let held = bend * value;
    let kept = held / (held + fall);
    if (fall < held && (fract(2 * e) != 0 || e > 4)) {
      moved = value + value * growth(fall / held, -e);
    } else {
      moved = select(0, value * power(kept, e), kept > 0);
    }
  } else if (beta > 2 && gradient < 0 && steepest > 0) {
    // where o/u comes to nothing, all powers of u are straight lines
    moved = value + growth((1 - beta) * gradient / bend * steepest, 1 / (beta - 1)) / steepest;
  }
  return select(min(moved, p.most), 0, moved < SMALLEST);
}

// The part of a gradient that points into [0, most], without its sign.
fn projected(value: f32, gradient: f32) -> f32 {
  let rising = select(gradient, max(0, gradient), value >= p.most);
  return abs(select(rising, min(0, gradient), value <= 0));
}
