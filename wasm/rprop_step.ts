import {
  addProducts,
  addToSum,
  addWidened,
  BLOCK,
  clamp,
  clearSums,
  filledLanes,
  gradientOf,
  moved,
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
  rates: usize,
  scalars: usize,
  sums: usize,
  filled: v128,
): void {
  const decay = splat(scalars, 0)
  const clip = splat(scalars, 1)
  const limit = splat(scalars, 2)
  const floor = splat(scalars, 3)
  const up = splat(scalars, 4)
  const down = splat(scalars, 5)
  const lowest = splat(scalars, 6)
  const highest = splat(scalars, 7)
  const zero = f32x4.splat(0)
  const one = f32x4.splat(1)
  let sum0 = f64x2.splat(0),
    sum1 = f64x2.splat(0)
  const end = p + (length << 2)
  while (p < end) {
    const stop = min<usize>(end, p + BLOCK)
    let s0 = f32x4.splat(0),
      s1 = f32x4.splat(0)
    for (; p < stop; p += 16, g += 16, u += 16, rates += 16) {
      const p0 = v128.load(p)
      const gradient = gradientOf(p0, v128.load(g), decay, clip)
      s0 = addProducts(s0, gradient, gradient)
      const agreement = f32x4.mul(gradient, v128.load(u))
      const shrinking = v128.bitselect(down, one, f32x4.lt(agreement, zero))
      const factor = v128.bitselect(up, shrinking, f32x4.gt(agreement, zero))
      const rate = clamp(f32x4.mul(factor, v128.load(rates)), lowest, highest)
      s1 = f32x4.add(s1, v128.and(rate, filled))
      v128.store(rates, rate)
      const notAbove = v128.bitselect(f32x4.neg(one), gradient, f32x4.lt(gradient, zero))
      const sign = v128.bitselect(one, notAbove, f32x4.gt(gradient, zero))
      v128.store(u, sign)
      v128.store(p, moved(p0, f32x4.mul(rate, sign), limit, floor))
    }
    sum0 = addWidened(sum0, s0)
    sum1 = addWidened(sum1, s1)
  }
  addToSum(sums, 0, sum0)
  addToSum(sums, 1, sum1)
}

/**
 * rates grow where ĝ keeps its sign u and shrink where it changes; u ← sign(ĝ); p ← p − rates·u, projected;
 * sums ← ‖ĝ‖², Σ rates
 */
export function rprop_step(
  length: usize,
  p: usize,
  g: usize,
  u: usize,
  rates: usize,
  scalars: usize,
  sums: usize,
  scratch: usize,
): void {
  clearSums(sums, 2)
  pass(wholeVectors(length), p, g, u, rates, scalars, sums, i32x4.splat(-1))
  if ((length & 3) === 0) return
  const restP = takeRest(p, length, scratch, 0)
  const restG = takeRest(g, length, scratch, 1)
  const restU = takeRest(u, length, scratch, 2)
  const restRates = takeRest(rates, length, scratch, 3)
  pass(4, restP, restG, restU, restRates, scalars, sums, filledLanes(length))
  putRest(p, length, scratch, 0)
  putRest(u, length, scratch, 2)
  putRest(rates, length, scratch, 3)
}
