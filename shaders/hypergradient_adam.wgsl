// Per-parameter hypergradient step on Adam. Baydin et al., ICLR 2018 (Adam-HD), per parameter.
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
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  correction: f32,
  correction_before: f32,
  rest_beta1: f32, // 1 − beta1, as float64 rounds it
  rest_beta2: f32, // 1 − beta2, as float64 rounds it
}

@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> p: array<f32>;
@group(0) @binding(3) var<storage, read_write> m: array<f32>;
@group(0) @binding(4) var<storage, read_write> squares: array<f32>;
@group(0) @binding(5) var<storage, read_write> rates: array<f32>;
@group(0) @binding(6) var<storage, read_write> partials: array<vec4f>;

// The rate moved by the hypergradient −ĝ·u, additively or by a factor.
fn moved_rate(rate: f32, gradient: f32, before: f32) -> f32 {
  let agreement = gradient * before;
  let factor = select(select(1, d.down, agreement < 0), d.up, agreement > 0);
  return within(factor * rate + d.hyper_rate * gradient * before, d.lowest, d.highest);
}

// Moves the averages of Adam and answers its direction without the bias correction.
fn direction_of(i: u32, gradient: f32) -> f32 {
  m[i] = kept(d.beta1 * m[i] + d.rest_beta1 * gradient);
  squares[i] = kept(d.beta2 * squares[i] + d.rest_beta2 * gradient * gradient);
  return m[i] / (sqrt(squares[i]) + d.epsilon);
}

// p taken down by `change`, no further than ±limit and not below the floor.
fn moved(p: f32, change: f32) -> f32 {
  let to = p - within(change, -d.limit, d.limit);
  return select(to, d.floor, to < d.floor);
}

fn entry(i: u32) -> vec3f {
  let gradient = gradient_of(g[i], p[i]);
  let before = d.correction_before * m[i] / (sqrt(squares[i]) + d.epsilon);
  let rate = moved_rate(rates[i], gradient, before);
  let direction = direction_of(i, gradient);
  rates[i] = rate;
  p[i] = moved(p[i], (d.share * rate + d.base) * d.correction * direction);
  return vec3f(gradient * before, gradient * gradient, rate);
}
