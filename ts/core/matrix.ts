import { NonnegError } from './errors.js'

/** Values a matrix may be stored in. Integers are read from files as they are; fits convert to their own type. */
export type FloatArray = Float32Array | Float64Array

/** A dense row-major matrix over the caller's memory: entry (i, j) is `data[offset + i * stride + j]`. */
export interface DenseView {
  readonly kind: 'dense'
  readonly data: FloatArray
  readonly rows: number
  readonly columns: number
  /** Elements from one row to the next, at least `columns`. */
  readonly stride: number
  /** Elements before entry (0, 0). */
  readonly offset: number
}

/**
 * A compressed sparse row matrix over the caller's memory: row i holds columns `indices[p]` with `values[p]` for
 * `indptr[i] <= p < indptr[i + 1]`. Entries may come in any order within a row; duplicates add up.
 */
export interface CsrView {
  readonly kind: 'csr'
  readonly indptr: Uint32Array
  readonly indices: Uint32Array
  readonly values: FloatArray
  readonly rows: number
  readonly columns: number
}

export type MatrixView = DenseView | CsrView

/** What results look like: a dense view with `stride = columns` and `offset = 0`. */
export function denseView(data: FloatArray, rows: number, columns: number): DenseView {
  if (data.length < rows * columns) {
    throw new NonnegError('ERR_NONNEG_SHAPE', `data has ${data.length} entries, ${rows} × ${columns} need more`, {
      detail: { length: data.length, rows, columns },
    })
  }
  return { kind: 'dense', data, rows, columns, stride: columns, offset: 0 }
}

/** Stored entries: all of a dense matrix, the non-zeros of a sparse one. */
export function entryCount(X: MatrixView): number {
  return X.kind === 'dense' ? X.rows * X.columns : X.indptr[X.rows]
}

/** Entries between two looks at the clock: a millisecond where they are scattered over memory. */
const PIECE = 1 << 16

/** Counts columns `indices[begin … end)`, each one place further on in `counts`. */
function countColumns(indices: Uint32Array, begin: number, end: number, counts: Uint32Array): void {
  for (let p = begin; p < end; p++) counts[indices[p] + 1]++
}

/** Moves entries `begin` … `end − 1` of `row` to where `next` says that their columns go on. */
function scatterRow(
  { indices, values }: CsrView,
  row: number,
  begin: number,
  end: number,
  next: Uint32Array,
  toIndices: Uint32Array,
  toValues: FloatArray,
): void {
  for (let p = begin; p < end; p++) {
    const q = next[indices[p]]++
    toIndices[q] = row
    toValues[q] = values[p]
  }
}

/** The transpose's CSR arrays (that is, the CSC arrays) of a CSR matrix; rows come out in ascending order. */
export function* transposeCsr(X: CsrView): Generator<void, CsrView> {
  const nonzeros = X.indptr[X.rows]
  const indptr = new Uint32Array(X.columns + 1)
  // the loops are functions of their own: engines hardly optimise them inside a generator
  for (let p = 0; p < nonzeros; p += PIECE) {
    countColumns(X.indices, p, Math.min(nonzeros, p + PIECE), indptr)
    yield
  }
  for (let j = 0; j < X.columns; j++) indptr[j + 1] += indptr[j]
  yield
  const next = indptr.slice(0, X.columns)
  const indices = new Uint32Array(nonzeros)
  const values = X.values instanceof Float64Array ? new Float64Array(nonzeros) : new Float32Array(nonzeros)
  for (let i = 0, sinceYield = 0; i < X.rows; i++) {
    const last = X.indptr[i + 1]
    for (let p = X.indptr[i]; p < last; p += PIECE) {
      const end = Math.min(last, p + PIECE)
      scatterRow(X, i, p, end, next, indices, values)
      sinceYield += end - p
      if (sinceYield >= PIECE) {
        sinceYield = 0
        yield
      }
    }
    // rows may be empty
    if (++sinceYield >= PIECE) {
      sinceYield = 0
      yield
    }
  }
  return { kind: 'csr', indptr, indices, values, rows: X.columns, columns: X.rows }
}

/** The transpose of a packed dense matrix, written in tiles so that neither side strides through memory. */
export function* transposeDense(source: FloatArray, rows: number, columns: number): Generator<void, FloatArray> {
  const TILE = 32
  const out = source instanceof Float64Array ? new Float64Array(rows * columns) : new Float32Array(rows * columns)
  for (let i0 = 0; i0 < rows; i0 += TILE) {
    const i1 = Math.min(rows, i0 + TILE)
    for (let j0 = 0; j0 < columns; j0 += TILE) {
      const j1 = Math.min(columns, j0 + TILE)
      for (let i = i0; i < i1; i++) for (let j = j0; j < j1; j++) out[j * rows + i] = source[i * columns + j]
      if (j0 % (TILE * 64) === 0) yield
    }
    yield
  }
  return out
}

/** The entries of a view row after row without gaps: its own array where it has none, else a copy. */
export function* packedEntries({ data, rows, columns, stride, offset }: DenseView): Generator<void, FloatArray> {
  if (stride === columns) return data.subarray(offset, offset + rows * columns)
  const out = data instanceof Float64Array ? new Float64Array(rows * columns) : new Float32Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    out.set(data.subarray(offset + i * stride, offset + i * stride + columns), i * columns)
    yield
  }
  return out
}
