import { NonnegError } from '../../core/errors.js'
import type { CsrView, DenseView, FloatArray, MatrixView } from '../../core/matrix.js'
import { holdoutThreshold } from '../../kernels/holdout.js'
import type { Weights } from '../backend.js'
import { type Dtype, sizeOf } from './kernels.js'
import { paddedStride, roundUp } from './layout.js'

/**
 * X in wasm memory where there is room. Elsewhere it is not bounded by 4 GiB: in shared buffers that every thread copies
 * its parts from, or, where memory cannot be shared, in buffers that were handed to the one worker.
 */
export type Source = DenseSource | CsrSource

/** Rows and columns are padded with zeros to multiples of 4; piece p holds the rows from p · rowsPerPiece on. */
export interface DenseSource {
  readonly kind: 'dense'
  readonly rows: number
  readonly columns: number
  /** Where all of X lies in wasm memory; 0 where the pieces hold it. */
  readonly address: number
  readonly pieces: readonly FloatArray[]
  readonly rowsPerPiece: number
  /** Elements from one row to the next. */
  readonly stride: number
}

export interface CsrArrays {
  /** Where the arrays lie in wasm memory; those of entries are then empty here. */
  readonly place?: CsrPlace
  readonly indptr: Uint32Array
  readonly indices: Uint32Array
  readonly values: FloatArray
  /** Of the entries, in the order of their values; absent where all are 1. */
  readonly weights?: FloatArray | undefined
}

export interface CsrPlace {
  readonly indptr: number
  readonly indices: number
  readonly values: number
  readonly weights?: number | undefined
}

export interface CsrSource extends CsrArrays {
  readonly kind: 'csr'
  readonly rows: number
  readonly columns: number
}

/** Weights of a hash; see ts/kernels/holdout.ts. */
export interface HoldoutSource {
  readonly kind: 'holdout'
  readonly seed: number
  readonly threshold: number
  readonly complement: number
}

/** Large enough that few rows are split, small enough to be found in a fragmented address space. */
const PIECE_BYTES = 64 << 20
/** Elements copied before the thread is looked after. */
const COPY = 1 << 16
/** Rows of no more elements are copied one by one: a typed array's `set` costs as much as 30 of them. */
const SHORT = 32

/** A buffer for one array of X, shared between threads or not. */
export function allocate(bytes: number, shared: boolean): ArrayBufferLike {
  try {
    return shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes)
  } catch (cause) {
    throw new NonnegError('ERR_NONNEG_MEMORY', `no ${bytes} bytes for a copy of X`, { detail: { bytes }, cause })
  }
}

export function buffersOf(source: Source | HoldoutSource): ArrayBufferLike[] {
  if (source.kind === 'holdout') return []
  if (source.kind === 'dense') return source.pieces.map(piece => piece.buffer)
  const { indptr, indices, values, weights } = source
  return [indptr, indices, values, ...(weights ? [weights] : [])].map(array => array.buffer)
}

function* copy(from: FloatArray | Uint32Array, to: FloatArray | Uint32Array, at: number): Generator<void, void> {
  for (let i = 0; i < from.length; i += COPY) {
    to.set(from.subarray(i, Math.min(from.length, i + COPY)), at + i)
    yield
  }
}

/** Rows first … last − 1 of a view to the start of `to`, `toStride` apart. */
function* copyRows(X: DenseView, first: number, last: number, to: FloatArray, toStride: number): Generator<void, void> {
  const { data, columns, stride } = X
  const start = X.offset + first * stride
  if (stride === columns && toStride === columns) {
    yield* copy(data.subarray(start, start + (last - first) * columns), to, 0)
    return
  }
  for (let i = 0, sinceYield = 0; i < last - first; i++) {
    const row = start + i * stride
    if (columns > COPY) {
      yield* copy(data.subarray(row, row + columns), to, i * toStride)
    } else if (columns > SHORT) {
      to.set(data.subarray(row, row + columns), i * toStride)
    } else {
      for (let j = 0; j < columns; j++) to[i * toStride + j] = data[row + j]
    }
    sinceYield += columns
    if (sinceYield >= COPY) {
      sinceYield = 0
      yield
    }
  }
}

/** An array of `length` elements of the fit's type, in shared memory or not. */
export function reals(dtype: Dtype, length: number, shared: boolean): FloatArray {
  const buffer = allocate(length * sizeOf(dtype), shared)
  return dtype === 'f64' ? new Float64Array(buffer) : new Float32Array(buffer)
}

/** A packed copy of a view, in the fit's element type. */
export function* packed(view: DenseView, dtype: Dtype): Generator<void, FloatArray> {
  const out = reals(dtype, view.rows * view.columns, false)
  yield* copyRows(view, 0, view.rows, out, view.columns)
  return out
}

/** Rows as stored, and elements from one to the next. */
function storedShape(X: { readonly rows: number; readonly columns: number }): readonly [number, number] {
  return [roundUp(X.rows, 4), paddedStride(roundUp(X.columns, 4))]
}

/** What a dense matrix takes as a source. */
export function denseBytes(X: { readonly rows: number; readonly columns: number }, size: number): number {
  const [rows, stride] = storedShape(X)
  return rows * stride * size
}

function* denseSource(X: DenseView, dtype: Dtype, shared: boolean): Generator<void, DenseSource> {
  const [rows, stride] = storedShape(X)
  const rowsPerPiece = Math.min(rows, 4 * Math.max(1, Math.floor(PIECE_BYTES / (4 * stride * sizeOf(dtype)))))
  const pieces: FloatArray[] = []
  for (let first = 0; first < rows; first += rowsPerPiece) {
    const count = Math.min(rowsPerPiece, rows - first)
    const piece = reals(dtype, count * stride, shared)
    yield* copyRows(X, first, Math.min(first + count, X.rows), piece, stride)
    pieces.push(piece)
  }
  return { kind: 'dense', rows: X.rows, columns: X.columns, address: 0, pieces, rowsPerPiece, stride }
}

function* csrSource(
  X: CsrView,
  dtype: Dtype,
  shared: boolean,
  weights: FloatArray | undefined,
): Generator<void, CsrSource> {
  const { rows, columns } = X
  const nonzeros = X.indptr[rows]
  const indptr = new Uint32Array(allocate(4 * (rows + 1), shared))
  const indices = new Uint32Array(allocate(4 * nonzeros, shared))
  const values = reals(dtype, nonzeros, shared)
  yield* copy(X.indptr.subarray(0, rows + 1), indptr, 0)
  yield* copy(X.indices.subarray(0, nonzeros), indices, 0)
  yield* copy(X.values.subarray(0, nonzeros), values, 0)
  const source = { kind: 'csr', rows, columns, indptr, indices, values } as const
  if (!weights) return source
  const list = reals(dtype, nonzeros, shared)
  yield* copy(weights.subarray(0, nonzeros), list, 0)
  return { ...source, weights: list }
}

/** Copies X and the weights of its listed entries out of the caller's memory, in the fit's element type. */
export function* sourceOf(
  X: MatrixView,
  dtype: Dtype,
  shared: boolean,
  weights: Weights | undefined,
): Generator<void, Source> {
  if (X.kind === 'dense') return yield* denseSource(X, dtype, shared)
  return yield* csrSource(X, dtype, shared, weights?.kind === 'entries' ? weights.values : undefined)
}

/** The weights of all entries, copied or as a hash; nothing where X lists them or all are 1. */
export function* weightsOf(
  weights: Weights | undefined,
  dtype: Dtype,
  shared: boolean,
): Generator<void, DenseSource | HoldoutSource | undefined> {
  if (weights?.kind === 'dense') return yield* denseSource(weights, dtype, shared)
  if (weights?.kind !== 'holdout') return undefined
  const { fraction, seed, complement = false } = weights
  return { kind: 'holdout', seed, threshold: holdoutThreshold(fraction), complement: complement ? 1 : 0 }
}
