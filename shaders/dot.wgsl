// ⟨a, b⟩ and ⟨c, d⟩ as one partial sum per workgroup, of two f32: the two inner products of the loss ‖X − WH‖² by the Gram
// identity, in one dispatch. The first `ab_groups` workgroups take a·b, the others c·d; the host adds the partials in
// float64, in order. a, c and d may come in parts that are added first. Stands behind reduce.wgsl, opaque.wgsl and compensated.wgsl.

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

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  var sum = vec2f();
  if (group.x < p.ab_groups) {
    let step = p.ab_groups * WORKGROUP;
    for (var i = group.x * WORKGROUP + lane; i < p.ab_length; i += step) {
      var left = 0f;
      for (var part = 0u; part < p.a_parts; part++) {
        left += a[part * p.ab_length + i];
      }
      sum = plus(sum, left * b[p.b_first + i]);
    }
  } else {
    let step = (groups.x - p.ab_groups) * WORKGROUP;
    for (var i = (group.x - p.ab_groups) * WORKGROUP + lane; i < p.cd_length; i += step) {
      var left = 0f;
      for (var part = 0u; part < p.c_parts; part++) {
        left += c[part * p.cd_length + i];
      }
      var right = 0f;
      for (var part = 0u; part < p.d_parts; part++) {
        right += d[part * p.cd_length + i];
      }
      sum = plus(sum, left * right);
    }
  }
  let all = reduced(lane, vec4f(sum, 0, 0));
  if (lane == 0) {
    partials[group.x] = all.x;
    partials[p.low + group.x] = all.y;
  }
}
