import { addProducts, addToSum, clearSums, gradientOf, splat, takeRest, wholeVectors } from './vector'

function pass(length: usize, p: usize, g: usize, u: usize, scalars: usize, sums: usize): void {
  const decay = splat(scalars, 0)
  const clip = splat(scalars, 1)
  let s0 = f64x2.splat(0),
    s1 = f64x2.splat(0),
    s2 = f64x2.splat(0)
  for (let end = p + (length << 2); p < end; p += 16, g += 16, u += 16) {
    const gradient = gradientOf(v128.load(p), v128.load(g), decay, clip)
    const direction = v128.load(u)
    s0 = addProducts(s0, gradient, direction)
    s1 = addProducts(s1, gradient, gradient)
    s2 = addProducts(s2, direction, direction)
  }
  addToSum(sums, 0, s0)
  addToSum(sums, 1, s1)
  addToSum(sums, 2, s2)
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
