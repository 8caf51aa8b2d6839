// What the kernels share. Each module is built for one element type, Real. Addresses and strides are in bytes, counts in
// elements; every address may have any alignment of an element's size. Each file's kernel follows the spec of the same
// stem in ts/kernels.

/** Bytes of an element. */
export const SIZE: usize = sizeof<Real>()
/** Elements of a vector: 4 f32 or 2 f64. */
export const LANES: usize = 16 / sizeof<Real>()

/**
 * The least positive value that factors keep: two such have a product among the normal numbers, below which lie the
 * subnormals at a hundred cycles each.
 */
export function smallest(): Real {
  // 2⁻⁵¹¹ and 2⁻⁶³
  return sizeof<Real>() == 8 ? <Real>1.4916681462400413e-154 : <Real>1.0842021724855044e-19
}

/**
 * sum + x·y in all lanes. The relaxed build leaves it to the engine whether the product is rounded first, so that it can
 * use one fused instruction; the plain build gives the same bits on every machine.
 */
export function multiplyAdd(sum: v128, x: v128, y: v128): v128 {
  if (RELAXED) return v128.relaxed_madd<Real>(x, y, sum)
  return v128.add<Real>(sum, v128.mul<Real>(x, y))
}

export function sumOfLanes(v: v128): Real {
  if (sizeof<Real>() == 8) return v128.extract_lane<Real>(v, 0) + v128.extract_lane<Real>(v, 1)
  return (
    <Real>f32x4.extract_lane(v, 0) +
    <Real>f32x4.extract_lane(v, 1) +
    (<Real>f32x4.extract_lane(v, 2) + <Real>f32x4.extract_lane(v, 3))
  )
}

export function largestOfLanes(v: v128): Real {
  const first = max<Real>(v128.extract_lane<Real>(v, 0), v128.extract_lane<Real>(v, 1))
  if (sizeof<Real>() == 8) return first
  return max<Real>(first, max<Real>(<Real>f32x4.extract_lane(v, 2), <Real>f32x4.extract_lane(v, 3)))
}

/** The address of entry (row, column) of a matrix. */
export function at(base: usize, stride: usize, row: usize, column: usize): usize {
  return base + row * stride + column * SIZE
}
