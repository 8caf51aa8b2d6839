// Factors between wasm memory, where their rows are padded and H lies transposed, and packed arrays of the fit's type.

import { type FloatArray, transposeDense } from '../../core/matrix.js'
import type { Factors } from '../backend.js'
import { reals } from './source.js'
import { inTurns } from './tell.js'
import type { SharedFit, Steps, Thread } from './thread.js'

/** Elements written before the thread may pause. */
const PIECE = 1 << 16

/** Rows of no more elements are copied one by one: a typed array's `set` costs as much as 30 of them. */
const SHORT = 32

/** Where rows begin in an array, and elements from one to the next. */
interface Rows {
  readonly data: FloatArray
  readonly at: number
  readonly stride: number
}

/** Copies `count` rows of `width` elements; a function of its own, as engines hardly optimise loops inside a generator. */
function copyRows(from: Rows, to: Rows, count: number, width: number): void {
  for (let i = 0; i < count; i++) {
    const start = from.at + i * from.stride
    const place = to.at + i * to.stride
    if (width > SHORT) to.data.set(from.data.subarray(start, start + width), place)
    else for (let r = 0; r < width; r++) to.data[place + r] = from.data[start + r]
  }
}

/** Addresses of W and Ht, or of arrays like them. */
export type Places = Pick<SharedFit['layout'], 'W' | 'Ht'>

/** A packed matrix of the fit's type into rows of `stride` bytes at `address`. */
function* store(thread: Thread, fit: SharedFit, from: FloatArray, columns: number, address: number): Steps<void> {
  const { stride, size } = fit.layout
  const rows = from.length / columns
  const atOnce = Math.max(1, Math.floor(PIECE / columns))
  for (let first = 0; first < rows; first += atOnce) {
    const to = { data: thread.reals(fit), at: (address + first * stride) / size, stride: stride / size }
    const packed = { data: from, at: first * columns, stride: columns }
    copyRows(packed, to, Math.min(rows - first, atOnce), columns)
    yield 'turn'
  }
}

/** The packed copy of rows of a factor at `address`. */
function* fetch(thread: Thread, fit: SharedFit, rows: number, address: number): Steps<FloatArray> {
  const { stride, size, rank, dtype } = fit.layout
  const out = reals(dtype, rows * rank, false)
  const atOnce = Math.max(1, Math.floor(PIECE / rank))
  for (let first = 0; first < rows; first += atOnce) {
    const from = { data: thread.reals(fit), at: (address + first * stride) / size, stride: stride / size }
    copyRows(from, { data: out, at: first * rank, stride: rank }, Math.min(rows - first, atOnce), rank)
    yield 'turn'
  }
  return out
}

/** Packed H, or an array like it, from the address of its transpose. */
export function* fetchH(thread: Thread, fit: SharedFit, address: number): Steps<FloatArray> {
  const { columns, rank } = fit.layout
  const packed = yield* fetch(thread, fit, columns, address)
  return (yield* inTurns(transposeDense(packed, columns, rank))) as FloatArray
}

/** The way back. */
export function* storeH(thread: Thread, fit: SharedFit, H: FloatArray, address: number): Steps<void> {
  const { columns, rank } = fit.layout
  yield* store(thread, fit, (yield* inTurns(transposeDense(H, rank, columns))) as FloatArray, rank, address)
}

/** Packed W and H from the addresses of W and Ht. */
export function* fetchBoth(thread: Thread, fit: SharedFit, { W, Ht }: Places): Steps<{ W: FloatArray; H: FloatArray }> {
  const packedW = yield* fetch(thread, fit, fit.layout.rows, W)
  return { W: packedW, H: yield* fetchH(thread, fit, Ht) }
}

/** The way back. */
export function* storeBoth(thread: Thread, fit: SharedFit, { W, H }: Factors, to: Places): Steps<void> {
  yield* store(thread, fit, W, fit.layout.rank, to.W)
  yield* storeH(thread, fit, H, to.Ht)
}
