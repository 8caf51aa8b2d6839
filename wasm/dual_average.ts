import {
  addProducts,
  addToSum,
  addWidened,
  BLOCK,
  clearSums,
  gradientOf,
  kept,
  multiplyAdd,
  putRest,
  splat,
  takeRest,
  wholeVectors,
} from './vector'

function pass(length: usize, p: usize, g: usize, start: usize, s: usize, scalars: usize, sums: usize): void {
  const decay = splat(scalars, 0)
  const clip = splat(scalars, 1)
  const keep = splat(scalars, 2)
  const weight = splat(scalars, 3)
  let sum0 = f64x2.splat(0),
    sum1 = f64x2.splat(0),
    sum2 = f64x2.splat(0)
  const end = p + (length << 2)
  while (p < end) {
    const stop = min<usize>(end, p + BLOCK)
    let s0 = f32x4.splat(0),
      s1 = f32x4.splat(0),
      s2 = f32x4.splat(0)
    for (; p < stop; p += 16, g += 16, start += 16, s += 16) {
      const p0 = v128.load(p)
      const gradient = gradientOf(p0, v128.load(g), decay, clip)
      s0 = addProducts(s0, gradient, f32x4.sub(v128.load(start), p0))
      s1 = addProducts(s1, gradient, gradient)
      const average = kept(multiplyAdd(keep, v128.load(s), f32x4.mul(weight, gradient)))
      v128.store(s, average)
      s2 = f32x4.add(s2, f32x4.abs(average))
    }
    sum0 = addWidened(sum0, s0)
    sum1 = addWidened(sum1, s1)
    sum2 = addWidened(sum2, s2)
  }
  addToSum(sums, 0, sum0)
  addToSum(sums, 1, sum1)
  addToSum(sums, 2, sum2)
}

/** s ← keep·s + weight·ĝ; sums ← ⟨ĝ, start − p⟩, ‖ĝ‖², ‖s‖₁ */
export function dual_average(
  length: usize,
  p: usize,
  g: usize,
  start: usize,
  s: usize,
  scalars: usize,
  sums: usize,
  scratch: usize,
): void {
  clearSums(sums, 3)
  pass(wholeVectors(length), p, g, start, s, scalars, sums)
  if ((length & 3) === 0) return
  const restP = takeRest(p, length, scratch, 0)
  const restG = takeRest(g, length, scratch, 1)
  const restStart = takeRest(start, length, scratch, 2)
  const restS = takeRest(s, length, scratch, 3)
  pass(4, restP, restG, restStart, restS, scalars, sums)
  putRest(s, length, scratch, 3)
}
