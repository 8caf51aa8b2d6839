// Vectors of which fewer lanes than all are in memory, and sums over lanes.

import { LANES, SIZE } from './simd'

/** The first `count` lanes from memory, zeros in the others; all of them where `count` is LANES or more. */
export function loadLanes(address: usize, count: usize): v128 {
  if (count >= LANES) return v128.load(address)
  if (sizeof<Real>() == 8) return v128.load64_zero(address)
  const first = v128.load32_zero(address)
  if (count == 1) return first
  const second = v128.load32_lane(address + SIZE, first, 1)
  return count == 2 ? second : v128.load32_lane(address + 2 * SIZE, second, 2)
}

/** The first `count` lanes to memory; all of them where `count` is LANES or more. */
export function storeLanes(address: usize, v: v128, count: usize): void {
  if (count >= LANES) {
    v128.store(address, v)
    return
  }
  if (sizeof<Real>() == 8) {
    v128.store64_lane(address, v, 0)
    return
  }
  v128.store32_lane(address, v, 0)
  if (count > 1) v128.store32_lane(address + SIZE, v, 1)
  if (count > 2) v128.store32_lane(address + 2 * SIZE, v, 2)
}

/** 1 in the first `count` lanes, 0 in the others. */
export function firstLanes(count: usize): v128 {
  const one = v128.splat<Real>(1)
  if (count >= LANES) return one
  if (sizeof<Real>() == 8) return f64x2(1, 0)
  return v128.and(one, v128.lt<i32>(i32x4(0, 1, 2, 3), v128.splat<i32>(<i32>count)))
}

/** The lower two lanes as f64; of f64 lanes there are no more than these. */
export function low(v: v128): v128 {
  return sizeof<Real>() == 8 ? v : f64x2.promote_low_f32x4(v)
}

/** The upper two of four f32 lanes as f64. */
export function high(v: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f64>(v, v, 1, 1))
}

/** An f64 sum in two lanes, grown by the lanes of `v`. */
export function widen(sum: v128, v: v128): v128 {
  if (sizeof<Real>() == 8) return f64x2.add(sum, v)
  return f64x2.add(sum, f64x2.add(low(v), high(v)))
}

/** An f64 sum in two lanes, grown by the products of the lanes of `a` and `b`, which are taken in f64. */
export function widenProducts(sum: v128, a: v128, b: v128): v128 {
  if (sizeof<Real>() == 8) return f64x2.add(sum, f64x2.mul(a, b))
  return f64x2.add(sum, f64x2.add(f64x2.mul(low(a), low(b)), f64x2.mul(high(a), high(b))))
}

/** Adds the two lanes of an f64 sum to a scalar in memory. */
export function addSum(address: usize, sum: v128): void {
  store<f64>(address, load<f64>(address) + (f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)))
}

/** The sums over the lanes of four vectors, in four lanes; of f64 vectors, of the first two alone. */
export function sumsOfLanes(s0: v128, s1: v128, s2: v128, s3: v128): v128 {
  if (sizeof<Real>() == 8) return f64x2.add(v128.shuffle<f64>(s0, s1, 0, 2), v128.shuffle<f64>(s0, s1, 1, 3))
  const a = f32x4.add(v128.shuffle<f32>(s0, s1, 0, 4, 1, 5), v128.shuffle<f32>(s0, s1, 2, 6, 3, 7))
  const b = f32x4.add(v128.shuffle<f32>(s2, s3, 0, 4, 1, 5), v128.shuffle<f32>(s2, s3, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<f64>(a, b, 0, 2), v128.shuffle<f64>(a, b, 1, 3))
}
