import { addSum, loadLanes, storeLanes, widen } from './lanes'
import { bounded, counts } from './moves'
import { LANES } from './simd'

/**
 * F ← max(0, F − step/(L + l2)·(P − N + l1 + l2·F)), in place; F, N and P are rows × rank, L has an element every
 * `lStride`. Strides of 0 give all rows the same P or L. Where L + l2 is 0, entries that the loss rises with become 0.
 * `violation`, an f64, grows by the sum of the projected gradient. Columns from `moving` on stay as they are, and no entry
 * goes above `most`.
 */
export function pg_step(
  rows: usize,
  rank: usize,
  f: usize,
  fStride: usize,
  n: usize,
  nStride: usize,
  p: usize,
  pStride: usize,
  l: usize,
  lStride: usize,
  step: Real,
  l1: Real,
  l2: Real,
  moving: usize,
  most: Real,
  violation: usize,
): void {
  const zero = v128.splat<Real>(0)
  const bound = v128.splat<Real>(most)
  const ones = v128.splat<Real>(l1)
  const twos = v128.splat<Real>(l2)
  let total = f64x2.splat(0)
  for (let i: usize = 0; i < rows; i++) {
    const bend = load<Real>(l + i * lStride) + l2
    const rate = v128.splat<Real>(step / bend)
    let start: usize = 0
    for (let r: usize = 0; r < moving; r += LANES, start += 16) {
      const left = moving - r
      const place = f + i * fStride + start
      const before = loadLanes(place, left)
      const difference = v128.sub<Real>(
        loadLanes(p + i * pStride + start, left),
        loadLanes(n + i * nStride + start, left),
      )
      const gradient = v128.add<Real>(v128.add<Real>(difference, ones), v128.mul<Real>(twos, before))
      // the lanes beyond the last component are 0 and have a gradient of l1, which does not count
      total = widen(total, counts(before, gradient, bound))
      if (bend > 0) {
        const moved = v128.sub<Real>(before, v128.mul<Real>(rate, gradient))
        storeLanes(place, bounded(moved, bound), left)
      } else {
        storeLanes(place, v128.andnot(before, v128.gt<Real>(gradient, zero)), left)
      }
    }
  }
  addSum(violation, total)
}
