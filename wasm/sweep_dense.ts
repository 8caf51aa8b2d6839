import { gram } from './gram'
import { mu_update } from './mu_update'
import { xht_dense } from './xht_dense'
import { xtw_dense } from './xtw_dense'

/**
 * One panel of an iteration, X read once: N = X·Hᵀ, W ← W ∘ N / (W·G), A += Xᵀ·W, S += WᵀW. H comes as rank × columns.
 * W, G, A, S and N (rows × rank, for the products) are packed; `scratch` is that of mu_update.
 */
export function sweep_dense(
  rows: usize,
  columns: usize,
  rank: usize,
  x: usize,
  xStride: usize,
  h: usize,
  hStride: usize,
  g: usize,
  w: usize,
  a: usize,
  s: usize,
  n: usize,
  scratch: usize,
): void {
  const stride = rank << 2
  xht_dense(rows, columns, rank, x, xStride, h, hStride, n, stride, 0)
  mu_update(rows, rank, w, stride, n, stride, g, stride, scratch)
  xtw_dense(rows, columns, rank, x, xStride, w, stride, a, stride)
  gram(rows, rank, w, stride, s, stride)
}
