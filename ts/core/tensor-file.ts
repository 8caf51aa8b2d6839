import { crc32 } from './crc32.js'
import { NonnegError } from './errors.js'

// Named arrays and words about them in one piece of bytes: the format safetensors (eight bytes of length, a header in
// JSON, the arrays as they lie in little-endian memory), which Python and others read, with a checksum among its
// metadata. Arrays begin at multiples of eight, as the format wants it of its header and their sizes see to it here.

export interface Tensor {
  readonly data: Float32Array | Float64Array
  readonly shape: readonly number[]
}

export interface TensorFile {
  readonly tensors: Readonly<Record<string, Tensor>>
  /** Words alone, as the format has it. */
  readonly metadata: Readonly<Record<string, string>>
}

interface Entry {
  readonly dtype: 'F32' | 'F64'
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

type Header = Record<string, Entry | Record<string, string>>

const SIZES = { F32: 4, F64: 8 } as const
const CHECKSUM = 'crc32'
const LONGEST_HEADER = 1 << 24

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)
}

export function* encodeTensors({ tensors, metadata }: TensorFile): Generator<void, Uint8Array<ArrayBuffer>> {
  const header: Header = { __metadata__: { ...metadata } }
  // float64 first, so that both lie at multiples of their size
  const names = Object.keys(tensors).sort(
    (a, b) => tensors[b].data.BYTES_PER_ELEMENT - tensors[a].data.BYTES_PER_ELEMENT,
  )
  let end = 0
  for (const name of names) {
    const { data, shape } = tensors[name]
    const dtype = data instanceof Float64Array ? 'F64' : 'F32'
    header[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] }
    end += data.byteLength
  }
  const data = names.map(name => bytesOf(tensors[name].data))
  const text = new TextEncoder()
  const checksum = yield* crc32([text.encode(JSON.stringify(header)), ...data])
  const checked = { ...header, __metadata__: { ...metadata, [CHECKSUM]: checksum.toString(16).padStart(8, '0') } }
  const words = text.encode(JSON.stringify(checked))
  const start = 8 + Math.ceil(words.length / 8) * 8
  const bytes = new Uint8Array(start + end)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(start - 8), true)
  bytes.fill(0x20, 8, start)
  bytes.set(words, 8)
  let at = start
  for (const piece of data) {
    bytes.set(piece, at)
    at += piece.length
    yield
  }
  return bytes
}

function damaged(what: string): NonnegError {
  return new NonnegError('ERR_NONNEG_FORMAT', `this is no file of nonneg, or it is damaged: ${what}`)
}

function isEntry(value: unknown): value is Entry {
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Partial<Entry>
  const areWhole = (list: unknown): list is number[] =>
    Array.isArray(list) && list.every(n => Number.isSafeInteger(n) && n >= 0)
  return (dtype === 'F32' || dtype === 'F64') && areWhole(shape) && areWhole(offsets) && offsets.length === 2
}

/** @throws NonnegError ERR_NONNEG_FORMAT where the bytes are cut short, changed, or something else altogether */
export function* decodeTensors(bytes: Uint8Array): Generator<void, TensorFile> {
  if (!(bytes instanceof Uint8Array)) {
    throw new NonnegError('ERR_NONNEG_OPTION', 'the bytes of a file come as a Uint8Array')
  }
  if (bytes.length < 8) throw damaged(`${bytes.length} bytes are too few`)
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true))
  if (length > Math.min(LONGEST_HEADER, bytes.length - 8)) throw damaged('its header is longer than it is')
  const header = parsed(bytes.subarray(8, 8 + length))
  const { [CHECKSUM]: claimed, ...metadata } = (header.__metadata__ ?? {}) as Record<string, string>
  if (claimed === undefined) throw damaged('it has no checksum')
  const data = bytes.subarray(8 + length)
  const tensors: Record<string, Tensor> = {}
  let end = 0
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue
    if (!isEntry(entry)) throw damaged(`"${name}" is not described as an array`)
    const [from, to] = entry.data_offsets
    const count = entry.shape.reduce((product, size) => product * size, 1)
    if (from !== end || to - from !== count * SIZES[entry.dtype] || to > data.length) {
      throw damaged(`"${name}" is not where its header says`)
    }
    end = to
    // a copy, as the bytes may begin anywhere
    const own = new Uint8Array(data.subarray(from, to)).buffer
    tensors[name] = { data: entry.dtype === 'F64' ? new Float64Array(own) : new Float32Array(own), shape: entry.shape }
    yield
  }
  if (end !== data.length) throw damaged('it is longer or shorter than its header says')
  const unchecked = new TextEncoder().encode(JSON.stringify({ ...header, __metadata__: metadata }))
  const checksum = yield* crc32([unchecked, data])
  if (checksum.toString(16).padStart(8, '0') !== claimed) throw damaged('its checksum does not fit what it holds')
  return { tensors, metadata }
}

function parsed(words: Uint8Array): Header {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(words))
    if (typeof header === 'object' && header !== null) return header as Header
  } catch {}
  throw damaged('its header is no JSON')
}
