// Σ of a list as one partial sum per workgroup, of two f32; the host adds the partials in float64, in order. Stands behind
// reduce.wgsl, opaque.wgsl and compensated.wgsl.

override WORKGROUP: u32 = 64;

struct Params {
  length: u32,
  first: u32, // of the partial sums
  low: u32, // of their second halves
  zero: u32, // 0
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> terms: array<f32>;
@group(0) @binding(2) var<storage, read_write> partials: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  var sum = vec2f();
  let step = groups.x * WORKGROUP;
  var i = group.x * WORKGROUP + lane;
  // four terms are on their way at once: see parts.wgsl
  for (; i + 3 * step < p.length; i += 4 * step) {
    let four = vec4f(terms[i], terms[i + step], terms[i + 2 * step], terms[i + 3 * step]);
    sum = plus(plus(plus(plus(sum, four.x), four.y), four.z), four.w);
  }
  for (; i < p.length; i += step) {
    sum = plus(sum, terms[i]);
  }
  let all = reduced(lane, vec4f(sum, 0, 0));
  if (lane == 0) {
    partials[p.first + group.x] = all.x;
    partials[p.low + group.x] = all.y;
  }
}
