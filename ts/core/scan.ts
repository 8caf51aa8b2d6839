import { NonnegError } from './errors.js'
import type { CsrView, DenseView, FloatArray, MatrixView } from './matrix.js'

/** What one look at every entry of X finds out. */
export interface Scan {
  /** X itself, or a copy with duplicate CSR entries added up. */
  readonly X: MatrixView
  /** Sum of all entries. */
  readonly sum: number
  /** ‖X‖² in the Frobenius norm. */
  readonly squaredNorm: number
}

const PIECE = 1 << 15

function refuse(name: string, row: number, column: number, value: number): never {
  const place = `${name}[${row}, ${column}] = ${value}`
  const detail = { row, column, value }
  if (value < 0 && Number.isFinite(value)) {
    throw new NonnegError('ERR_NONNEG_NEGATIVE', `${place}; every entry must be ≥ 0`, { detail })
  }
  throw new NonnegError('ERR_NONNEG_NOT_FINITE', `${place}; every entry must be a finite number`, { detail })
}

function* scanDense(X: DenseView, name: string): Generator<void, Scan> {
  let sum = 0
  let squaredNorm = 0
  for (let i = 0; i < X.rows; i++) {
    const row = X.offset + i * X.stride
    for (let j0 = 0; j0 < X.columns; j0 += PIECE) {
      const j1 = Math.min(X.columns, j0 + PIECE)
      for (let j = j0; j < j1; j++) {
        const value = X.data[row + j]
        if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) refuse(name, i, j, value)
        sum += value
        squaredNorm += value * value
      }
      if (j1 < X.columns) yield
    }
    yield
  }
  return { X, sum, squaredNorm }
}

function* scanCsr(X: CsrView, name: string): Generator<void, Scan> {
  let sum = 0
  let squaredNorm = 0
  let duplicates = false
  // the last row that held each column, plus one
  const seen = new Uint32Array(X.columns)
  for (let i = 0, sinceYield = 0; i < X.rows; i++) {
    const end = X.indptr[i + 1]
    for (let p = X.indptr[i]; p < end; p++) {
      const j = X.indices[p]
      const value = X.values[p]
      if (j >= X.columns) {
        throw new NonnegError('ERR_NONNEG_SHAPE', `${name}.indices[${p}] = ${j}, but there are ${X.columns} columns`, {
          detail: { row: i, entry: p, column: j },
        })
      }
      if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) refuse(name, i, j, value)
      if (seen[j] === i + 1) duplicates = true
      seen[j] = i + 1
      sum += value
      squaredNorm += value * value
      if (++sinceYield === PIECE) {
        sinceYield = 0
        yield
      }
    }
  }
  if (!duplicates) return { X, sum, squaredNorm }
  return yield* scanCsr(yield* addDuplicates(X), name)
}

/** A copy in which every row holds a column at most once; ‖X‖² is wrong without it. */
export function* addDuplicates(X: CsrView): Generator<void, CsrView> {
  const nonzeros = X.indptr[X.rows]
  const indptr = new Uint32Array(X.rows + 1)
  const indices = new Uint32Array(nonzeros)
  const values: FloatArray = X.values instanceof Float64Array ? new Float64Array(nonzeros) : new Float32Array(nonzeros)
  // where each column of the present row is kept, plus one
  const place = new Uint32Array(X.columns)
  let kept = 0
  for (let i = 0, sinceYield = 0; i < X.rows; i++) {
    const start = kept
    for (let p = X.indptr[i]; p < X.indptr[i + 1]; p++) {
      const j = X.indices[p]
      const at = place[j]
      if (at > start) values[at - 1] += X.values[p]
      else {
        indices[kept] = j
        values[kept] = X.values[p]
        place[j] = ++kept
      }
      if (++sinceYield === PIECE) {
        sinceYield = 0
        yield
      }
    }
    indptr[i + 1] = kept
  }
  return { kind: 'csr', indptr, indices, values, rows: X.rows, columns: X.columns }
}

/**
 * Looks at every stored entry: refuses NaN, infinite and negative ones by their place (`X[3, 17] = -0.5`), adds up CSR
 * duplicates, and sums. Yields between small pieces, for `inSlices`.
 */
export function* scanMatrix(X: MatrixView, name: string): Generator<void, Scan> {
  return yield* X.kind === 'dense' ? scanDense(X, name) : scanCsr(X, name)
}
