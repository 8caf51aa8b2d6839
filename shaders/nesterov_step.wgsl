// Gradient step with Nesterov momentum. Sutskever et al., ICML 2013; SGDN of Baydin et al., ICLR 2018.
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
}

@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> p: array<f32>;
@group(0) @binding(3) var<storage, read_write> u: array<f32>;
@group(0) @binding(4) var<storage, read_write> v: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;

// p taken down by `change`, no further than ±limit and not below the floor.
fn moved(p: f32, change: f32) -> f32 {
  let to = p - within(change, -d.limit, d.limit);
  return select(to, d.floor, to < d.floor);
}

fn entry(i: u32) -> vec3f {
  let gradient = gradient_of(g[i], p[i]);
  let before = u[i];
  let velocity = kept(d.momentum * v[i] + gradient);
  let direction = gradient + d.momentum * velocity;
  v[i] = velocity;
  u[i] = direction;
  p[i] = moved(p[i], d.rate * direction);
  return vec3f(gradient * before, gradient * gradient, direction * direction);
}
