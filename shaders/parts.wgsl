// Sums of what a product left in parts, `N_parts` of N_part_length entries: before the text of kernels that bind N and whose
// Params have these; halves.wgsl has the same for P.
//
// Four parts are on their way at once. A load takes a GPU hundreds of cycles, and a thread that adds each value before it asks
// for the next one waits for every one of them.

fn sum_of_N(at: u32) -> f32 {
  let step = p.N_part_length;
  var sum = 0f;
  var n = at;
  var part = 0u;
  for (; part + 4 <= p.N_parts; part += 4) {
    sum += (N[n] + N[n + step]) + (N[n + 2 * step] + N[n + 3 * step]);
    n += 4 * step;
  }
  for (; part < p.N_parts; part++) {
    sum += N[n];
    n += step;
  }
  return sum;
}

fn four_of_N(n: u32) -> vec4f {
  return vec4f(N[n], N[n + 1], N[n + 2], N[n + 3]);
}

// The sums of four neighbours.
fn sums_of_N(at: u32) -> vec4f {
  let step = p.N_part_length;
  var sums = vec4f();
  var n = at;
  var part = 0u;
  for (; part + 4 <= p.N_parts; part += 4) {
    sums += (four_of_N(n) + four_of_N(n + step)) + (four_of_N(n + 2 * step) + four_of_N(n + 3 * step));
    n += 4 * step;
  }
  for (; part < p.N_parts; part++) {
    sums += four_of_N(n);
    n += step;
  }
  return sums;
}
