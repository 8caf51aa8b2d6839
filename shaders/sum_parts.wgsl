// F ← Σ of its parts, in place: part 0 receives the sum of `parts` parts of `length` entries. Used before consumers that
// would read the parts of a Gram matrix too often. Eight parts are on their way at once: see parts.wgsl.

override WORKGROUP: u32 = 64;

struct Params {
  length: u32,
  parts: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read_write> F: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let at = (group.y * groups.x + group.x) * WORKGROUP + lane;
  if (at >= p.length) {
    return;
  }
  var sum = 0f;
  var part = 0u;
  for (; part + 8 <= p.parts; part += 8) {
    let first = part * p.length + at;
    let a = vec4f(F[first], F[first + p.length], F[first + 2 * p.length], F[first + 3 * p.length]);
    let next = first + 4 * p.length;
    let b = vec4f(F[next], F[next + p.length], F[next + 2 * p.length], F[next + 3 * p.length]);
    let both = a + b;
    sum += (both.x + both.y) + (both.z + both.w);
  }
  for (; part < p.parts; part++) {
    sum += F[part * p.length + at];
  }
  F[at] = sum;
}
