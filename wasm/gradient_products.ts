import {
  addProducts,
  addToSum,
  addWidened,
  BLOCK,
  clearSums,
  gradientOf,
  splat,
  takeRest,
  wholeVectors,
} from './vector'

function pass(length: usize, p: usize, g: usize, u: usize, scalars: usize, sums: usize): void {
  const decay = splat(scalars, 0)
  const clip = splat(scalars, 1)
  let sum0 = f64x2.splat(0),
    sum1 = f64x2.splat(0),
    sum2 = f64x2.splat(0)
  const end = p + (length << 2)
  while (p < end) {
    const stop = min<usize>(end, p + BLOCK)
    let s0 = f32x4.splat(0),
      s1 = f32x4.splat(0),
      s2 = f32x4.splat(0)
    for (; p < stop; p += 16, g += 16, u += 16) {
      const gradient = gradientOf(v128.load(p), v128.load(g), decay, clip)
      const direction = v128.load(u)
      s0 = addProducts(s0, gradient, direction)
      s1 = addProducts(s1, gradient, gradient)
      s2 = addProducts(s2, direction, direction)
    }
    sum0 = addWidened(sum0, s0)
    sum1 = addWidened(sum1, s1)
    sum2 = addWidened(sum2, s2)
  }
  addToSum(sums, 0, sum0)
  addToSum(sums, 1, sum1)
  addToSum(sums, 2, sum2)
}

/** sums ← ⟨ĝ, u⟩, ‖ĝ‖², ‖u‖² */
export function gradient_products(
  length: usize,
  p: usize,
  g: usize,
  u: usize,
  scalars: usize,
  sums: usize,
  scratch: usize,
): void {
  clearSums(sums, 3)
  pass(wholeVectors(length), p, g, u, scalars, sums)
  if ((length & 3) === 0) return
  const restP = takeRest(p, length, scratch, 0)
  const restG = takeRest(g, length, scratch, 1)
  const restU = takeRest(u, length, scratch, 2)
  pass(4, restP, restG, restU, scalars, sums)
}
