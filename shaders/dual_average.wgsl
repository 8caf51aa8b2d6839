// Weighted sum of gradients, its 1-norm, and the gradient along the way back to the start. Defazio & Mishchenko, ICML 2023;
// Mishchenko & Defazio, ICML 2024.
// Stands behind vector_kernel.wgsl.

struct Params {
  begin: u32,
  length: u32,
  first: u32,
  decay: f32,
  clip: f32,
  keep: f32,
  weight: f32,
}

@group(0) @binding(1) var<storage, read> p: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read> start: array<f32>;
@group(0) @binding(4) var<storage, read_write> s: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;

fn entry(i: u32) -> vec3f {
  let gradient = gradient_of(g[i], p[i]);
  let sum = kept(d.keep * s[i] + d.weight * gradient);
  s[i] = sum;
  return vec3f(gradient * (start[i] - p[i]), gradient * gradient, abs(sum));
}
