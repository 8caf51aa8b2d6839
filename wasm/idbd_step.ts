import {
  addProducts,
  addToSum,
  addWidened,
  BLOCK,
  clamp,
  clearSums,
  filledLanes,
  gradientOf,
  kept,
  moved,
  multiplyAdd,
  putRest,
  splat,
  takeRest,
  wholeVectors,
} from './vector'

/** exp(x) for |x| ≤ 2: the fourth power of the series for x / 4, which ends at its eighth power with 5e-9. */
function exponential(x: v128): v128 {
  const one = f32x4.splat(1)
  const y = f32x4.mul(f32x4.splat(0.25), x)
  let series = multiplyAdd(f32x4.splat(0.125), y, one)
  series = multiplyAdd(f32x4.mul(f32x4.splat(0.14285714285714285), y), series, one)
  series = multiplyAdd(f32x4.mul(f32x4.splat(0.16666666666666666), y), series, one)
  series = multiplyAdd(f32x4.mul(f32x4.splat(0.2), y), series, one)
  series = multiplyAdd(f32x4.mul(f32x4.splat(0.25), y), series, one)
  series = multiplyAdd(f32x4.mul(f32x4.splat(0.3333333333333333), y), series, one)
  series = multiplyAdd(f32x4.mul(f32x4.splat(0.5), y), series, one)
  series = multiplyAdd(y, series, one)
  const square = f32x4.mul(series, series)
  return f32x4.mul(square, square)
}

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
  const metaRate = splat(scalars, 4)
  const trace = splat(scalars, 5)
  const lowest = splat(scalars, 6)
  const highest = splat(scalars, 7)
  const most = f32x4.splat(2)
  let sum0 = f64x2.splat(0),
    sum1 = f64x2.splat(0),
    sum2 = f64x2.splat(0)
  const end = p + (length << 2)
  while (p < end) {
    const stop = min<usize>(end, p + BLOCK)
    let s0 = f32x4.splat(0),
      s1 = f32x4.splat(0),
      s2 = f32x4.splat(0)
    for (; p < stop; p += 16, g += 16, u += 16, rates += 16) {
      const p0 = v128.load(p)
      const gradient = gradientOf(p0, v128.load(g), decay, clip)
      const before = v128.load(u)
      s0 = addProducts(s0, gradient, before)
      s1 = addProducts(s1, gradient, gradient)
      const growth = clamp(f32x4.mul(f32x4.mul(metaRate, gradient), before), f32x4.neg(most), most)
      const rate = clamp(f32x4.mul(v128.load(rates), exponential(growth)), lowest, highest)
      s2 = f32x4.add(s2, v128.and(rate, filled))
      v128.store(rates, rate)
      const change = f32x4.mul(rate, gradient)
      v128.store(u, kept(multiplyAdd(trace, before, change)))
      v128.store(p, moved(p0, change, limit, floor))
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
 * the logarithms of rates move by metaRate·ĝ·u; p ← p − rates·ĝ, projected; u ← trace·u + rates·ĝ;
 * sums ← ⟨ĝ, u before⟩, ‖ĝ‖², Σ rates
 */
export function idbd_step(
  length: usize,
  p: usize,
  g: usize,
  u: usize,
  rates: usize,
  scalars: usize,
  sums: usize,
  scratch: usize,
): void {
  clearSums(sums, 3)
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
