import {
  addProducts,
  addToSum,
  addWidened,
  BLOCK,
  clearSums,
  gradientOf,
  moved,
  putRest,
  splat,
  takeRest,
  wholeVectors,
} from './vector'

function pass(length: usize, p: usize, g: usize, scalars: usize, sums: usize): void {
  const decay = splat(scalars, 0)
  const clip = splat(scalars, 1)
  const limit = splat(scalars, 2)
  const floor = splat(scalars, 3)
  const rate = splat(scalars, 4)
  let sum0 = f64x2.splat(0)
  const end = p + (length << 2)
  while (p < end) {
    const stop = min<usize>(end, p + BLOCK)
    let s0 = f32x4.splat(0)
    for (; p < stop; p += 16, g += 16) {
      const p0 = v128.load(p)
      const gradient = gradientOf(p0, v128.load(g), decay, clip)
      s0 = addProducts(s0, gradient, gradient)
      v128.store(p, moved(p0, f32x4.mul(rate, gradient), limit, floor))
    }
    sum0 = addWidened(sum0, s0)
  }
  addToSum(sums, 0, sum0)
}

/** p ← p − rate·ĝ, projected; sums ← ‖ĝ‖² */
export function sgd_step(length: usize, p: usize, g: usize, scalars: usize, sums: usize, scratch: usize): void {
  clearSums(sums, 1)
  pass(wholeVectors(length), p, g, scalars, sums)
  if ((length & 3) === 0) return
  const restP = takeRest(p, length, scratch, 0)
  const restG = takeRest(g, length, scratch, 1)
  pass(4, restP, restG, scalars, sums)
  putRest(p, length, scratch, 0)
}
