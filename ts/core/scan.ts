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
  readonly largest: number
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

/** Running totals over entries. */
class Totals {
  sum = 0
  squaredNorm = 0
  largest = 0

  /** Adds `values[begin … end)`, up to the first that is refused; answers its place, or −1. */
  add(values: FloatArray, begin: number, end: number): number {
    // locals, and two of each: an addition waits four cycles for the one before it
    let sum0 = 0
    let sum1 = 0
    let square0 = 0
    let square1 = 0
    let largest = this.largest
    for (let p = begin; p < end; p += 2) {
      const a = values[p]
      const b = p + 1 < end ? values[p + 1] : 0
      if (!(a >= 0 && a < Number.POSITIVE_INFINITY)) return p
      if (!(b >= 0 && b < Number.POSITIVE_INFINITY)) return p + 1
      sum0 += a
      sum1 += b
      square0 += a * a
      square1 += b * b
      if (a > largest) largest = a
      if (b > largest) largest = b
    }
    this.sum += sum0 + sum1
    this.squaredNorm += square0 + square1
    this.largest = largest
    return -1
  }

  of(X: MatrixView): Scan {
    return { X, sum: this.sum, squaredNorm: this.squaredNorm, largest: this.largest }
  }
}

function* scanDense(X: DenseView, name: string): Generator<void, Scan> {
  const totals = new Totals()
  for (let i = 0, sinceYield = 0; i < X.rows; i++) {
    const row = X.offset + i * X.stride
    for (let j = 0; j < X.columns; j += PIECE) {
      const end = Math.min(X.columns, j + PIECE)
      const bad = totals.add(X.data, row + j, row + end)
      if (bad >= 0) refuse(name, i, bad - row, X.data[bad])
      sinceYield += end - j
      if (sinceYield >= PIECE) {
        sinceYield = 0
        yield
      }
    }
  }
  return totals.of(X)
}

function rowOf(indptr: Uint32Array, entry: number): number {
  let low = 0
  let high = indptr.length - 1
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (indptr[middle] <= entry) low = middle
    else high = middle
  }
  return low
}

function* scanCsr(X: CsrView, name: string): Generator<void, Scan> {
  const totals = new Totals()
  const nonzeros = X.indptr[X.rows]
  for (let p = 0; p < nonzeros; p += PIECE) {
    const bad = totals.add(X.values, p, Math.min(nonzeros, p + PIECE))
    if (bad >= 0) refuse(name, rowOf(X.indptr, bad), X.indices[bad], X.values[bad])
    yield
  }
  const unique = yield* uniqueEntries(X, name)
  return unique === X ? totals.of(X) : yield* scanCsr(unique, name)
}

/**
 * Marks the columns of entries `begin` … `end − 1` of a row in `seen`, the last row that held each, plus one; says whether
 * one was there already. Refuses columns that X does not have.
 */
function markColumns(X: CsrView, name: string, row: number, begin: number, end: number, seen: Uint32Array): boolean {
  const { indices, columns } = X
  let found = false
  for (let p = begin; p < end; p++) {
    const j = indices[p]
    if (j >= columns) {
      throw new NonnegError('ERR_NONNEG_SHAPE', `${name}.indices[${p}] = ${j}, but there are ${columns} columns`, {
        detail: { row, entry: p, column: j },
      })
    }
    if (seen[j] === row + 1) found = true
    seen[j] = row + 1
  }
  return found
}

/** Whether a row holds a column twice; refuses columns that X does not have. */
function* hasDuplicates(X: CsrView, name: string): Generator<void, boolean> {
  const { indptr, columns } = X
  let found = false
  const seen = new Uint32Array(columns)
  for (let i = 0, sinceYield = 0; i < X.rows; i++) {
    for (let p = indptr[i]; p < indptr[i + 1]; p += PIECE) {
      const end = Math.min(indptr[i + 1], p + PIECE)
      found = markColumns(X, name, i, p, end, seen) || found
      sinceYield += end - p
      if (sinceYield < PIECE) continue
      sinceYield = 0
      yield
    }
    // rows may be empty
    if (++sinceYield < PIECE) continue
    sinceYield = 0
    yield
  }
  return found
}

/**
 * X itself where every row holds a column at most once, else a copy with the duplicates added up.
 * @throws NonnegError ERR_NONNEG_SHAPE for a column that X does not have
 */
export function* uniqueEntries(X: CsrView, name: string): Generator<void, CsrView> {
  return (yield* hasDuplicates(X, name)) ? yield* addDuplicates(X) : X
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
      sinceYield++
    }
    indptr[i + 1] = kept
    if (++sinceYield >= PIECE) {
      sinceYield = 0
      yield
    }
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
