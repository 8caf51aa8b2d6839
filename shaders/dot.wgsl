// ⟨a, b⟩ and ⟨c, d⟩ as one partial sum per workgroup, of two f32: the two inner products of the loss ‖X − WH‖² by the Gram
// identity, in one dispatch. The first `ab_groups` workgroups take a·b, the others c·d; the host adds the partials in
// float64, in order. a, c and d may come in parts that are added first. Stands behind reduce.wgsl, opaque.wgsl, compensated.wgsl and
// parts.wgsl for each of these.

override WORKGROUP: u32 = 64;

struct Params {
  ab_groups: u32,
  a_part_length: u32, // and entries of b
  a_parts: u32,
  c_part_length: u32,
  c_parts: u32,
  d_part_length: u32, // the same
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

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  var sum = vec2f();
  if (group.x < p.ab_groups) {
    for (var i = group.x * WORKGROUP + lane; i < p.a_part_length; i += p.ab_groups * WORKGROUP) {
      sum = plus(sum, sum_of_a(i) * b[p.b_first + i]);
    }
  } else {
    let step = (groups.x - p.ab_groups) * WORKGROUP;
    for (var i = (group.x - p.ab_groups) * WORKGROUP + lane; i < p.c_part_length; i += step) {
      sum = plus(sum, sum_of_c(i) * sum_of_d(i));
    }
  }
  let all = reduced(lane, vec4f(sum, 0, 0));
  if (lane == 0) {
    partials[group.x] = all.x;
    partials[p.low + group.x] = all.y;
  }
}
