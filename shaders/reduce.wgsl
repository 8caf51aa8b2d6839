// One value from those of all threads of a workgroup, up to three numbers each. It stands behind subgroups.wgsl or alone.wgsl and
// before kernels, which bring `joined`, what two values come to, and WORKGROUP, a multiple of NEAR.
//
// Threads that are near halve their values log2(NEAR) times among themselves, one barrier follows, and one thread joins what is
// left one by one: WORKGROUP / NEAR values. A tree in the workgroup's memory would need six barriers.

// Of each thread: its value, or in the first of a run that is near all of theirs; last, whether that is so.
var<workgroup> lanes: array<vec4f, WORKGROUP>;

// All values, in thread 0; the last number is not the caller's. For control flow that a workgroup's threads share.
fn reduced(lane: u32, value: vec4f) -> vec4f {
  var all = value;
  for (var mask = 1u; mask < NEAR; mask *= 2) {
    all = joined(all, across(all, mask));
  }
  let near = are_near(lane, NEAR);
  lanes[lane] = vec4f(select(value, all, near).xyz, f32(near));
  workgroupBarrier();
  if (lane > 0) {
    return value;
  }
  all = lanes[0];
  var at = select(1, NEAR, all.w > 0);
  while (at < WORKGROUP) {
    let more = lanes[at];
    at += select(1, NEAR, more.w > 0);
    all = joined(all, more);
  }
  return all;
}
