import type { FitSpec, Weights } from '../backends/backend.js'
import { NonnegError } from '../core/errors.js'
import type { MatrixView } from '../core/matrix.js'
import { entriesOfRow, heldOut, type RowEntries } from './entries.js'

/** Entries between two looks at the clock, however long the rows are. */
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
      if (++sinceYield < PIECE) continue
      sinceYield = 0
      yield
    }
    // rows may be empty
    if (++sinceYield < PIECE) continue
    sinceYield = 0
    yield
  }
  return sum
}

/** The least normal numbers; what lies below is zero to backends that flush it. */
const LEAST_NORMAL = { f32: 2 ** -126, f64: 2 ** -1022 } as const

/**
 * Refuses zeros among the observed entries, where β ≤ 0 makes the loss infinite, and what the type rounds to zero once X
 * is divided by 4ᵏ.
 * @throws NonnegError ERR_NONNEG_ZERO or _DTYPE with the place of the first
 */
export function* refuseZeros(
  X: MatrixView,
  weights: Weights | undefined,
  { beta, dtype }: Pick<FitSpec, 'beta' | 'dtype'>,
  k: number,
): Generator<void, void> {
  const least = Math.max(Number.MIN_VALUE, LEAST_NORMAL[dtype] * 4 ** k)
  const entries = entriesOfRow(X)
  const listed = weights?.kind === 'entries' && X.kind === 'csr' ? X : undefined
  const weightsOfRow = weights?.kind === 'entries' ? undefined : weightsByPlace(weights)
  for (let i = 0, sinceYield = 0; i < X.rows; i++) {
    const x = listed ? (p: number) => listed.values[p] : entries(i)
    const weight = weightsOfRow?.(i)
    const from = listed ? listed.indptr[i] : 0
    const to = listed ? listed.indptr[i + 1] : X.columns
    for (let p = from; p < to; p++) {
      if (x(p) < least && (weight ? weight(p) : 1) !== 0) {
        throw tooSmall(x(p), i, listed ? listed.indices[p] : p, { beta, dtype })
      }
      if (++sinceYield < PIECE) continue
      sinceYield = 0
      yield
    }
    // rows may be empty
    if (++sinceYield < PIECE) continue
    sinceYield = 0
    yield
  }
}

function tooSmall(
  value: number,
  row: number,
  column: number,
  { beta, dtype }: Pick<FitSpec, 'beta' | 'dtype'>,
): NonnegError {
  const place = `X[${row}, ${column}] = ${value}`
  const needs = `a loss with β = ${beta} needs every entry above 0`
  if (value === 0) {
    return new NonnegError('ERR_NONNEG_ZERO', `${place}; ${needs}`, {
      detail: { row, column },
      fix: "add a small number to X, take loss: 'kullback-leibler', or leave the zeros out by a mask",
    })
  }
  return new NonnegError('ERR_NONNEG_DTYPE', `${place} is 0 to ${dtype} beside the largest entry; ${needs}`, {
    detail: { row, column, value },
    fix: dtype === 'f32' ? "use dtype: 'f64', or add a small number to X" : 'add a small number to X',
  })
}
