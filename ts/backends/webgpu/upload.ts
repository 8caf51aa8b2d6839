import { Breather } from '../../core/breathe.js'
import { halfBits } from '../../core/half.js'
import type { DenseView, FloatArray } from '../../core/matrix.js'
import { runsOf } from '../runs.js'
import type { Gpu } from './gpu.js'

// A byte on its way is copied once by the processor: `queue.writeBuffer` takes it from the caller's array into memory that the
// driver's copy engine reads. Buffers that are mapped by the page would not do with less. `mappedAtCreation` of a storage
// buffer, which no page can map, gives staging memory that is as large as the buffer, for as long as it is filled: X twice.
// A ring of MAP_WRITE buffers copies into mapped memory and from there on the device, as the queue does by itself, and each
// buffer waits for a round trip before it can be mapped again; in browsers both are copied to the GPU's process too. What
// can be saved is a copy before that one: arrays that the device takes as they are go over as they are, and only what has to
// be padded, converted or moved out of shared memory passes through a piece, which stays in the processor's cache.

/** Elements handed over at a time. */
const PIECE = 1 << 17
/** Bytes in flight before the queue is waited for: each of them has a copy in staging memory until then. */
const IN_FLIGHT = 64 * 2 ** 20

type Words = Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>

/** What makes the elements from `start` on. */
type Source<T extends Words> = (start: number, length: number) => T

/** Fills a piece, whose length is a multiple of `unit` except at the end, with the elements from `start` on. */
function filling<T extends Words>(
  make: (length: number) => T,
  length: number,
  unit: number,
  fill: (piece: T, start: number) => void,
): Source<T> {
  const whole = make(Math.min(stepOf(unit), length))
  return (start, count) => {
    const piece = (count === whole.length ? whole : whole.subarray(0, count)) as T
    fill(piece, start)
    return piece
  }
}

/** Elements of a list from `first` on, as they are; undefined for lists that the device does not take, or not safely. */
function asTheyAre<T extends Words>(
  Type: new (length: number) => T,
  list: FloatArray | Uint32Array | Uint16Array,
  first: number,
): Source<T> | undefined {
  // Dawn's package for Node reads shared memory at an address that is none, and WebGPU refuses buffers that may grow
  const { buffer }: { buffer: ArrayBufferLike & { resizable?: boolean } } = list
  if (!(list instanceof Type) || !(buffer instanceof ArrayBuffer) || buffer.resizable) return undefined
  const own = list as T
  return (start, length) => own.subarray(first + start, first + start + length) as T
}

function stepOf(unit: number): number {
  return Math.max(unit, Math.floor(PIECE / unit) * unit)
}

/**
 * Fills `length` elements of a buffer, from element `first` on, giving the thread back often: in steps of a multiple of `unit`
 * elements.
 */
async function upload<T extends Words>(
  gpu: Gpu,
  buffer: GPUBuffer,
  length: number,
  source: Source<T>,
  unit = 1,
  first = 0,
): Promise<void> {
  const breather = new Breather()
  const step = stepOf(unit)
  const writes: Promise<void>[] = []
  let inFlight = 0
  for (let start = 0; start < length; start += step) {
    const part = source(start, Math.min(step, length - start))
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
  make: (length: number) => T,
  put: (piece: T, at: number, from: number, run: number) => void,
): Promise<void> {
  const length = count * stride
  const source = filling(make, length, 1, (piece, start) => {
    for (let at = 0; at < piece.length; ) {
      const row = first + Math.floor((start + at) / stride)
      const column = (start + at) % stride
      const run = Math.min(piece.length - at, column < X.columns ? X.columns - column : stride - column)
      if (column < X.columns) put(piece, at, X.offset + row * X.stride + column, run)
      else piece.fill(0, at, at + run)
      at += run
    }
  })
  return upload(gpu, buffer, length, source)
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
  const isWhole = X.columns === stride && X.stride === stride
  const there = isWhole ? asTheyAre(Float32Array, X.data, X.offset + first * stride) : undefined
  if (there) return upload(gpu, buffer, count * stride, there)
  return uploadPadded(gpu, buffer, { X, first, count, stride }, floats, (piece, at, from, run) => {
    piece.set(X.data.subarray(from, from + run), at)
  })
}

/** A run of a row's entries in half precision, from one of X's data on. */
function putHalves({ data }: DenseView): (piece: Uint16Array, at: number, from: number, run: number) => void {
  return (piece, at, from, run) => {
    for (let i = 0; i < run; i++) piece[at + i] = halfBits(data[from + i])
  }
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
  return uploadPadded(gpu, buffer, { X, first, count, stride }, halves, putHalves(X))
}

/** All rows in half precision, as the device has them. */
export function* halfRows(X: DenseView, stride: number): Generator<void, Uint16Array<ArrayBuffer>> {
  const rows = halves(X.rows * stride)
  const put = putHalves(X)
  for (let row = 0; row < X.rows; row++) {
    put(rows, row * stride, X.offset + row * X.stride, X.columns)
    yield
  }
  return rows
}

/** Words of 16 bits, an even number of them. */
export function uploadHalves(gpu: Gpu, buffer: GPUBuffer, words: Uint16Array<ArrayBuffer>): Promise<void> {
  return upload(gpu, buffer, words.length, asTheyAre(Uint16Array, words, 0)!)
}

/** The transpose of a dense matrix, `X.columns` rows padded with zeros to `stride`, and zero rows up to `rows`. */
export function uploadTransposed(
  gpu: Gpu,
  buffer: GPUBuffer,
  X: DenseView,
  rows: number,
  stride: number,
): Promise<void> {
  const length = rows * stride
  const source = filling(floats, length, stride, (piece, start) => {
    const first = start / stride
    const end = Math.min(X.columns, first + piece.length / stride)
    piece.fill(0)
    for (let r = 0; r < X.rows; r++) {
      const row = X.offset + r * X.stride
      for (let j = first; j < end; j++) piece[(j - first) * stride + r] = X.data[row + j]
    }
  })
  return upload(gpu, buffer, length, source, stride)
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
  const there = base === 0 ? asTheyAre(Uint32Array, source, from) : undefined
  const less = filling(words, count, 1, (piece, start) => {
    for (let at = 0; at < piece.length; at++) piece[at] = source[from + start + at] - base
  })
  return upload(gpu, buffer, count, there ?? less)
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
  const there = asTheyAre(Float32Array, source, from)
  const converted = filling(floats, count, 1, (piece, start) => {
    piece.set(source.subarray(from + start, from + start + piece.length))
  })
  return upload(gpu, buffer, count, there ?? converted, 1, first)
}

/** For each of so many rows whether the list has it, 1 or 0, to elements of the buffer from `first` on. */
export function uploadFlags(
  gpu: Gpu,
  buffer: GPUBuffer,
  listed: Uint32Array,
  rows: number,
  first: number,
): Promise<void> {
  const flags = filling(floats, rows, 1, (piece, start) => {
    for (const { first: row, rows: count, stays } of runsOf(listed, start, piece.length)) {
      piece.fill(Number(stays), row - start, row - start + count)
    }
  })
  return upload(gpu, buffer, rows, flags, 1, first)
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
