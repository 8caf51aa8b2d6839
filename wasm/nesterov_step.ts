import {
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
  takeRest,
  wholeVectors,
} from './vector'

function pass(length: usize, p: usize, g: usize, u: usize, v: usize, scalars: usize, sums: usize): void {
  const decay = splat(scalars, 0)
  const clip = splat(scalars, 1)
  const limit = splat(scalars, 2)
  const floor = splat(scalars, 3)
  const rate = splat(scalars, 4)
  const momentum = splat(scalars, 5)
  let sum0 = f64x2.splat(0),
    sum1 = f64x2.splat(0),
    sum2 = f64x2.splat(0)
  const end = p + (length << 2)
  while (p < end) {
    const stop = min<usize>(end, p + BLOCK)
    let s0 = f32x4.splat(0),
      s1 = f32x4.splat(0),
      s2 = f32x4.splat(0)
    for (; p < stop; p += 16, g += 16, u += 16, v += 16) {
      const p0 = v128.load(p)
      const gradient = gradientOf(p0, v128.load(g), decay, clip)
      s0 = addProducts(s0, gradient, v128.load(u))
      s1 = addProducts(s1, gradient, gradient)
      const velocity = kept(multiplyAdd(momentum, v128.load(v), gradient))
      const direction = multiplyAdd(momentum, velocity, gradient)
      s2 = addProducts(s2, direction, direction)
      v128.store(v, velocity)
      v128.store(u, direction)
      v128.store(p, moved(p0, f32x4.mul(rate, direction), limit, floor))
    }
    sum0 = addWidened(sum0, s0)
    sum1 = addWidened(sum1, s1)
    sum2 = addWidened(sum2, s2)
  }
  addToSum(sums, 0, sum0)
  addToSum(sums, 1, sum1)
  addToSum(sums, 2, sum2)
}

/** v ← momentum·v + ĝ; u ← ĝ + momentum·v; p ← p − rate·u, projected; sums ← ⟨ĝ, u before⟩, ‖ĝ‖², ‖u‖² */
export function nesterov_step(
  length: usize,
  p: usize,
  g: usize,
  u: usize,
  v: usize,
  scalars: usize,
  sums: usize,
  scratch: usize,
): void {
  clearSums(sums, 3)
  pass(wholeVectors(length), p, g, u, v, scalars, sums)
  if ((length & 3) === 0) return
  const restP = takeRest(p, length, scratch, 0)
  const restG = takeRest(g, length, scratch, 1)
  const restU = takeRest(u, length, scratch, 2)
  const restV = takeRest(v, length, scratch, 3)
  pass(4, restP, restG, restU, restV, scalars, sums)
  putRest(p, length, scratch, 0)
  putRest(u, length, scratch, 2)
  putRest(v, length, scratch, 3)
}
