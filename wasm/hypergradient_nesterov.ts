import {
  addProducts,
  addToSum,
  addWidened,
  BLOCK,
  clearSums,
  filledLanes,
  gradientOf,
  kept,
  moved,
  movedRate,
  multiplyAdd,
  putRest,
  splat,
  takeRest,
  wholeVectors,
} from './vector'

function pass(
  length: usize,
  p: usize,
  g: usize,
  u: usize,
  v: usize,
  rates: usize,
  scalars: usize,
  sums: usize,
  filled: v128,
): void {
  const decay = splat(scalars, 0)
  const clip = splat(scalars, 1)
  const limit = splat(scalars, 2)
  const floor = splat(scalars, 3)
  const hyperRate = splat(scalars, 4)
  const up = splat(scalars, 5)
  const down = splat(scalars, 6)
  const lowest = splat(scalars, 7)
  const highest = splat(scalars, 8)
  const share = splat(scalars, 9)
  const base = splat(scalars, 10)
  const momentum = splat(scalars, 11)
  let sum0 = f64x2.splat(0),
    sum1 = f64x2.splat(0),
    sum2 = f64x2.splat(0)
  const end = p + (length << 2)
  while (p < end) {
    const stop = min<usize>(end, p + BLOCK)
    let s0 = f32x4.splat(0),
      s1 = f32x4.splat(0),
      s2 = f32x4.splat(0)
    for (; p < stop; p += 16, g += 16, u += 16, v += 16, rates += 16) {
      const p0 = v128.load(p)
      const gradient = gradientOf(p0, v128.load(g), decay, clip)
      const before = v128.load(u)
      s0 = addProducts(s0, gradient, before)
      s1 = addProducts(s1, gradient, gradient)
      const rate = movedRate(v128.load(rates), gradient, before, hyperRate, up, down, lowest, highest)
      s2 = f32x4.add(s2, v128.and(rate, filled))
      v128.store(rates, rate)
      const velocity = kept(multiplyAdd(momentum, v128.load(v), gradient))
      const direction = multiplyAdd(momentum, velocity, gradient)
      v128.store(v, velocity)
      v128.store(u, direction)
      v128.store(p, moved(p0, f32x4.mul(multiplyAdd(share, rate, base), direction), limit, floor))
    }
    sum0 = addWidened(sum0, s0)
    sum1 = addWidened(sum1, s1)
    sum2 = addWidened(sum2, s2)
  }
  addToSum(sums, 0, sum0)
  addToSum(sums, 1, sum1)
  addToSum(sums, 2, sum2)
}

/**
 * rates move by ĝ·u; v ← momentum·v + ĝ; u ← ĝ + momentum·v; p ← p − (share·rates + base)·u, projected;
 * sums ← ⟨ĝ, u before⟩, ‖ĝ‖², Σ rates
 */
export function hypergradient_nesterov(
  length: usize,
  p: usize,
  g: usize,
  u: usize,
  v: usize,
  rates: usize,
  scalars: usize,
  sums: usize,
  scratch: usize,
): void {
  clearSums(sums, 3)
  pass(wholeVectors(length), p, g, u, v, rates, scalars, sums, i32x4.splat(-1))
  if ((length & 3) === 0) return
  const restP = takeRest(p, length, scratch, 0)
  const restG = takeRest(g, length, scratch, 1)
  const restU = takeRest(u, length, scratch, 2)
  const restV = takeRest(v, length, scratch, 3)
  const restRates = takeRest(rates, length, scratch, 4)
  pass(4, restP, restG, restU, restV, restRates, scalars, sums, filledLanes(length))
  putRest(p, length, scratch, 0)
  putRest(u, length, scratch, 2)
  putRest(v, length, scratch, 3)
  putRest(rates, length, scratch, 4)
}
