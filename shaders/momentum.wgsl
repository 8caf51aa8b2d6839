// Whether an iteration of a fit that extrapolates may stand, and how far the next one moves on: the arithmetic of `Momentum`
// in ts/backends/momentum.ts, here because iterations follow each other without the host. Ang & Gillis, Neural Computation
// 2019, algorithm 3.
//
// The loss is a constant, plus `ab_factor` times the first ab_groups values of the slot, plus `cd_factor` times the cd_groups
// after them. Whether it rose is seen from the differences of these values, which lose no digits where the loss, a small
// difference of large sums, would. One thread: these are some hundred additions.

override WORKGROUP: u32 = 64;

const SHRINK = 1.5;
const GROW = 1.05;
const GROW_CEILING = 1.01;

// of `momentum`
const STEP = 0; // 0 where the next iteration is plain, else WEIGHT
const WEIGHT = 1;
const CEILING = 2;
const FORMER = 3;
const PLAIN = 4;
const DONE = 5; // iterations that stand
const STANDS = 6; // whether the last one does
const SUMS = 64; // those of the last one that stood
// more iterations than that f32 does not count
const MOST_DONE = 0x1p24f;
// of the slot
const LOW = 64; // second halves of the sums
const ACCEPTED = 191;

struct Params {
  ab_groups: u32,
  cd_groups: u32,
  adopt: u32, // 1: the sums alone are taken over
  ab_factor: f32,
  cd_factor: f32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> momentum: array<f32>;
@group(0) @binding(2) var<storage, read_write> slot: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) lane: u32) {
  if (lane > 0) {
    return;
  }
  var ab = 0f;
  for (var at = 0u; at < p.ab_groups; at++) {
    ab += (slot[at] - momentum[SUMS + at]) + (slot[LOW + at] - momentum[SUMS + LOW + at]);
  }
  var cd = 0f;
  for (var at = p.ab_groups; at < p.ab_groups + p.cd_groups; at++) {
    cd += (slot[at] - momentum[SUMS + at]) + (slot[LOW + at] - momentum[SUMS + LOW + at]);
  }
  let plain = momentum[PLAIN] != 0;
  let weight = momentum[WEIGHT];
  let stands = p.adopt != 0 || plain || !(p.ab_factor * ab + p.cd_factor * cd > 0);
  if (stands) {
    for (var at = 0u; at < p.ab_groups + p.cd_groups; at++) {
      momentum[SUMS + at] = slot[at];
      momentum[SUMS + LOW + at] = slot[LOW + at];
    }
  }
  if (p.adopt != 0) {
    return;
  }
  slot[ACCEPTED] = f32(stands);
  momentum[STANDS] = f32(stands);
  if (!stands) {
    momentum[CEILING] = momentum[FORMER];
    momentum[WEIGHT] = weight / SHRINK;
    momentum[PLAIN] = 1;
    momentum[STEP] = 0;
    return;
  }
  if (!plain) {
    momentum[FORMER] = weight;
  }
  let ceiling = momentum[CEILING];
  let grown = min(ceiling, GROW * weight);
  momentum[WEIGHT] = grown;
  momentum[CEILING] = min(1, GROW_CEILING * ceiling);
  momentum[PLAIN] = 0;
  momentum[STEP] = grown;
  momentum[DONE] = min(momentum[DONE] + 1, MOST_DONE);
}
