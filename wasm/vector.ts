// What the kernels of the optimizers share; formulas and sources are in ts/kernels. Arrays are f32 with any alignment of 4
// bytes, `scalars` the kernel's in f64, `sums` its sums in f64, `scratch` 16 bytes for each of its arrays.
//
// A kernel's `pass` does whole vectors. What is left over goes through the same pass in a vector of its own, completed by
// zeros, so that an entry's bits do not depend on where it lies. Zeros add nothing to products with the gradient; a sum of
// rates, which are bounded from below, takes the filled lanes alone.

/** Scalar number `index` in all lanes. */
export function splat(scalars: usize, index: i32): v128 {
  return f32x4.splat(<f32>load<f64>(scalars + (index << 3)))
}

/** 1 − scalar number `index`, which f32 would cut short for scalars near 1. */
export function splatRest(scalars: usize, index: i32): v128 {
  return f32x4.splat(<f32>(1 - load<f64>(scalars + (index << 3))))
}

/** x·y + z in all lanes; the relaxed build leaves it to the engine whether the product is rounded first. */
export function multiplyAdd(x: v128, y: v128, z: v128): v128 {
  if (RELAXED) return f32x4.relaxed_madd(x, y, z)
  return f32x4.add(f32x4.mul(x, y), z)
}

/** What is not a number stays so: pmax and pmin answer their first argument unless the second is beyond it. */
export function clamp(x: v128, low: v128, high: v128): v128 {
  return f32x4.pmin(f32x4.pmax(x, low), high)
}

/** ĝ */
export function gradientOf(p: v128, g: v128, decay: v128, clip: v128): v128 {
  return multiplyAdd(decay, p, clamp(g, f32x4.neg(clip), clip))
}

/** p after a change. */
export function moved(p: v128, change: v128, limit: v128, floor: v128): v128 {
  return f32x4.pmax(f32x4.sub(p, clamp(change, f32x4.neg(limit), limit)), floor)
}

/** A running average, zero below 2⁻¹²⁰: no flag flushes subnormal numbers here. */
export function kept(average: v128): v128 {
  const tiny = f32x4.splat(7.52316384526264e-37)
  return v128.andnot(average, f32x4.lt(f32x4.abs(average), tiny))
}

/** m / (√squares + epsilon) */
export function adamDirection(m: v128, squares: v128, epsilon: v128): v128 {
  return f32x4.div(m, f32x4.add(f32x4.sqrt(squares), epsilon))
}

/** A rate after its hypergradient step. */
export function movedRate(
  rate: v128,
  gradient: v128,
  before: v128,
  hyperRate: v128,
  up: v128,
  down: v128,
  lowest: v128,
  highest: v128,
): v128 {
  const zero = f32x4.splat(0)
  const agreement = f32x4.mul(gradient, before)
  const shrinking = v128.bitselect(down, f32x4.splat(1), f32x4.lt(agreement, zero))
  const factor = v128.bitselect(up, shrinking, f32x4.gt(agreement, zero))
  return clamp(multiplyAdd(factor, rate, f32x4.mul(f32x4.mul(hyperRate, gradient), before)), lowest, highest)
}

/** Bytes of an array whose terms are summed in f32 before they go into f64 sums, at a third of the price: 32 a lane. */
export const BLOCK: usize = 512

export function addProducts(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b))
}

/** Adds the four f32 lanes of a block's sum to two f64 sums. */
export function addWidened(sums: v128, block: v128): v128 {
  return f64x2.add(sums, f64x2.add(f64x2.promote_low_f32x4(block), upper(block)))
}

function upper(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f64>(v, v, 1, 1))
}

export function clearSums(sums: usize, count: i32): void {
  for (let s = 0; s < count; s++) store<f64>(sums + (s << 3), 0)
}

/** Adds two f64 lanes to sum number `s`. */
export function addToSum(sums: usize, s: i32, lanes: v128): void {
  const at = sums + (s << 3)
  store<f64>(at, load<f64>(at) + (f64x2.extract_lane(lanes, 0) + f64x2.extract_lane(lanes, 1)))
}

/** Entries in whole vectors. */
export function wholeVectors(length: usize): usize {
  return length & ~3
}

/** Copies the entries beyond the whole vectors of an array to its place in the scratch memory, and answers that. */
export function takeRest(array: usize, length: usize, scratch: usize, place: i32): usize {
  const to = scratch + (place << 4)
  v128.store(to, i32x4.splat(0))
  const from = array + (wholeVectors(length) << 2)
  memory.copy(to, from, (length & 3) << 2)
  return to
}

/** All bits of those lanes that `takeRest` fills. */
export function filledLanes(length: usize): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(<i32>(length & 3)))
}

/** Copies them back. */
export function putRest(array: usize, length: usize, scratch: usize, place: i32): void {
  memory.copy(array + (wholeVectors(length) << 2), scratch + (place << 4), (length & 3) << 2)
}
