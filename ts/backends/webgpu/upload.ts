import { Breather } from '../../core/breathe.js'
import { halfBits } from '../../core/half.js'
import type { DenseView, FloatArray } from '../../core/matrix.js'
import { runsOf } from '../runs.js'
import type { Gpu } from './gpu.js'

/** Elements converted and handed over at a time. */
const PIECE = 1 << 17
/** Bytes in flight before the queue is waited for: each of them has a copy in staging memory until then. */
const IN_FLIGHT = 64 * 2 ** 20

type Words = Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>

/**
 * Fills `length` elements of a buffer, from element `first` on, giving the thread back often. `fill` writes the elements
 * from `start` into the piece, whose length is a multiple of `unit` except at the end.
 */
async function upload<T extends Words>(
  gpu: Gpu,
  buffer: GPUBuffer,
  length: number,
  unit: number,
  piece: (length: number) => T,
  fill: (piece: T, start: number) => void,
  first = 0,
): Promise<void> {
  const breather = new Breather()
  const step = Math.max(unit, Math.floor(PIECE / unit) * unit)
  const whole = piece(Math.min(step, length))
  const writes: Promise<void>[] = []
  let inFlight = 0
  for (let start = 0; start < length; start += step) {
    const part = (start + step <= length ? whole : whole.subarray(0, length - start)) as T
    fill(part, start)
    const offset = (first + start) * part.BYTES_PER_ELEMENT
    writes.push(gpu.scoped(() => gpu.device.queue.writeBuffer(buffer, offset, part)).done)
    inFlight += part.byteLength
    if (inFlight >= IN_FLIGHT) {
      // writes wait for a submission
      gpu.device.queue.submit([])
      await Promise.all([gpu.settle(), ...writes.splice(0)])
      inFlight = 0
    }
    if (breather.due()) await breather.rest()
  }
  await Promise.all(writes)
}

const floats = (length: number): Float32Array<ArrayBuffer> => new Float32Array(length)
const words = (length: number): Uint32Array<ArrayBuffer> => new Uint32Array(length)
const halves = (length: number): Uint16Array<ArrayBuffer> => new Uint16Array(length)

/** Rows `first` … of a dense matrix, each padded with zeros to `stride`; `put` takes a run of entries, from `from` on. */
function uploadPadded<T extends Words>(
  gpu: Gpu,
  buffer: GPUBuffer,
  { X, first, count, stride }: { X: DenseView; first: number; count: number; stride: number },
  piece: (length: number) => T,
  put: (piece: T, at: number, from: number, run: number) => void,
): Promise<void> {
  return upload(gpu, buffer, count * stride, 1, piece, (piece, start) => {
    for (let at = 0; at < piece.length; ) {
      const row = first + Math.floor((start + at) / stride)
      const column = (start + at) % stride
      const run = Math.min(piece.length - at, column < X.columns ? X.columns - column : stride - column)
      if (column < X.columns) put(piece, at, X.offset + row * X.stride + column, run)
      else piece.fill(0, at, at + run)
      at += run
    }
  })
}

/** Rows `first` … of a dense matrix, each padded with zeros to `stride`. */
export function uploadRows(
  gpu: Gpu,
  buffer: GPUBuffer,
  X: DenseView,
  first: number,
  count: number,
  stride: number,
): Promise<void> {
  return uploadPadded(gpu, buffer, { X, first, count, stride }, floats, (piece, at, from, run) => {
    piece.set(X.data.subarray(from, from + run), at)
  })
}

/** The same in half precision; `stride` is even, as pieces go over in words of 32 bits. */
export function uploadHalfRows(
  gpu: Gpu,
  buffer: GPUBuffer,
  X: DenseView,
  first: number,
  count: number,
  stride: number,
): Promise<void> {
  return uploadPadded(gpu, buffer, { X, first, count, stride }, halves, (piece, at, from, run) => {
    for (let i = 0; i < run; i++) piece[at + i] = halfBits(X.data[from + i])
  })
}

/** The transpose of a dense matrix, `X.columns` rows padded with zeros to `stride`, and zero rows up to `rows`. */
export function uploadTransposed(
  gpu: Gpu,
  buffer: GPUBuffer,
  X: DenseView,
  rows: number,
  stride: number,
): Promise<void> {
  return upload(gpu, buffer, rows * stride, stride, floats, (piece, start) => {
    const first = start / stride
    const end = Math.min(X.columns, first + piece.length / stride)
    piece.fill(0)
    for (let r = 0; r < X.rows; r++) {
      const row = X.offset + r * X.stride
      for (let j = first; j < end; j++) piece[(j - first) * stride + r] = X.data[row + j]
    }
  })
}

/** Elements `from` … of a list of values, less `base`. */
export function uploadIntegers(
  gpu: Gpu,
  buffer: GPUBuffer,
  source: Uint32Array,
  from: number,
  count: number,
  base = 0,
): Promise<void> {
  return upload(gpu, buffer, count, 1, words, (piece, start) => {
    for (let at = 0; at < piece.length; at++) piece[at] = source[from + start + at] - base
  })
}

/** Elements `from` … of a list of floats, to those of the buffer from `first` on. */
export function uploadFloats(
  gpu: Gpu,
  buffer: GPUBuffer,
  source: FloatArray,
  from: number,
  count: number,
  first = 0,
): Promise<void> {
  const fill = (piece: Float32Array, start: number) => {
    piece.set(source.subarray(from + start, from + start + piece.length))
  }
  return upload(gpu, buffer, count, 1, floats, fill, first)
}

/** For each of so many rows whether the list has it, 1 or 0, to elements of the buffer from `first` on. */
export function uploadFlags(
  gpu: Gpu,
  buffer: GPUBuffer,
  listed: Uint32Array,
  rows: number,
  first: number,
): Promise<void> {
  const fill = (piece: Float32Array, start: number) => {
    for (const { first: row, rows: count, stays } of runsOf(listed, start, piece.length)) {
      piece.fill(Number(stays), row - start, row - start + count)
    }
  }
  return upload(gpu, buffer, rows, 1, floats, fill, first)
}

/** Rows without the padding that they have on the device. */
export function* unpadded(
  bytes: ArrayBuffer,
  rows: number,
  rank: number,
  width: number,
): Generator<void, Float32Array> {
  const padding = new Float32Array(bytes)
  if (width === rank) return padding
  const packed = new Float32Array(rows * rank)
  for (let i = 0; i < rows; i++) {
    packed.set(padding.subarray(i * width, i * width + rank), i * rank)
    if (i % 4096 === 4095) yield
  }
  return packed
}
