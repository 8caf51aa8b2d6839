// Adam step. Kingma & Ba, ICLR 2015, section 2.
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
  beta1: f32,
  beta2: f32,
  epsilon: f32,
  correction: f32,
  rest_beta1: f32, // 1 − beta1, as float64 rounds it
  rest_beta2: f32, // 1 − beta2, as float64 rounds it
}

@group(0) @binding(1) var<storage, read> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> p: array<f32>;
@group(0) @binding(3) var<storage, read_write> m: array<f32>;
@group(0) @binding(4) var<storage, read_write> squares: array<f32>;
@group(0) @binding(5) var<storage, read_write> partials: array<vec4f>;

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
  let direction = direction_of(i, gradient);
  p[i] = moved(p[i], d.rate * d.correction * direction);
  return vec3f(gradient * gradient, direction * direction, 0);
}
