import { Breather } from '../core/breathe.js'
import { abortError, inWords, NonnegError } from '../core/errors.js'

/** Anything bytes can be read from: memory, a Blob or File, a fetch body, a Node stream. */
export type ByteSource = Uint8Array | Blob | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>

/** Turns compressed bytes into plain ones. */
export type Inflate = (compressed: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>

/** Small enough that parsing one piece, even by csv-parse, takes about 1 ms. */
const PIECE_BYTES = 1 << 14

export function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b
  const both = new Uint8Array(a.length + b.length)
  both.set(a)
  both.set(b, a.length)
  return both
}

async function* drain(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  // By hand, because not every browser lets streams be iterated over.
  const reader = stream.getReader()
  let finished = false
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) break
      yield value
    }
    finished = true
  } finally {
    if (!finished) await reader.cancel().catch(() => {})
    reader.releaseLock()
  }
}

function chunksOf(source: ByteSource): AsyncIterable<Uint8Array> | Iterable<Uint8Array> {
  if (source instanceof Uint8Array) return [source]
  if (source instanceof Blob) return drain(source.stream())
  if (typeof source === 'object' && source !== null) {
    if ('getReader' in source) return drain(source)
    if (Symbol.asyncIterator in source || Symbol.iterator in source) return source
  }
  const fix = 'pass a Uint8Array, a Blob or a stream of bytes; readMatrix takes the path of a file'
  throw new NonnegError('ERR_NONNEG_DTYPE', `the source is ${inWords(source)}, not bytes`, { fix })
}

/** The web's own decompression; Node brings a faster one (files.ts). */
async function* inflateOnTheWeb(compressed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const iterator = compressed[Symbol.asyncIterator]()
  const stream = new ReadableStream<BufferSource>({
    async pull(controller) {
      const { done, value } = await iterator.next()
      if (done) controller.close()
      else controller.enqueue(value as Uint8Array<ArrayBuffer>)
    },
    async cancel() {
      await iterator.return?.()
    },
  })
  yield* drain(stream.pipeThrough(new DecompressionStream('gzip')))
}

async function* inflated(source: ByteSource, inflate: Inflate): AsyncGenerator<Uint8Array> {
  const chunks = chunksOf(source)
  const iterator = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks[Symbol.iterator]()
  let head: Uint8Array = new Uint8Array(0)
  async function* all(): AsyncGenerator<Uint8Array> {
    let finished = false
    try {
      yield head
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
      finished = true
    } finally {
      if (!finished) await iterator.return?.()
    }
  }
  while (head.length < 2) {
    const { done, value } = await iterator.next()
    if (done) break
    head = joined(head, value)
  }
  const compressed = head[0] === 0x1f && head[1] === 0x8b
  yield* compressed ? inflate(all()) : all()
}

/** zlib's codes (Z_…) in Node, a TypeError in browsers. */
function isDamage(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return error instanceof TypeError || (typeof code === 'string' && code.startsWith('Z_'))
}

/**
 * The bytes of a source in pieces of at most 16 KiB, gunzipped when they start like gzip. Between pieces the thread is
 * given back about every 5 ms and the signal is looked at.
 * @throws NonnegError ERR_NONNEG_FORMAT when compressed data is damaged or cut short, ERR_NONNEG_ABORTED
 */
export async function* pieces(
  source: ByteSource,
  name: string,
  signal?: AbortSignal,
  inflate: Inflate = inflateOnTheWeb,
): AsyncGenerator<Uint8Array> {
  const breather = new Breather()
  const chunks = inflated(source, async function* (compressed) {
    try {
      yield* inflate(compressed)
    } catch (cause) {
      if (!isDamage(cause)) throw cause
      throw new NonnegError('ERR_NONNEG_FORMAT', `${name}: the gzip data is damaged or cut short`, {
        detail: { file: name },
        fix: 'fetch or compress the file again; `gzip -t` tells whether it is whole',
        cause,
      })
    }
  })
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) {
      throw new NonnegError('ERR_NONNEG_DTYPE', `${name}: a piece of the source is ${inWords(chunk)}, not bytes`)
    }
    for (let start = 0; start < chunk.length; start += PIECE_BYTES) {
      yield chunk.subarray(start, start + PIECE_BYTES)
      if (breather.due()) await breather.rest()
      if (signal?.aborted) throw abortError(signal)
    }
  }
}

/** All bytes of a source in one array, grown as needed; `expected` bytes are set aside at once. */
export async function collect(chunks: AsyncIterable<Uint8Array>, expected = 0): Promise<Uint8Array> {
  let bytes = new Uint8Array(expected)
  let length = 0
  for await (const chunk of chunks) {
    if (length + chunk.length > bytes.length) {
      const larger = new Uint8Array(Math.max(length + chunk.length, bytes.length * 2))
      larger.set(bytes.subarray(0, length))
      bytes = larger
    }
    bytes.set(chunk, length)
    length += chunk.length
  }
  return bytes.subarray(0, length)
}
