// One sweep of coordinate descent over the rows of a factor for any β, in place, at the listed entries of the CSR rows that
// are the factor's. Hsieh & Dhillon, KDD 2011, section 4. Stands behind moving.wgsl, beta.wgsl and descent.wgsl, which says who
// does what.
//
// With `zeros` the unlisted entries count too, as zeros (β = 1): what the model adds to a gradient is the sum of O's column,
// which comes in parts, and listed entries add x/u alone; the loss then leaves out the listed u. Weights and these sums are
// never both there, and share a binding.

struct Params {
  rows: u32,
  rank: u32,
  moving: u32, // the first so many components move
  first_row: u32, // of F
  weighted: u32, // whether `beside` has the entries' weights
  zeros: u32, // whether it has sums of O, in so many parts
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
@group(0) @binding(1) var<storage, read> indptr: array<u32>;
@group(0) @binding(2) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read> values: array<f32>;
@group(0) @binding(4) var<storage, read> beside: array<f32>;
@group(0) @binding(5) var<storage, read> O: array<f32>;
@group(0) @binding(6) var<storage, read> holds: array<f32>;
@group(0) @binding(7) var<storage, read_write> F: array<f32>;
@group(0) @binding(8) var<storage, read_write> scratch: array<f32>;

fn weight(q: u32) -> f32 {
  if (p.weighted != 0) {
    return beside[q];
  }
  return 1;
}

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
  var begin = 0u;
  var entries = 0u;
  if (moves || (i < p.rows && p.measure != 0)) {
    begin = indptr[i];
    entries = indptr[i + 1] - begin;
  }
  let own = lane % LANES;
  let leads = i < p.rows && own == 0;
  let row = (p.first_row + i) * p.rank;
  let model = model_of(lane, entries, begin);
  for (var n = own; n < entries; n += LANES) {
    let other = indices[begin + n] * p.rank;
    var u = 0f;
    for (var r = 0u; r < p.rank; r++) {
      u += F[row + r] * O[other + r];
    }
    store_model(model, n, u);
  }
  // the row has been read by all of its threads before one of them writes to it
  storageBarrier();
  if (p.measure != 0) {
    var loss = 0f;
    for (var n = own; n < entries; n += LANES) {
      let v = weight(begin + n);
      let u = load_model(model, n);
      if (v != 0) {
        loss += v * (divergence(values[begin + n], u) - select(0, u, p.zeros != 0));
      }
    }
    let all = total(lane, 1, Slopes(loss, 0, 0, 0));
    if (leads) {
      scratch[p.first_loss + i] = all.gradient;
    }
  }
  let push = select(1f, 0f, p.zeros != 0);
  var violation = 0f;
  var change = 0f;
  for (var r = 0u; r < p.moving; r++) {
    var part = Slopes();
    if (leads) {
      part.old = F[row + r];
    }
    for (var n = own; n < entries; n += LANES) {
      let at = indices[begin + n] * p.rank + r;
      var u = load_model(model, n);
      if (r > 0) {
        u += change * O[at - 1];
        store_model(model, n, u);
      }
      part = with_place(part, values[begin + n], weight(begin + n), u, O[at], push);
    }
    for (var of_sums = own; of_sums < p.zeros; of_sums += LANES) {
      part.gradient += beside[of_sums * p.rank + r];
    }
    let all = total(lane, r, part);
    let old = all.old;
    let gradient = all.gradient + p.l1 + p.l2 * old;
    let next = newton(old, gradient, all.bend + p.l2, all.steepest);
    violation += projected(old, gradient);
    change = next - old;
    if (leads && moves) {
      F[row + r] = next;
    }
  }
  if (leads) {
    scratch[p.first_term + i] = select(0, violation, moves);
  }
}
