// Step by the signs of the gradient, with a rate for every parameter. Riedmiller 1994, RPROP⁻ of Igel & Hüsken 2003.
// Stands behind vector_kernel.wgsl.

struct Params {
  begin: u32,
  length: u32,
  first: u32,
  decay: f32,
  clip: f32,
  limit: f32,
  floor: f32,
  up: f32,
  down: f32,
  lowest: f32,
  highest: f32,
}

@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> p: array<f32>;
@group(0) @binding(3) var<storage, read_write> u: array<f32>;
@group(0) @binding(4) var<storage, read_write> rates: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;

// p taken down by `change`, no further than ±limit and not below the floor.
fn moved(p: f32, change: f32) -> f32 {
  let to = p - within(change, -d.limit, d.limit);
  return select(to, d.floor, to < d.floor);
}

fn entry(i: u32) -> vec3f {
  let gradient = gradient_of(g[i], p[i]);
  let agreement = gradient * u[i];
  let factor = select(select(1, d.down, agreement < 0), d.up, agreement > 0);
  let rate = within(factor * rates[i], d.lowest, d.highest);
  rates[i] = rate;
  u[i] = sign(gradient);
  p[i] = moved(p[i], rate * u[i]);
  return vec3f(gradient * gradient, rate, 0);
}
