import {
  adamDirection,
  addProducts,
  addToSum,
  addWidened,
  BLOCK,
  clearSums,
  gradientOf,
  kept,
  moved,
  multiplyAdd,
  putRest,
  splat,
  splatRest,
  takeRest,
  wholeVectors,
} from './vector'

function pass(length: usize, p: usize, g: usize, m: usize, squares: usize, scalars: usize, sums: usize): void {
  const decay = splat(scalars, 0)
  const clip = splat(scalars, 1)
  const limit = splat(scalars, 2)
  const floor = splat(scalars, 3)
  const rate = splat(scalars, 4)
  const beta1 = splat(scalars, 5)
  const fresh1 = splatRest(scalars, 5)
  const beta2 = splat(scalars, 6)
  const fresh2 = splatRest(scalars, 6)
  const epsilon = splat(scalars, 7)
  const correction = splat(scalars, 8)
  let sum0 = f64x2.splat(0),
    sum1 = f64x2.splat(0)
  const end = p + (length << 2)
  while (p < end) {
    const stop = min<usize>(end, p + BLOCK)
    let s0 = f32x4.splat(0),
      s1 = f32x4.splat(0)
    for (; p < stop; p += 16, g += 16, m += 16, squares += 16) {
      const p0 = v128.load(p)
      const gradient = gradientOf(p0, v128.load(g), decay, clip)
      s0 = addProducts(s0, gradient, gradient)
      const average = kept(multiplyAdd(beta1, v128.load(m), f32x4.mul(fresh1, gradient)))
      const variance = kept(multiplyAdd(beta2, v128.load(squares), f32x4.mul(f32x4.mul(fresh2, gradient), gradient)))
      const direction = adamDirection(average, variance, epsilon)
      s1 = addProducts(s1, direction, direction)
      v128.store(m, average)
      v128.store(squares, variance)
      v128.store(p, moved(p0, f32x4.mul(f32x4.mul(rate, correction), direction), limit, floor))
    }
    sum0 = addWidened(sum0, s0)
    sum1 = addWidened(sum1, s1)
  }
  addToSum(sums, 0, sum0)
  addToSum(sums, 1, sum1)
}

/**
 * m, squares ← their averages with ĝ and ĝ²; p ← p − rate·correction·u with u = m / (√squares + epsilon), projected;
 * sums ← ‖ĝ‖², ‖u‖²
 */
export function adam_step(
  length: usize,
  p: usize,
  g: usize,
  m: usize,
  squares: usize,
  scalars: usize,
  sums: usize,
  scratch: usize,
): void {
  clearSums(sums, 2)
  pass(wholeVectors(length), p, g, m, squares, scalars, sums)
  if ((length & 3) === 0) return
  const restP = takeRest(p, length, scratch, 0)
  const restG = takeRest(g, length, scratch, 1)
  const restM = takeRest(m, length, scratch, 2)
  const restSquares = takeRest(squares, length, scratch, 3)
  pass(4, restP, restG, restM, restSquares, scalars, sums)
  putRest(p, length, scratch, 0)
  putRest(m, length, scratch, 2)
  putRest(squares, length, scratch, 3)
}
