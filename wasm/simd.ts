// What the kernels share. Addresses and strides are in bytes, counts in elements; every address may have any alignment
// of 4 bytes. Each file's kernel follows the spec of the same stem in ts/kernels.

/**
 * sum + x·y in four lanes. The relaxed build leaves it to the engine whether the product is rounded first, so that it
 * can use one fused instruction; the plain build gives the same bits on every machine.
 */
export function multiplyAdd(sum: v128, x: v128, y: v128): v128 {
  if (RELAXED) return f32x4.relaxed_madd(x, y, sum)
  return f32x4.add(sum, f32x4.mul(x, y))
}

export function sumOfLanes(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3))
}

/** The address of entry (row, column) of an f32 matrix. */
export function at(base: usize, stride: usize, row: usize, column: usize): usize {
  return base + row * stride + (column << 2)
}
