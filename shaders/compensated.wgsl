// Long sums that keep what their roundings lose, as a loss is a small difference of large sums. It stands behind reduce.wgsl and
// opaque.wgsl and before the text of kernels that leave one such sum per workgroup, of two f32. Knuth, The Art of Computer Programming 2,
// section 4.2.2, theorem B.

// The sum and what its roundings have lost, after one more term.
fn plus(sum: vec2f, term: f32) -> vec2f {
  let whole = opaque(sum.x + term);
  let taken = opaque(whole - sum.x);
  let lost = (sum.x - (whole - taken)) + (term - taken);
  return vec2f(whole, sum.y + lost);
}

fn joined(a: vec4f, b: vec4f) -> vec4f {
  let sum = plus(a.xy, b.x);
  return vec4f(sum.x, sum.y + b.y, 0, 0);
}
