import { NonnegError } from '../../core/errors.js'
import type { FloatArray } from '../../core/matrix.js'
import type { Heap } from './heap.js'
import type { Dtype } from './kernels.js'
import { paddedStride } from './layout.js'
import { allocate, type CsrArrays, type CsrPlace, type DenseSource, reals } from './source.js'
import type { DenseFit, SharedFit, Steps, Thread } from './thread.js'

// Parts of X as kernels read them: in place where X lies in wasm memory, else copied to a thread's buffer. Reading in
// place spares a copy of X in every iteration, for shared memory a slow one.

/** X is not moved to wasm memory where it takes more bytes than this: other fits may need the room. */
const RESIDENT = 2 ** 30
/** Elements moved before the thread may pause. */
const PIECE = 1 << 18

function roomFor(heap: Heap, bytes: number): number {
  if (bytes > RESIDENT) return 0
  try {
    return heap.allocate(bytes)
  } catch (error) {
    if (error instanceof NonnegError && error.code === 'ERR_NONNEG_MEMORY') return 0
    throw error
  }
}

function* move(thread: Thread, from: FloatArray | Uint32Array, dtype: Dtype | 'u32', address: number): Steps<void> {
  for (let i = 0; i < from.length; i += PIECE) {
    const to = dtype === 'u32' ? thread.views.u32 : thread.views.reals(dtype)
    to.set(from.subarray(i, i + PIECE), address / from.BYTES_PER_ELEMENT + i)
    yield 'turn'
  }
}

/** Moves dense X into wasm memory if there is room; `address` is then to be freed. */
export function* settleDense(thread: Thread, heap: Heap, dtype: Dtype, source: DenseSource): Steps<DenseSource> {
  const bytes = source.pieces.reduce((sum, piece) => sum + piece.byteLength, 0)
  const address = roomFor(heap, bytes)
  if (address === 0) return source
  let end = address
  for (const piece of source.pieces) {
    yield* move(thread, piece, dtype, end)
    end += piece.byteLength
  }
  return { ...source, address, pieces: [] }
}

/** Moves CSR arrays into wasm memory if there is room; `place.indptr` is then to be freed. */
export function* settleCsr<S extends CsrArrays>(thread: Thread, heap: Heap, dtype: Dtype, source: S): Steps<S> {
  const { indptr, indices, values, weights } = source
  // the values first of those behind, so that float64 lies at multiples of 8
  const start = Math.ceil(indptr.byteLength / 8) * 8
  const lists = weights ? [values, weights] : [values]
  const address = roomFor(heap, start + lists.length * values.byteLength + indices.byteLength)
  if (address === 0) return source
  const place: CsrPlace = {
    indptr: address,
    values: address + start,
    weights: weights && address + start + values.byteLength,
    indices: address + start + lists.length * values.byteLength,
  }
  yield* move(thread, indptr, 'u32', place.indptr)
  for (const [i, list] of lists.entries()) yield* move(thread, list, dtype, place.values + i * values.byteLength)
  yield* move(thread, indices, 'u32', place.indices)
  return { ...source, place, indices: indices.slice(0, 0), values: values.slice(0, 0), weights: weights?.slice(0, 0) }
}

/** A copy of the arrays in wasm memory, as they were before `settleCsr`, without weights; those that did not move stay. */
export function* unsettledCsr(thread: Thread, dtype: Dtype, X: CsrArrays, shared: boolean): Steps<CsrArrays> {
  const { indptr, place } = X
  if (!place) return X
  const nonzeros = indptr[indptr.length - 1]
  const indices = new Uint32Array(allocate(4 * nonzeros, shared))
  const values = reals(dtype, nonzeros, shared)
  for (let i = 0; i < nonzeros; i += PIECE) {
    const end = Math.min(nonzeros, i + PIECE)
    const within = (from: number) => [from + i, from + end] as const
    indices.set(thread.views.u32.subarray(...within(place.indices / 4)), i)
    values.set(thread.views.reals(dtype).subarray(...within(place.values / values.BYTES_PER_ELEMENT)), i)
    yield 'turn'
  }
  return { indptr, indices, values }
}

/** The address of whole rows of X, `source.stride` elements apart; `buffer` has room for them. */
export function rowsOf(thread: Thread, fit: DenseFit, first: number, count: number, buffer: number): number {
  const { address, pieces, rowsPerPiece, stride } = fit.source
  const { size } = fit.layout
  if (address !== 0) return address + first * stride * size
  const reals = thread.reals(fit)
  for (let row = first; row < first + count; ) {
    const within = row % rowsPerPiece
    const taken = Math.min(first + count - row, rowsPerPiece - within)
    const piece = pieces[(row - within) / rowsPerPiece]
    reals.set(piece.subarray(within * stride, (within + taken) * stride), buffer / size + (row - first) * stride)
    row += taken
  }
  return buffer
}

export interface Block {
  readonly row: number
  readonly column: number
  readonly rows: number
  readonly columns: number
}

/** Where a block of X (or of its weights) lies, and its stride in bytes; `buffer` has room for rows of paddedStride(columns) elements. */
export function blockOf(
  thread: Thread,
  fit: SharedFit,
  { address, pieces, rowsPerPiece, stride }: DenseSource,
  { row, column, rows, columns }: Block,
  buffer: number,
): { x: number; xStride: number } {
  const { size } = fit.layout
  if (address !== 0) return { x: address + (row * stride + column) * size, xStride: stride * size }
  const reals = thread.reals(fit)
  const blockStride = paddedStride(columns)
  for (let i = 0; i < rows; i++) {
    const within = (row + i) % rowsPerPiece
    const start = within * stride + column
    const piece = pieces[(row + i - within) / rowsPerPiece]
    reals.set(piece.subarray(start, start + columns), buffer / size + i * blockStride)
  }
  return { x: buffer, xStride: blockStride * size }
}

/** CSR rows or, where one row is too long for a part, some of the entries of one. */
export interface CsrPart {
  readonly first: number
  readonly rows: number
  /** The first entry, and the one after the last. */
  readonly from: number
  readonly end: number
}

/** Bytes that `csrPart` needs for copies of so many rows and entries, `size` for the value and the weight of each. */
export function csrPartBytes(rows: number, entries: number, size: number): number {
  return headBytes(rows) + (size + 4) * entries
}

/** Bytes for where the entries of so many rows start and end. */
function headBytes(rows: number): number {
  return 8 * (rows + 1)
}

/** A part as the kernels for CSR take it: entries of row i are those from the i-th word at `indptr` to that at `ends`. */
export interface CsrList extends CsrPlace {
  readonly ends: number
}

/** Row pointers, indices and values of a part; `buffer` has room for them. */
export function csrPart(
  thread: Thread,
  { layout }: SharedFit,
  X: CsrArrays,
  { first, rows, from, end }: CsrPart,
  buffer: number,
): CsrList {
  const { u32 } = thread.views
  const isWhole = from === X.indptr[first] && end === X.indptr[first + rows]
  const listed = (place: CsrPlace, indptr: number) => ({ ...place, indptr, ends: indptr + 4 })
  if (X.place && isWhole) return listed(X.place, X.place.indptr + 4 * first)
  // entries are counted from 0 in a copy, and from where they are in place
  const start = X.place ? 0 : from
  for (let i = 0; i <= rows; i++) u32[buffer / 4 + i] = Math.min(end, Math.max(from, X.indptr[first + i])) - start
  if (X.place) return listed(X.place, buffer)
  const place = copyPlace(X, rows, end - from, layout.size, buffer)
  copyEntries(thread, layout.dtype, X, from, end, place, 0)
  return listed(place, buffer)
}

/** Where copies of so many entries lie in a buffer. */
export function copyPlace(X: CsrArrays, rows: number, entries: number, size: number, buffer: number): CsrPlace {
  const values = buffer + headBytes(rows)
  const weights = X.weights && values + entries * size
  return { indptr: buffer, values, weights, indices: (weights ?? values) + entries * size }
}

/** Entries from … end − 1 become those from `to` on. */
export function copyEntries(
  { views }: Thread,
  dtype: Dtype,
  X: CsrArrays,
  from: number,
  end: number,
  { values, weights, indices }: CsrPlace,
  to: number,
): void {
  const reals = views.reals(dtype)
  const { BYTES_PER_ELEMENT: size } = reals
  reals.set(X.values.subarray(from, end), values / size + to)
  if (weights && X.weights) reals.set(X.weights.subarray(from, end), weights / size + to)
  views.u32.set(X.indices.subarray(from, end), indices / 4 + to)
}
