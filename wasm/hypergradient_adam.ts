import {
  adamDirection,
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
  splatRest,
  takeRest,
  wholeVectors,
} from './vector'

function pass(
  length: usize,
  p: usize,
  g: usize,
  m: usize,
  squares: usize,
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
  const beta1 = splat(scalars, 11)
  const fresh1 = splatRest(scalars, 11)
  const beta2 = splat(scalars, 12)
  const fresh2 = splatRest(scalars, 12)
  const epsilon = splat(scalars, 13)
  const correction = splat(scalars, 14)
  const correctionBefore = splat(scalars, 15)
  let sum0 = f64x2.splat(0),
    sum1 = f64x2.splat(0),
    sum2 = f64x2.splat(0)
  const end = p + (length << 2)
  while (p < end) {
    const stop = min<usize>(end, p + BLOCK)
    let s0 = f32x4.splat(0),
      s1 = f32x4.splat(0),
      s2 = f32x4.splat(0)
    for (; p < stop; p += 16, g += 16, m += 16, squares += 16, rates += 16) {
      const p0 = v128.load(p)
      const gradient = gradientOf(p0, v128.load(g), decay, clip)
      const m0 = v128.load(m)
      const squares0 = v128.load(squares)
      const before = f32x4.mul(correctionBefore, adamDirection(m0, squares0, epsilon))
      s0 = addProducts(s0, gradient, before)
      s1 = addProducts(s1, gradient, gradient)
      const rate = movedRate(v128.load(rates), gradient, before, hyperRate, up, down, lowest, highest)
      s2 = f32x4.add(s2, v128.and(rate, filled))
      v128.store(rates, rate)
      const average = kept(multiplyAdd(beta1, m0, f32x4.mul(fresh1, gradient)))
      const variance = kept(multiplyAdd(beta2, squares0, f32x4.mul(f32x4.mul(fresh2, gradient), gradient)))
      const direction = adamDirection(average, variance, epsilon)
      v128.store(m, average)
      v128.store(squares, variance)
      v128.store(
        p,
        moved(p0, f32x4.mul(f32x4.mul(multiplyAdd(share, rate, base), correction), direction), limit, floor),
      )
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
 * rates move by ĝ·u; m, squares ← their averages with ĝ and ĝ²; p ← p − (share·rates + base)·correction·u, projected,
 * with u = m / (√squares + epsilon); sums ← ⟨ĝ, u before⟩, ‖ĝ‖², Σ rates
 */
export function hypergradient_adam(
  length: usize,
  p: usize,
  g: usize,
  m: usize,
  squares: usize,
  rates: usize,
  scalars: usize,
  sums: usize,
  scratch: usize,
): void {
  clearSums(sums, 3)
  pass(wholeVectors(length), p, g, m, squares, rates, scalars, sums, i32x4.splat(-1))
  if ((length & 3) === 0) return
  const restP = takeRest(p, length, scratch, 0)
  const restG = takeRest(g, length, scratch, 1)
  const restM = takeRest(m, length, scratch, 2)
  const restSquares = takeRest(squares, length, scratch, 3)
  const restRates = takeRest(rates, length, scratch, 4)
  pass(4, restP, restG, restM, restSquares, restRates, scalars, sums, filledLanes(length))
  putRest(p, length, scratch, 0)
  putRest(m, length, scratch, 2)
  putRest(squares, length, scratch, 3)
  putRest(rates, length, scratch, 4)
}
