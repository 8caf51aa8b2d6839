// ⟨a, b⟩ and ⟨c, d⟩ as one partial sum per workgroup, of two f32: the two inner products of the loss ‖X − WH‖² by the Gram
// identity, in one dispatch. The first `ab_groups` workgroups take a·b, the others c·d; the host adds the partials in
// float64, in order. a, c and d may come in parts that are added first, four at once on their way: see parts.wgsl. Stands behind
// reduce.wgsl, opaque.wgsl and compensated.wgsl.

override WORKGROUP: u32 = 64;

struct Params {
  ab_groups: u32,
  ab_length: u32,
  a_parts: u32,
  cd_length: u32,
  c_parts: u32,
  d_parts: u32,
  b_first: u32, // where b begins
  low: u32, // where the second halves of the partial sums begin
  zero: u32, // 0
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> c: array<f32>;
@group(0) @binding(4) var<storage, read> d: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<f32>;

fn sum_of_a(i: u32) -> f32 {
  let step = p.ab_length;
  var sum = 0f;
  var at = i;
  var part = 0u;
  for (; part + 4 <= p.a_parts; part += 4) {
    sum += (a[at] + a[at + step]) + (a[at + 2 * step] + a[at + 3 * step]);
    at += 4 * step;
  }
  for (; part < p.a_parts; part++) {
    sum += a[at];
    at += step;
  }
  return sum;
}

fn sum_of_c(i: u32) -> f32 {
  let step = p.cd_length;
  var sum = 0f;
  var at = i;
  var part = 0u;
  for (; part + 4 <= p.c_parts; part += 4) {
    sum += (c[at] + c[at + step]) + (c[at + 2 * step] + c[at + 3 * step]);
    at += 4 * step;
  }
  for (; part < p.c_parts; part++) {
    sum += c[at];
    at += step;
  }
  return sum;
}

fn sum_of_d(i: u32) -> f32 {
  let step = p.cd_length;
  var sum = 0f;
  var at = i;
  var part = 0u;
  for (; part + 4 <= p.d_parts; part += 4) {
    sum += (d[at] + d[at + step]) + (d[at + 2 * step] + d[at + 3 * step]);
    at += 4 * step;
  }
  for (; part < p.d_parts; part++) {
    sum += d[at];
    at += step;
  }
  return sum;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  var sum = vec2f();
  if (group.x < p.ab_groups) {
    for (var i = group.x * WORKGROUP + lane; i < p.ab_length; i += p.ab_groups * WORKGROUP) {
      sum = plus(sum, sum_of_a(i) * b[p.b_first + i]);
    }
  } else {
    let step = (groups.x - p.ab_groups) * WORKGROUP;
    for (var i = (group.x - p.ab_groups) * WORKGROUP + lane; i < p.cd_length; i += step) {
      sum = plus(sum, sum_of_c(i) * sum_of_d(i));
    }
  }
  let all = reduced(lane, vec4f(sum, 0, 0));
  if (lane == 0) {
    partials[group.x] = all.x;
    partials[p.low + group.x] = all.y;
  }
}
