import type { Weights } from '../backends/backend.js'
import { NonnegError } from '../core/errors.js'
import type { MatrixView } from '../core/matrix.js'
import { entriesOfRow, heldOut, type RowEntries } from './entries.js'

const PIECE = 1 << 15

/** Weights by row and column; those of listed entries are not by place. */
function weightsByPlace(weights: Exclude<Weights, { kind: 'entries' }> | undefined): RowEntries | undefined {
  if (weights?.kind === 'dense') return entriesOfRow(weights)
  if (weights?.kind === 'holdout') return heldOut(weights.fraction, weights.seed, weights.complement ?? false)
  return undefined
}

/** Σ v·x² over the entries of X with their weights v: what relative errors are relative to. */
export function* weightedSquaredNorm(X: MatrixView, weights: Weights): Generator<void, number> {
  let sum = 0
  if (weights.kind === 'entries') {
    const { values } = X as Extract<MatrixView, { kind: 'csr' }>
    for (let p = 0; p < weights.values.length; p++) {
      sum += weights.values[p] * values[p] ** 2
      if (p % PIECE === PIECE - 1) yield
    }
    return sum
  }
  const weightsOfRow = weightsByPlace(weights)!
  for (let i = 0, sinceYield = 0; i < X.rows; i++) {
    const weight = weightsOfRow(i)
    const from = X.kind === 'csr' ? X.indptr[i] : X.offset + i * X.stride
    const to = X.kind === 'csr' ? X.indptr[i + 1] : from + X.columns
    for (let p = from; p < to; p++) {
      sum += X.kind === 'csr' ? weight(X.indices[p]) * X.values[p] ** 2 : weight(p - from) * X.data[p] ** 2
    }
    sinceYield += to - from + 1
    if (sinceYield < PIECE) continue
    sinceYield = 0
    yield
  }
  return sum
}

/**
 * Refuses zeros among the observed entries, where β ≤ 0 makes the loss infinite.
 * @throws NonnegError ERR_NONNEG_ZERO with the place of the first
 */
export function* refuseZeros(X: MatrixView, weights: Weights | undefined, beta: number): Generator<void, void> {
  const zero = (row: number, column: number) =>
    new NonnegError('ERR_NONNEG_ZERO', `X[${row}, ${column}] = 0; a loss with β = ${beta} needs every entry above 0`, {
      detail: { row, column },
      fix: "add a small number to X, take loss: 'kullback-leibler', or leave the zeros out by a mask",
    })
  const entries = entriesOfRow(X)
  const weightsOfRow = weights?.kind === 'entries' ? undefined : weightsByPlace(weights)
  for (let i = 0; i < X.rows; i++) {
    if (weights?.kind === 'entries' && X.kind === 'csr') {
      for (let p = X.indptr[i]; p < X.indptr[i + 1]; p++) if (X.values[p] === 0) throw zero(i, X.indices[p])
    } else {
      const x = entries(i)
      const weight = weightsOfRow?.(i)
      for (let j = 0; j < X.columns; j++) if (x(j) === 0 && (weight ? weight(j) : 1) !== 0) throw zero(i, j)
    }
    yield
  }
}
