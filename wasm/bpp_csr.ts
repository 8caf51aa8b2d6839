import { moveByEntries } from './bpp_dense'
import { SIZE } from './simd'

/**
 * Each row of F ← its weighted least squares minimum over [0, most] at the listed entries of CSR rows of X; O is columns × rank,
 * F rows × rank. `scratch`, `loss`, `violation` and `moving` are those of bpp_dense.
 */
export function bpp_csr(
  rows: usize,
  rank: usize,
  indptr: usize,
  indices: usize,
  values: usize,
  weights: usize,
  o: usize,
  oStride: usize,
  f: usize,
  fStride: usize,
  l1: f64,
  l2: f64,
  moving: usize,
  most: f64,
  scratch: usize,
  loss: usize,
  violation: usize,
): void {
  for (let i: usize = 0; i < rows; i++) {
    const first = <usize>load<u32>(indptr + (i << 2))
    const count = <usize>load<u32>(indptr + (i << 2), 4) - first
    const listed = indices + (first << 2)
    const data = values + first * SIZE
    const weight = weights + first * SIZE
    const row = f + i * fStride
    moveByEntries(count, rank, listed, data, weight, o, oStride, row, l1, l2, moving, most, scratch, loss, violation)
  }
}
