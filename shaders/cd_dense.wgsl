// One sweep of coordinate descent over the rows of a factor for any β, in place, from a dense tile of X whose rows are the
// factor's. Hsieh & Dhillon, KDD 2011, section 4. Stands behind mix.wgsl, weights.wgsl, moving.wgsl, beta.wgsl and descent.wgsl,
// which says who does what, and behind the type `stored` of X.
//
// A step's move of the model waits for the next step, which reads the model anyway. O is rank × columns, so that neighbours
// read neighbours.

struct Params {
  rows: u32,
  columns: u32,
  rank: u32,
  moving: u32, // the first so many components move
  first_row: u32, // of F
  X_first: u32, // where the tile begins
  X_stride: u32,
  V_first: u32,
  V_stride: u32,
  weights: u32, // 0: 1, 1: V, 2: hashed
  row: u32, // of the tile in all of X, for the hash
  turned: u32, // whether the tile's rows are columns of X
  key: u32, // mix(seed)
  threshold: u32,
  complement: u32,
  O_stride: u32,
  measure: u32, // whether the loss before the sweep is wanted
  first_term: u32, // where the rows' violations go
  first_loss: u32, // where their losses go
  first_spill: u32, // where models begin that have no room in the workgroup
  single: u32, // nothing moves before so many iterations stand
  frozen: u32, // where flags of rows that stay begin
  beta: f32,
  least: f32,
  l1: f32,
  l2: f32,
  most: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> X: array<stored>;
@group(0) @binding(2) var<storage, read> V: array<f32>;
@group(0) @binding(3) var<storage, read> O: array<f32>;
@group(0) @binding(4) var<storage, read> holds: array<f32>;
@group(0) @binding(5) var<storage, read_write> F: array<f32>;
@group(0) @binding(6) var<storage, read_write> scratch: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  if (p.single > 0 && holds[DONE] < f32(p.single)) {
    return;
  }
  let i = (group.y * groups.x + group.x) * (WORKGROUP / LANES) + lane / LANES;
  // threads without a row that moves take part in the barriers; the model of one that stays is for its loss alone
  let moves = i < p.rows && moving_of(i) > 0;
  let columns = select(0, p.columns, moves || (i < p.rows && p.measure != 0));
  let leads = i < p.rows && lane % LANES == 0;
  let row = (p.first_row + i) * p.rank;
  let X_row = p.X_first + i * p.X_stride;
  let model = model_of(lane, columns, i * p.columns);
  for (var j = lane % LANES; j < columns; j += LANES) {
    var u = 0f;
    for (var r = 0u; r < p.rank; r++) {
      u += F[row + r] * O[r * p.O_stride + j];
    }
    store_model(model, j, u);
  }
  // the row has been read by all of its threads before one of them writes to it
  storageBarrier();
  if (p.measure != 0) {
    var loss = 0f;
    for (var j = lane % LANES; j < columns; j += LANES) {
      let v = weight(i, j);
      if (v != 0) {
        loss += v * divergence(f32(X[X_row + j]), load_model(model, j));
      }
    }
    let all = total(lane, 1, Slopes(loss, 0, 0, 0));
    if (leads) {
      scratch[p.first_loss + i] = all.gradient;
    }
  }
  var violation = 0f;
  var change = 0f;
  var before = 0u;
  for (var r = 0u; r < p.moving; r++) {
    let along = r * p.O_stride;
    var part = Slopes();
    if (leads) {
      part.old = F[row + r];
    }
    for (var j = lane % LANES; j < columns; j += LANES) {
      let u = load_model(model, j) + change * O[before + j];
      store_model(model, j, u);
      part = with_place(part, f32(X[X_row + j]), weight(i, j), u, O[along + j], 1);
    }
    let all = total(lane, r, part);
    let old = all.old;
    let gradient = all.gradient + p.l1 + p.l2 * old;
    let next = newton(old, gradient, all.bend + p.l2, all.steepest);
    violation += projected(old, gradient);
    change = next - old;
    before = along;
    if (leads && moves) {
      F[row + r] = next;
    }
  }
  if (leads) {
    scratch[p.first_term + i] = select(0, violation, moves);
  }
}
