// F ← Σ of the parts of a product: a bare product in a factor's place, as singular value decompositions want it.

override WORKGROUP: u32 = 64;

struct Params {
  length: u32,
  parts: u32,
}

@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> N: array<f32>;
@group(0) @binding(2) var<storage, read_write> F: array<f32>;

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
  for (var part = 0u; part < p.parts; part++) {
    sum += N[part * p.length + at];
  }
  F[at] = sum;
}
