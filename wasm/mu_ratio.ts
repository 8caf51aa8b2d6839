import { loadLanes, storeLanes } from './lanes'
import { positivePower } from './powers'
import { LANES, smallest } from './simd'

/** As in mu_update, the division by the denominator comes before the product where there is no power to take. */
function updated(f: v128, n: v128, p: v128, gamma: Real, l1: Real, l2: Real, most: Real): v128 {
  const zero = v128.splat<Real>(0)
  const least = v128.splat<Real>(smallest())
  const denominator = v128.add<Real>(v128.add<Real>(p, v128.splat<Real>(l1)), v128.mul<Real>(v128.splat<Real>(l2), f))
  const quotient =
    gamma == 1
      ? v128.mul<Real>(v128.div<Real>(f, denominator), n)
      : v128.mul<Real>(f, positivePower(v128.div<Real>(n, denominator), gamma))
  const value = v128.and(quotient, v128.gt<Real>(denominator, zero))
  const kept = v128.pmax<Real>(value, v128.and(least, v128.gt<Real>(value, zero)))
  return v128.pmin<Real>(kept, v128.splat<Real>(most))
}

/**
 * F ← F ∘ (N / (P + l1 + l2·F))^gamma, in place; all are rows × rank. A `pStride` of 0 gives all rows the same P.
 * Columns from `moving` on stay as they are, and no entry goes above `most`.
 */
export function mu_ratio(
  rows: usize,
  rank: usize,
  f: usize,
  fStride: usize,
  n: usize,
  nStride: usize,
  p: usize,
  pStride: usize,
  gamma: Real,
  l1: Real,
  l2: Real,
  moving: usize,
  most: Real,
): void {
  for (let i: usize = 0; i < rows; i++) {
    let start: usize = 0
    for (let r: usize = 0; r < moving; r += LANES, start += 16) {
      const left = moving - r
      const place = f + i * fStride + start
      const pushed = loadLanes(p + i * pStride + start, left)
      const pulled = loadLanes(n + i * nStride + start, left)
      storeLanes(place, updated(loadLanes(place, left), pulled, pushed, gamma, l1, l2, most), left)
    }
  }
}
