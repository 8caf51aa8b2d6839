// What subgroups.wgsl has, for devices without that feature: a thread is near itself alone, and what it hands to others goes
// through the workgroup's memory.

const NEAR = 1u;

fn across(value: vec4f, mask: u32) -> vec4f {
  return value;
}

fn across_one(value: f32, mask: u32) -> f32 {
  return value;
}

fn are_near(lane: u32, run: u32) -> bool {
  return true;
}

fn are_all_near(lane: u32, run: u32) -> bool {
  return true;
}
