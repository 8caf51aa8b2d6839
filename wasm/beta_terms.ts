import { curvature, divergence, pull, push, safe } from './beta'
import { addSum, firstLanes, loadLanes, storeLanes, widen } from './lanes'
import { LANES } from './simd'

/**
 * The terms of a tile of X and its model U, both rows × columns: U becomes V∘X∘U^(β−2), and where their addresses are not
 * 0, P and C (at U's stride) become V∘U^(β−1) and V∘curvature, and `loss`, an f64, grows by Σ V∘d(X | U). Where `v` is 0,
 * all weights are 1.
 */
export function beta_terms(
  rows: usize,
  columns: usize,
  beta: Real,
  x: usize,
  xStride: usize,
  v: usize,
  vStride: usize,
  u: usize,
  uStride: usize,
  p: usize,
  c: usize,
  loss: usize,
): void {
  let total = f64x2.splat(0)
  for (let i: usize = 0; i < rows; i++) {
    let start: usize = 0
    for (let j: usize = 0; j < columns; j += LANES, start += 16) {
      const left = columns - j
      const data = loadLanes(x + i * xStride + start, left)
      const weights = v == 0 ? firstLanes(left) : loadLanes(v + i * vStride + start, left)
      const place = i * uStride + start
      const model = loadLanes(u + place, left)
      const safeModel = safe(model, beta)
      const pulled = pull(safeModel, beta)
      storeLanes(u + place, v128.mul<Real>(weights, v128.mul<Real>(data, pulled)), left)
      if (p != 0) {
        const pushed = push(beta == 2 ? model : safeModel, pulled, beta)
        storeLanes(p + place, v128.mul<Real>(weights, pushed), left)
      }
      if (c != 0) storeLanes(c + place, v128.mul<Real>(weights, curvature(data, safeModel, pulled, beta)), left)
      if (loss != 0) {
        const terms = v128.mul<Real>(weights, divergence(data, model, safeModel, pulled, beta, false))
        // without a weight even an infinite divergence counts for nothing
        total = widen(total, v128.and(terms, v128.gt<Real>(weights, v128.splat<Real>(0))))
      }
    }
  }
  if (loss != 0) addSum(loss, total)
}
