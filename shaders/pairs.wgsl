// Numbers of about 46 bits as sums of two f32, the second below a unit of the first: WGSL has no f64. It stands behind
// opaque.wgsl and before the text of kernels that use it. Dekker, Numerische Mathematik 18 (1971); sums as in Knuth, The Art of
// Computer Programming 2, section 4.2.2, theorem B.

// a + b as it is.
fn two_sum(a: f32, b: f32) -> vec2f {
  let sum = opaque(a + b);
  let b_taken = opaque(sum - a);
  let a_taken = opaque(sum - b_taken);
  return vec2f(sum, (a - a_taken) + (b - b_taken));
}

// a·b as it is, by halves of 12 bits.
fn two_product(a: f32, b: f32) -> vec2f {
  let product = opaque(a * b);
  let a_high = bitcast<f32>(bitcast<u32>(a) & 0xfffff000u);
  let b_high = bitcast<f32>(bitcast<u32>(b) & 0xfffff000u);
  let a_low = a - a_high;
  let b_low = b - b_high;
  let lost = opaque(opaque(opaque(a_high * b_high - product) + a_high * b_low) + a_low * b_high) + a_low * b_low;
  return vec2f(product, lost);
}

fn plus(a: vec2f, b: vec2f) -> vec2f {
  let sum = two_sum(a.x, b.x);
  return two_sum(sum.x, sum.y + (a.y + b.y));
}

fn times(a: vec2f, b: vec2f) -> vec2f {
  let product = two_product(a.x, b.x);
  return two_sum(product.x, product.y + (a.x * b.y + a.y * b.x));
}

// sum − a·b
fn less(sum: vec2f, a: vec2f, b: vec2f) -> vec2f {
  return plus(sum, -times(a, b));
}

fn over(a: vec2f, b: vec2f) -> vec2f {
  let quotient = a.x / b.x;
  let rest = less(a, vec2f(quotient, 0), b);
  return two_sum(quotient, rest.x / b.x);
}

// √a for a > 0.
fn root(a: vec2f) -> vec2f {
  let near = sqrt(a.x);
  let rest = less(a, vec2f(near, 0), vec2f(near, 0));
  return two_sum(near, rest.x / (2 * near));
}
