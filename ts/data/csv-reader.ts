import { inSlices } from '../core/breathe.js'
import { NonnegError } from '../core/errors.js'
import type { DenseView } from '../core/matrix.js'
import type { ByteSource, Inflate } from './byte-source.js'
import { pieces } from './byte-source.js'
import { type CsvOptions, CsvTable } from './csv-table.js'
import type { LabelledMatrix } from './labelled-matrix.js'

/** What both builds of csv-parse offer of a Node stream. */
export interface RecordStream<Chunk> {
  write(chunk: Chunk, done: (error?: Error | null) => void): unknown
  end(): unknown
  resume(): unknown
  on(event: 'end' | 'error', listener: (error?: unknown) => void): unknown
}

/** The options that this package hands to csv-parse, the same for both builds. */
export interface RecordOptions {
  readonly bom: true
  readonly delimiter: string
  readonly record_delimiter: string[]
  readonly relax_column_count: true
  readonly skip_empty_lines: true
  readonly trim: true
  readonly on_record: (cells: string[], place: { readonly lines: number }) => null
}

/** A build of csv-parse: Node's takes bytes, the browser's takes strings alone. */
export interface RecordParser<Chunk> {
  open(options: RecordOptions): RecordStream<Chunk>
  /** A converter of consecutive pieces of one text. */
  converter(): (piece: Uint8Array) => Chunk
}

export type ParseCsv = (
  source: string | ByteSource,
  options?: CsvOptions & { readonly inflate?: Inflate },
) => Promise<LabelledMatrix<DenseView>>

/** A long string in bytes, piece by piece, never between the halves of a surrogate pair. */
async function* encoded(text: string): AsyncGenerator<Uint8Array> {
  const PIECE = 1 << 16
  const encoder = new TextEncoder()
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + PIECE)
    const last = text.charCodeAt(end - 1)
    if (end < text.length && last >= 0xd800 && last < 0xdc00) end--
    yield encoder.encode(text.slice(start, end))
    start = end
  }
}

/** csv-parse speaks of quotes that do not close; its message names the line. */
function asFormatError(cause: unknown, name: string): unknown {
  const { code, lines, message } = cause as { code?: unknown; lines?: number; message?: string }
  if (cause instanceof NonnegError || typeof code !== 'string' || !/CSV|QUOTE/.test(code)) return cause
  return new NonnegError('ERR_NONNEG_FORMAT', `${name}, line ${lines}: ${message}`, {
    detail: { file: name, line: lines },
    cause,
  })
}

/** `parseCsv` over a build of csv-parse. */
export function csvReader<Chunk>(parser: RecordParser<Chunk>): ParseCsv {
  return async (source, options = {}) => {
    const { name = 'CSV data', delimiter = ',', signal, inflate } = options
    const table = new CsvTable(name, options)
    const stream = parser.open({
      bom: true,
      delimiter,
      record_delimiter: ['\r\n', '\n', '\r'],
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
      on_record: (cells, { lines }) => {
        table.add(cells, lines)
        return null
      },
    })
    const finished = new Promise<void>((resolve, reject) => {
      stream.on('end', () => resolve())
      stream.on('error', reject)
    })
    // An error may reject both this and a write; the write is the one that is waited for first.
    finished.catch(() => {})
    stream.resume()
    const convert = parser.converter()
    try {
      let empty = true
      const bytes = typeof source === 'string' ? encoded(source) : source
      for await (const piece of pieces(bytes, name, signal, inflate)) {
        empty = false
        await new Promise<void>((resolve, reject) => {
          stream.write(convert(piece), error => (error ? reject(error) : resolve()))
        })
      }
      // The browser's build cannot end before it has begun.
      if (!empty) {
        stream.end()
        await finished
      }
    } catch (error) {
      throw asFormatError(error, name)
    }
    return inSlices(table.finish(), signal)
  }
}
