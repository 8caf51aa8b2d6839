import { descend } from './cd_dense'
import { LANES, SIZE } from './simd'

/** The rows of O that the entries name, transposed: rank rows of `count` elements, `stride` apart. */
function collect(count: usize, rank: usize, entry: usize, o: usize, oStride: usize, to: usize, stride: usize): void {
  const last = entry + (count << 2)
  for (; entry < last; entry += 4, to += SIZE) {
    const row = o + <usize>load<u32>(entry) * oStride
    const end = row + rank * SIZE
    for (let from = row, place = to; from < end; from += SIZE, place += stride) store<Real>(place, load<Real>(from))
  }
}

/**
 * One sweep of coordinate descent over rows of F for any β, at the listed entries of CSR rows of X; O is columns × rank, F
 * rows × rank. Where `weights` is 0, all are 1; where `sums` is not 0 it holds the column sums of O, and unlisted entries
 * are zeros that count (β = 1). `scratch` holds rank + 2 times the entries of the longest row, rounded up to whole
 * vectors. `loss` (0 for none) and `violation` are f64 and grow. Columns from `moving` on stay as they are, and no entry goes
 * above `most`.
 */
export function cd_csr(
  rows: usize,
  rank: usize,
  beta: Real,
  indptr: usize,
  indices: usize,
  values: usize,
  weights: usize,
  o: usize,
  oStride: usize,
  sums: usize,
  f: usize,
  fStride: usize,
  l1: Real,
  l2: Real,
  moving: usize,
  most: Real,
  scratch: usize,
  loss: usize,
  violation: usize,
): void {
  for (let i: usize = 0; i < rows; i++) {
    const first = <usize>load<u32>(indptr + (i << 2))
    const count = <usize>load<u32>(indptr + (i << 2), 4) - first
    const stride = ((count + LANES - 1) & ~(LANES - 1)) * SIZE
    // behind the model, which is in f64
    const near = scratch + (stride / SIZE) * 8
    collect(count, rank, indices + (first << 2), o, oStride, near, stride)
    const data = values + first * SIZE
    const rowWeights: usize = weights == 0 ? 0 : weights + first * SIZE
    const row = f + i * fStride
    descend(
      count,
      rank,
      beta,
      data,
      rowWeights,
      near,
      stride,
      sums,
      row,
      l1,
      l2,
      moving,
      most,
      scratch,
      loss,
      violation,
    )
  }
}
