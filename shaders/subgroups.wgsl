// How threads hand values to each other without a barrier: by subgroups. It stands before texts whose threads share their work,
// on devices with that feature; alone.wgsl stands there on the others, with the same functions.
//
// WGSL does not promise which threads of a workgroup make a subgroup, nor in which order, nor of which size between two limits.
// So nothing is taken for granted: threads first send their own numbers around and look whether these come from where they
// should. Where they do not, values go through the workgroup's memory, as they do without subgroups.

// Threads that may be near each other, in runs that begin at multiples of this: a power of 2, and no subgroup is smaller.
override NEAR: u32 = 4;

var<workgroup> strays: atomic<u32>;
var<workgroup> stray: u32;

// The value of the thread whose number differs from this one's in the bit `mask`, where they are near.
fn across(value: vec4f, mask: u32) -> vec4f {
  return subgroupShuffleXor(value, mask);
}

fn across_one(value: f32, mask: u32) -> f32 {
  return subgroupShuffleXor(value, mask);
}

// Whether `across` reaches what it should in the run of `run` threads that this one is in; run: a power of 2 up to NEAR. A run's
// threads get one answer: a subgroup in which all of them are reached has them all, and any other says no to the ones it has.
fn are_near(lane: u32, run: u32) -> bool {
  var reached = true;
  for (var mask = 1u; mask < run; mask *= 2) {
    let other = subgroupShuffleXor(lane, mask);
    reached = reached & (other == (lane ^ mask));
  }
  return subgroupAll(reached);
}

// Whether that is so in all runs of the workgroup, for control flow that its threads share. Three barriers.
fn are_all_near(lane: u32, run: u32) -> bool {
  if (!are_near(lane, run)) {
    atomicStore(&strays, 1);
  }
  workgroupBarrier();
  if (lane == 0) {
    stray = atomicLoad(&strays);
  }
  return workgroupUniformLoad(&stray) == 0;
}
