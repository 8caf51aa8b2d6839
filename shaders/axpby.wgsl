// out ← a·x + b·y. BLAS level 1; McCalpin, STREAM. No sums.

override WORKGROUP: u32 = 64;
// Whether out is x, or y, which is not bound then: one buffer may not be read and written by two bindings.
override X_IS_OUT: bool = false;
override Y_IS_OUT: bool = false;

struct Params {
  begin: u32,
  length: u32,
  first: u32, // unused here, as all kernels of the optimizers begin alike
  a: f32,
  b: f32,
}

@group(0) @binding(0) var<uniform> d: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  for (var at = group.x * WORKGROUP + lane; at < d.length; at += groups.x * WORKGROUP) {
    let i = d.begin + at;
    var left = 0f;
    var right = 0f;
    if (X_IS_OUT) {
      left = out[i];
    } else {
      left = x[i];
    }
    if (Y_IS_OUT) {
      right = out[i];
    } else {
      right = y[i];
    }
    out[i] = d.a * left + d.b * right;
  }
}
