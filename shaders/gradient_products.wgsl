// Inner products of the gradient with the direction of the step before. Baydin et al., ICLR 2018.
// Stands behind vector_kernel.wgsl.

struct Params {
  begin: u32,
  length: u32,
  first: u32,
  decay: f32,
  clip: f32,
}

@group(0) @binding(1) var<storage, read> p: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read> u: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4f>;

fn entry(i: u32) -> vec3f {
  let gradient = gradient_of(g[i], p[i]);
  let before = u[i];
  return vec3f(gradient * before, gradient * gradient, before * before);
}
