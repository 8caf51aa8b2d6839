import { loadLanes, storeLanes } from './lanes'
import { at, LANES, multiplyAdd, SIZE, smallest } from './simd'
import { wh_dense } from './wh_dense'

/** Rows whose products with the Gram matrices are formed at once. */
const ROWS: usize = 32

/**
 * n = (F0·K + N)/count + A/total, d = (F·G + M)/count + (F0·S + l1 + l2·F)/total; F ← (1 − ratio)·F + ratio·(F / d)∘n, or 0 where
 * d is 0. All but G, K and S are rows × rank, F0 and A at the stride of F, M at that of N; K and S lie at the stride of G.
 * Columns from `moving` on stay as they are, and no entry goes above `most`. `scratch` holds 128·rank elements.
 */
export function svrmu_update(
  rows: usize,
  rank: usize,
  f: usize,
  fStride: usize,
  n: usize,
  m: usize,
  nStride: usize,
  f0: usize,
  a: usize,
  g: usize,
  k: usize,
  s: usize,
  gStride: usize,
  count: Real,
  total: Real,
  ratio: Real,
  l1: Real,
  l2: Real,
  moving: usize,
  most: Real,
  scratch: usize,
): void {
  const zero = v128.splat<Real>(0)
  const least = v128.splat<Real>(smallest())
  const ones = v128.splat<Real>(l1)
  const twos = v128.splat<Real>(l2)
  const ofBatch = v128.splat<Real>(1 / count)
  const ofAll = v128.splat<Real>(1 / total)
  const taken = v128.splat<Real>(ratio)
  const stays = v128.splat<Real>(1 - ratio)
  const bound = v128.splat<Real>(most)
  const stride = rank * SIZE
  const own = scratch
  const kept = at(own, stride, ROWS, 0)
  const all = at(kept, stride, ROWS, 0)
  const more = at(all, stride, ROWS, 0)
  for (let block: usize = 0; block < rows; block += ROWS) {
    const height = min<usize>(ROWS, rows - block)
    const f0Block = at(f0, fStride, block, 0)
    wh_dense(height, rank, rank, at(f, fStride, block, 0), fStride, g, gStride, own, stride, more)
    wh_dense(height, rank, rank, f0Block, fStride, k, gStride, kept, stride, more)
    wh_dense(height, rank, rank, f0Block, fStride, s, gStride, all, stride, more)
    for (let i: usize = 0; i < height; i++) {
      let place = (block + i) * fStride
      let product = (block + i) * nStride
      let within = i * stride
      for (let r: usize = 0; r < moving; r += LANES, place += 16, product += 16, within += 16) {
        const left = moving - r
        const before = loadLanes(f + place, left)
        const pulled = v128.add<Real>(loadLanes(kept + within, left), loadLanes(n + product, left))
        const over = multiplyAdd(v128.mul<Real>(pulled, ofBatch), loadLanes(a + place, left), ofAll)
        const pushed = v128.add<Real>(loadLanes(own + within, left), loadLanes(m + product, left))
        const rest = multiplyAdd(v128.add<Real>(loadLanes(all + within, left), ones), twos, before)
        const under = multiplyAdd(v128.mul<Real>(pushed, ofBatch), rest, ofAll)
        // the division comes first, as in mu_update
        const quotient = v128.mul<Real>(v128.div<Real>(before, under), over)
        const moved = multiplyAdd(v128.mul<Real>(stays, before), taken, quotient)
        const value = v128.and(moved, v128.gt<Real>(under, zero))
        const floored = v128.pmax<Real>(value, v128.and(least, v128.gt<Real>(value, zero)))
        storeLanes(f + place, v128.pmin<Real>(floored, bound), left)
      }
    }
  }
}
