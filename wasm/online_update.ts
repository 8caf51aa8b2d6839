import { loadLanes, storeLanes } from './lanes'
import { positivePower } from './powers'
import { LANES, multiplyAdd, smallest } from './simd'

/**
 * A ← keep·A + F^(1/gamma)∘N, B ← keep·B + P + l1 + l2·F and F ← (A / B)^gamma, in place; all are rows × rank, A and B at the
 * stride of F. A `pStride` of 0 gives all rows the same P. Columns from `moving` on stay as they are, in A and B too, and
 * no entry goes above `most`.
 */
export function online_update(
  rows: usize,
  f: usize,
  fStride: usize,
  a: usize,
  b: usize,
  n: usize,
  nStride: usize,
  p: usize,
  pStride: usize,
  gamma: Real,
  keep: Real,
  l1: Real,
  l2: Real,
  moving: usize,
  most: Real,
): void {
  const zero = v128.splat<Real>(0)
  const least = v128.splat<Real>(smallest())
  const share = v128.splat<Real>(keep)
  const ones = v128.splat<Real>(l1)
  const twos = v128.splat<Real>(l2)
  const bound = v128.splat<Real>(most)
  for (let i: usize = 0; i < rows; i++) {
    let at = i * fStride
    let product = n + i * nStride
    let pushed = p + i * pStride
    for (let r: usize = 0; r < moving; r += LANES, at += 16, product += 16, pushed += 16) {
      const left = moving - r
      const before = loadLanes(f + at, left)
      const pulled = loadLanes(product, left)
      const base = gamma == 1 ? before : positivePower(before, 1 / gamma)
      const over = multiplyAdd(v128.mul<Real>(base, pulled), share, loadLanes(a + at, left))
      const push = multiplyAdd(v128.add<Real>(loadLanes(pushed, left), ones), twos, before)
      const under = multiplyAdd(push, share, loadLanes(b + at, left))
      storeLanes(a + at, over, left)
      storeLanes(b + at, under, left)
      const quotient = v128.div<Real>(over, under)
      const moved = gamma == 1 ? quotient : positivePower(quotient, gamma)
      const value = v128.and(moved, v128.gt<Real>(under, zero))
      const kept = v128.pmax<Real>(value, v128.and(least, v128.gt<Real>(value, zero)))
      storeLanes(f + at, v128.pmin<Real>(kept, bound), left)
    }
  }
}
