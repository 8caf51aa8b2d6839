// Gradient step with momentum. Polyak 1964; Sutskever et al., ICML 2013.
// Stands behind vector_kernel.wgsl.

struct Params {
  begin: u32,
  length: u32,
  first: u32,
  decay: f32,
  clip: f32,
  limit: f32,
  floor: f32,
  rate: f32,
  momentum: f32,
  dampening: f32,
  rest_dampening: f32, // 1 − dampening, as float64 rounds it
}

@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> p: array<f32>;
@group(0) @binding(3) var<storage, read_write> u: array<f32>;
@group(0) @binding(4) var<storage, read_write> partials: array<vec4f>;

// p taken down by `change`, no further than ±limit and not below the floor.
fn moved(p: f32, change: f32) -> f32 {
  let to = p - within(change, -d.limit, d.limit);
  return select(to, d.floor, to < d.floor);
}

fn entry(i: u32) -> vec3f {
  let gradient = gradient_of(g[i], p[i]);
  let before = u[i];
  let direction = kept(d.momentum * before + d.rest_dampening * gradient);
  u[i] = direction;
  p[i] = moved(p[i], d.rate * direction);
  return vec3f(gradient * before, gradient * gradient, direction * direction);
}
