// Gradient step with a rate for every parameter, moved on a logarithmic scale. Sutton, AAAI 1992 (IDBD).
// Stands behind vector_kernel.wgsl.

struct Params {
  begin: u32,
  length: u32,
  first: u32,
  decay: f32,
  clip: f32,
  limit: f32,
  floor: f32,
  meta_rate: f32,
  trace: f32,
  lowest: f32,
  highest: f32,
}

@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> p: array<f32>;
@group(0) @binding(3) var<storage, read_write> u: array<f32>;
@group(0) @binding(4) var<storage, read_write> rates: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;

// No logarithm of a rate moves by more in one step.
const MOST = 2f;

// p taken down by `change`, no further than ±limit and not below the floor.
fn moved(p: f32, change: f32) -> f32 {
  let to = p - within(change, -d.limit, d.limit);
  return select(to, d.floor, to < d.floor);
}

fn entry(i: u32) -> vec3f {
  let gradient = gradient_of(g[i], p[i]);
  let before = u[i];
  let change = within(d.meta_rate * gradient * before, -MOST, MOST);
  let rate = within(rates[i] * exp(change), d.lowest, d.highest);
  let step = rate * gradient;
  rates[i] = rate;
  u[i] = kept(d.trace * before + step);
  p[i] = moved(p[i], step);
  return vec3f(gradient * before, gradient * gradient, rate);
}
