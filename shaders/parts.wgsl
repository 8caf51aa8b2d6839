// Sums of what a product left in parts, `ARRAY_parts` of ARRAY_part_length entries. ARRAY stands for a name: this text stands once
// for each array that a kernel reads so, before the text of the kernel, which binds the array and whose Params have these.
//
// Four parts are on their way at once. A load takes a GPU hundreds of cycles, and a thread that adds each value before it asks
// for the next one waits for every one of them.

fn sum_of_ARRAY(at: u32) -> f32 {
  let step = p.ARRAY_part_length;
  var sum = 0f;
  var n = at;
  var part = 0u;
  for (; part + 4 <= p.ARRAY_parts; part += 4) {
    sum += (ARRAY[n] + ARRAY[n + step]) + (ARRAY[n + 2 * step] + ARRAY[n + 3 * step]);
    n += 4 * step;
  }
  for (; part < p.ARRAY_parts; part++) {
    sum += ARRAY[n];
    n += step;
  }
  return sum;
}

fn four_of_ARRAY(n: u32) -> vec4f {
  return vec4f(ARRAY[n], ARRAY[n + 1], ARRAY[n + 2], ARRAY[n + 3]);
}

// The sums of four neighbours.
fn sums_of_ARRAY(at: u32) -> vec4f {
  let step = p.ARRAY_part_length;
  var sums = vec4f();
  var n = at;
  var part = 0u;
  for (; part + 4 <= p.ARRAY_parts; part += 4) {
    sums += (four_of_ARRAY(n) + four_of_ARRAY(n + step)) + (four_of_ARRAY(n + 2 * step) + four_of_ARRAY(n + 3 * step));
    n += 4 * step;
  }
  for (; part < p.ARRAY_parts; part++) {
    sums += four_of_ARRAY(n);
    n += step;
  }
  return sums;
}
