// What coordinate descent along the rows of a factor is made of, for dense and CSR rows; it stands behind beta.wgsl and before
// the text of cd_dense and cd_csr, whose Params have `beta`, `least`, `most` and `first_spill`, and which bind `scratch`.
// Hsieh & Dhillon, KDD 2011, section 4; steps and curvature as in ts/kernels/cd_dense.ts.
//
// LANES threads of a workgroup share a row. Each of them keeps to the same places of it through the whole sweep, so the row's
// model, which it keeps up to date there, needs no barrier; the two sums that a step is made of need one. The models of a
// workgroup's rows lie in its own memory, those of rows that are too long for it in `scratch`.

override WORKGROUP: u32 = 64;
// A divisor of WORKGROUP.
override LANES: u32 = 64;
// Values of a workgroup's models.
override ROOM: u32 = 2048;

// 2⁻⁶³: results below it become zero.
const SMALLEST = 0x1p-63f;
// of `momentum`: iterations that stand
const DONE = 5;

var<workgroup> models: array<f32, ROOM>;
var<workgroup> parts: array<vec2f, 2 * WORKGROUP>;

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

// Σ over the threads of a row, the same bits in each of them. Calls take turns with two halves of the memory, so that nobody
// overwrites what others still read and one barrier a call will do.
fn total(lane: u32, turn: u32, part: vec2f) -> vec2f {
  let half = turn % 2 * WORKGROUP;
  parts[half + lane] = part;
  workgroupBarrier();
  let first = half + lane / LANES * LANES;
  var sum = vec2f();
  for (var other = 0u; other < LANES; other++) {
    sum += parts[first + other];
  }
  return sum;
}

// u^(β−1) − x·u^(β−2), the first part times `push`, and the curvature, at a u that may be no more than rounding errors: see
// `steady` in ts/kernels/beta.ts.
fn slopes(x: f32, u: f32, push: f32) -> vec2f {
  let beta = p.beta;
  if (beta == 2) {
    return vec2f(push * u - x, 1);
  }
  let model = max(u, 0x1p-23f);
  let q = power(model, beta - 2);
  let gradient = push * select(model * q, 1, beta == 1) - x * q;
  return vec2f(gradient, q * (max(0, beta - 1) + max(0, 2 - beta) * x / model));
}

// Where a step from `value` ends, on [0, most]: `newton` of ts/kernels/cd_dense.ts, which derives it. Below β = 1 its
// (1 + (2 − β)·g/(h·f))^(−1/(2−β)) is here a power of what lies between 0 and 1, and needs no quotient by a value that may be 0.
fn newton(value: f32, gradient: f32, bend: f32) -> f32 {
  if (!(bend > 0)) {
    return select(value, 0, gradient > 0);
  }
  var moved = value - gradient / bend;
  if (p.beta < 1 && gradient > 0) {
    let held = bend * value;
    let kept = held / (held + (2 - p.beta) * gradient);
    moved = select(0, value * power(kept, 1 / (2 - p.beta)), kept > 0);
  }
  return select(min(moved, p.most), 0, moved < SMALLEST);
}

// The part of a gradient that points into [0, most], without its sign.
fn projected(value: f32, gradient: f32) -> f32 {
  let rising = select(gradient, max(0, gradient), value >= p.most);
  return abs(select(rising, min(0, gradient), value <= 0));
}
