// What the kernels of the optimizers share, as in ts/kernels/vector_kernel.ts; it stands behind reduce.wgsl and before the text
// of each. A kernel brings `Params` (which begins with begin, length and first), its arrays, and `entry`, which does entry i
// and answers the terms of its sums.
//
// One thread takes every so-manieth entry, so that neighbours read neighbours. Each workgroup leaves one partial sum, of
// 1,024 terms where there are not too many of them; the host adds these in float64, in order.

override WORKGROUP: u32 = 64;

@group(0) @binding(0) var<uniform> d: Params;

fn joined(a: vec4f, b: vec4f) -> vec4f {
  return a + b;
}

// x, or the bound that it is beyond.
fn within(x: f32, low: f32, high: f32) -> f32 {
  return select(select(x, high, x > high), low, x < low);
}

// ĝ: the gradient clipped entry by entry, plus that of ½·decay·p².
fn gradient_of(g: f32, p: f32) -> f32 {
  return within(g, -d.clip, d.clip) + d.decay * p;
}

// What is kept of a running average: zero below 2⁻¹²⁰.
fn kept(average: f32) -> f32 {
  return select(average, 0, abs(average) < 0x1p-120f);
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  var sum = vec3f();
  for (var i = group.x * WORKGROUP + lane; i < d.length; i += groups.x * WORKGROUP) {
    sum += entry(d.begin + i);
  }
  let all = reduced(lane, vec4f(sum, 0));
  if (lane == 0) {
    partials[d.first + group.x] = vec4f(all.xyz, 0);
  }
}
