// Per-parameter hypergradient step with Nesterov momentum. Baydin et al., ICLR 2018 (SGDN-HD), per parameter.
// Stands behind vector_kernel.wgsl.

struct Params {
  begin: u32,
  length: u32,
  first: u32,
  decay: f32,
  clip: f32,
  limit: f32,
  floor: f32,
  hyper_rate: f32,
  up: f32,
  down: f32,
  lowest: f32,
  highest: f32,
  share: f32,
  base: f32,
  momentum: f32,
}

@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> p: array<f32>;
@group(0) @binding(3) var<storage, read_write> u: array<f32>;
@group(0) @binding(4) var<storage, read_write> v: array<f32>;
@group(0) @binding(5) var<storage, read_write> rates: array<f32>;
@group(0) @binding(6) var<storage, read_write> partials: array<vec4f>;

// The rate moved by the hypergradient −ĝ·u, additively or by a factor.
fn moved_rate(rate: f32, gradient: f32, before: f32) -> f32 {
  let agreement = gradient * before;
  let factor = select(select(1, d.down, agreement < 0), d.up, agreement > 0);
  return within(factor * rate + d.hyper_rate * gradient * before, d.lowest, d.highest);
}

// p taken down by `change`, no further than ±limit and not below the floor.
fn moved(p: f32, change: f32) -> f32 {
  let to = p - within(change, -d.limit, d.limit);
  return select(to, d.floor, to < d.floor);
}

fn entry(i: u32) -> vec3f {
  let gradient = gradient_of(g[i], p[i]);
  let before = u[i];
  let rate = moved_rate(rates[i], gradient, before);
  let velocity = kept(d.momentum * v[i] + gradient);
  let direction = gradient + d.momentum * velocity;
  rates[i] = rate;
  v[i] = velocity;
  u[i] = direction;
  p[i] = moved(p[i], (d.share * rate + d.base) * direction);
  return vec3f(gradient * before, gradient * gradient, rate);
}
