import type { DenseView, MatrixView } from '../../ts/core/matrix.js'
import { divergence } from '../../ts/kernels/beta.js'

/** All entries of X, row-major; what a sparse X does not list is 0. */
export function entriesOf(X: MatrixView): Float64Array {
  const all = new Float64Array(X.rows * X.columns)
  for (let i = 0; i < X.rows; i++) {
    if (X.kind === 'dense') {
      for (let j = 0; j < X.columns; j++) all[i * X.columns + j] = X.data[X.offset + i * X.stride + j]
    } else {
      for (let p = X.indptr[i]; p < X.indptr[i + 1]; p++) all[i * X.columns + X.indices[p]] += X.values[p]
    }
  }
  return all
}

/** (W·H)[i, j] for each entry, row-major. */
export function modelOf({ W, H }: { W: DenseView; H: DenseView }): Float64Array {
  const out = new Float64Array(W.rows * H.columns)
  for (let i = 0; i < W.rows; i++) {
    for (let j = 0; j < H.columns; j++) {
      for (let r = 0; r < H.rows; r++) out[i * H.columns + j] += W.data[i * H.rows + r] * H.data[r * H.columns + j]
    }
  }
  return out
}

/** Σ v·d_β(x | u), entry by entry. */
export function bruteLoss(
  X: MatrixView,
  fit: { W: DenseView; H: DenseView },
  beta: number,
  weights?: ArrayLike<number>,
): number {
  const x = entriesOf(X)
  const u = modelOf(fit)
  let loss = 0
  for (let at = 0; at < x.length; at++) {
    const v = weights ? weights[at] : 1
    if (v !== 0) loss += v * divergence(x[at], u[at], beta)
  }
  return loss
}

/** √(Σ v·(x − u)² / Σ v·x²) */
export function bruteRelativeError(
  X: MatrixView,
  fit: { W: DenseView; H: DenseView },
  weights?: ArrayLike<number>,
): number {
  let squares = 0
  entriesOf(X).forEach((x, at) => {
    const v = weights ? weights[at] : 1
    if (v !== 0) squares += v * x * x
  })
  return Math.sqrt((2 * bruteLoss(X, fit, 2, weights)) / squares)
}
