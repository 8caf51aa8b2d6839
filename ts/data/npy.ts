import { inSlices } from '../core/breathe.js'
import type { ErrorCode } from '../core/errors.js'
import { NonnegError } from '../core/errors.js'
import type { DenseView, FloatArray } from '../core/matrix.js'
import { denseView, transposeDense } from '../core/matrix.js'
import type { LabelledMatrix, ParseOptions } from './labelled-matrix.js'
import { excerpt } from './number-text.js'
import { allocate, LARGEST_SIZE } from './storage.js'

type Read = (view: DataView, at: number, little: boolean) => number

interface NpyType {
  readonly bytes: number
  /** Float32Array only where it holds every value exactly. */
  readonly Array: typeof Float32Array | typeof Float64Array
  readonly read: Read
}

/** 64-bit integers round to the nearest float64 as numpy's astype does: the high word's product is exact. */
const WORD = 2 ** 32
const low = (little: boolean): number => (little ? 0 : 4)
const high = (little: boolean): number => (little ? 4 : 0)

const TYPES: Readonly<Record<string, NpyType>> = {
  f4: { bytes: 4, Array: Float32Array, read: (v, at, little) => v.getFloat32(at, little) },
  f8: { bytes: 8, Array: Float64Array, read: (v, at, little) => v.getFloat64(at, little) },
  b1: { bytes: 1, Array: Float32Array, read: (v, at) => (v.getUint8(at) === 0 ? 0 : 1) },
  i1: { bytes: 1, Array: Float32Array, read: (v, at) => v.getInt8(at) },
  u1: { bytes: 1, Array: Float32Array, read: (v, at) => v.getUint8(at) },
  i2: { bytes: 2, Array: Float32Array, read: (v, at, little) => v.getInt16(at, little) },
  u2: { bytes: 2, Array: Float32Array, read: (v, at, little) => v.getUint16(at, little) },
  i4: { bytes: 4, Array: Float64Array, read: (v, at, little) => v.getInt32(at, little) },
  u4: { bytes: 4, Array: Float64Array, read: (v, at, little) => v.getUint32(at, little) },
  i8: {
    bytes: 8,
    Array: Float64Array,
    read: (v, at, little) => v.getInt32(at + high(little), little) * WORD + v.getUint32(at + low(little), little),
  },
  u8: {
    bytes: 8,
    Array: Float64Array,
    read: (v, at, little) => v.getUint32(at + high(little), little) * WORD + v.getUint32(at + low(little), little),
  },
}

const HOST_IS_LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
const MAGIC = '\x93NUMPY'
const CONVERT_PIECE = 1 << 15

interface Header {
  readonly type: NpyType
  readonly little: boolean
  readonly fortran: boolean
  readonly rows: number
  readonly columns: number
  /** Where the entries begin. */
  readonly offset: number
}

function npyError(name: string, message: string, fix?: string, code: ErrorCode = 'ERR_NONNEG_FORMAT'): NonnegError {
  return new NonnegError(code, `${name}: ${message}`, { detail: { file: name }, fix })
}

function parseHeader(bytes: Uint8Array, name: string): Header {
  const cut = 'the file is cut short'
  if (bytes.length < 10) throw npyError(name, bytes.length === 0 ? 'the file is empty' : cut)
  if (String.fromCharCode(...bytes.subarray(0, 6)) !== MAGIC) {
    throw npyError(name, 'not a .npy file (its first bytes are not those of numpy.save)')
  }
  const version = bytes[6]
  if (version < 1 || version > 3) throw npyError(name, `.npy version ${version}.${bytes[7]} is not one of 1, 2, 3`)
  const begin = version === 1 ? 10 : 12
  if (bytes.length < begin) throw npyError(name, cut)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const offset = begin + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true))
  if (offset > bytes.length) throw npyError(name, cut)
  const text = new TextDecoder().decode(bytes.subarray(begin, offset))

  const descr = /['"]descr['"]\s*:\s*(?:['"]([^'"]*)['"]|\[)/.exec(text)
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text)
  const shape = /['"]shape['"]\s*:\s*\(([^)]*)\)/.exec(text)
  if (!descr || !order || !shape) throw npyError(name, `cannot read the header ${excerpt(text.trim())}`)
  const [, byteOrder, typeName] = /^([<>|=]?)(.*)$/.exec(descr[1] ?? 'a structure') as RegExpExecArray
  if (!Object.hasOwn(TYPES, typeName)) {
    const fix = 'save the array with astype("float32")'
    throw npyError(name, `entries of type ${excerpt(descr[1] ?? typeName)} cannot be read`, fix, 'ERR_NONNEG_DTYPE')
  }
  const sizes = shape[1].split(',').filter(size => size.trim() !== '')
  if (!sizes.every(size => /^\s*\d+L?\s*$/.test(size))) throw npyError(name, `cannot read the shape (${shape[1]})`)
  if (sizes.length !== 2) {
    const fix = 'give it two, for example with reshape(rows, columns)'
    throw npyError(name, `an array of ${sizes.length} dimensions is not a matrix`, fix, 'ERR_NONNEG_SHAPE')
  }
  const [rows, columns] = sizes.map(size => Number.parseInt(size, 10))
  if (rows > LARGEST_SIZE || columns > LARGEST_SIZE) throw npyError(name, `cannot read the shape (${shape[1]})`)
  const type = TYPES[typeName]
  const expected = rows * columns * type.bytes
  const held = bytes.length - offset
  if (held !== expected) {
    const message = `${rows} × ${columns} entries need ${expected} bytes and the file holds ${held}`
    throw npyError(name, message, held < expected ? 'the file is cut short; fetch or save it again' : undefined)
  }
  const little = byteOrder === '>' ? false : byteOrder === '<' ? true : HOST_IS_LITTLE
  return { type, little, fortran: order[1] === 'True', rows, columns, offset }
}

function* convert(bytes: Uint8Array, header: Header, name: string): Generator<void, FloatArray> {
  const { type, little, rows, columns, offset } = header
  const length = rows * columns
  const at = bytes.byteOffset + offset
  const native = little === HOST_IS_LITTLE && (type === TYPES.f4 || type === TYPES.f8)
  if (native && at % type.bytes === 0) return new type.Array(bytes.buffer as ArrayBuffer, at, length)
  const data = allocate(name, () => new type.Array(length))
  const view = new DataView(bytes.buffer, at, length * type.bytes)
  const { read, bytes: step } = type
  for (let p = 0; p < length; p++) {
    data[p] = read(view, p * step, little)
    if (p % CONVERT_PIECE === CONVERT_PIECE - 1) yield
  }
  return data
}

function* toDense(bytes: Uint8Array, name: string): Generator<void, DenseView> {
  const header = parseHeader(bytes, name)
  const { fortran, rows, columns } = header
  const data = yield* convert(bytes, header, name)
  return denseView(fortran ? yield* transposeDense(data, columns, rows) : data, rows, columns)
}

/**
 * Parses what `numpy.save` wrote, versions 1 to 3: two-dimensional arrays of float32, float64, bool and all integers,
 * either byte order, C or Fortran order. Float32, bool and integers of up to 16 bits become a Float32Array, the others a
 * Float64Array; 64-bit integers beyond 2⁵³ are rounded. The result shares memory with `bytes` where its entries lie
 * aligned and in order. One-dimensional arrays are refused, since they do not say whether they are a row or a column.
 * @throws NonnegError ERR_NONNEG_FORMAT, ERR_NONNEG_DTYPE, ERR_NONNEG_SHAPE, ERR_NONNEG_MEMORY, ERR_NONNEG_ABORTED
 */
export async function parseNpy(bytes: Uint8Array, options: ParseOptions = {}): Promise<LabelledMatrix<DenseView>> {
  const { name = '.npy data', signal } = options
  return { matrix: await inSlices(toDense(bytes, name), signal) }
}

/** A version 1 header; entries start at a multiple of 64 bytes, as numpy aligns them. */
export function npyHeader(matrix: DenseView): Uint8Array<ArrayBuffer> {
  const byteOrder = HOST_IS_LITTLE ? '<' : '>'
  const descr = `${byteOrder}f${matrix.data.BYTES_PER_ELEMENT}`
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${matrix.rows}, ${matrix.columns}), }`
  const PREAMBLE = 10
  const length = Math.ceil((PREAMBLE + text.length + 1) / 64) * 64
  const bytes = new Uint8Array(length).fill(32)
  bytes.set(Array.from(MAGIC, c => c.charCodeAt(0)))
  bytes.set([1, 0], 6)
  new DataView(bytes.buffer).setUint16(8, length - PREAMBLE, true)
  bytes.set(new TextEncoder().encode(text), PREAMBLE)
  bytes[length - 1] = 10
  return bytes
}
