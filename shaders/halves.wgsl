// The sum of what the model pushes back with, `P_parts` of P_part_length entries: behind parts.wgsl, before the text of kernels
// that bind P and whose Params have these.

fn sum_of_P(at: u32) -> f32 {
  let step = p.P_part_length;
  var sum = 0f;
  var n = at;
  var part = 0u;
  for (; part + 4 <= p.P_parts; part += 4) {
    sum += (P[n] + P[n + step]) + (P[n + 2 * step] + P[n + 3 * step]);
    n += 4 * step;
  }
  for (; part < p.P_parts; part++) {
    sum += P[n];
    n += step;
  }
  return sum;
}
