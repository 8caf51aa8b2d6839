import { high, low } from './lanes'
import { LANES, SIZE } from './simd'

/** ⟨a, b⟩; products and sums in f64. */
export function dot(length: usize, a: usize, b: usize): f64 {
  let s0 = f64x2.splat(0),
    s1 = s0,
    s2 = s0,
    s3 = s0
  const end = a + length * SIZE
  const tiled = a + (length & ~(2 * LANES - 1)) * SIZE
  for (; a < tiled; a += 32, b += 32) {
    const a0 = v128.load(a)
    const b0 = v128.load(b)
    const a1 = v128.load(a, 16)
    const b1 = v128.load(b, 16)
    s0 = f64x2.add(s0, f64x2.mul(low(a0), low(b0)))
    s2 = f64x2.add(s2, f64x2.mul(low(a1), low(b1)))
    if (sizeof<Real>() == 4) {
      s1 = f64x2.add(s1, f64x2.mul(high(a0), high(b0)))
      s3 = f64x2.add(s3, f64x2.mul(high(a1), high(b1)))
    }
  }
  const s = f64x2.add(f64x2.add(s0, s1), f64x2.add(s2, s3))
  let sum = f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1)
  for (; a < end; a += SIZE, b += SIZE) sum += <f64>load<Real>(a) * <f64>load<Real>(b)
  return sum
}
