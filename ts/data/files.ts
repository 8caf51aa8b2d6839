import { open } from 'node:fs/promises'
import path from 'node:path'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { abortError, NonnegError } from '../core/errors.js'
import type { MatrixInput } from '../core/input.js'
import { collect, type Inflate, pieces } from './byte-source.js'
import { parseCsv } from './csv.js'
import type { CsvOptions } from './csv-table.js'
import { encodeMatrix, type WriteFormat } from './encode.js'
import type { LabelledMatrix, Labels } from './labelled-matrix.js'
import { parseMatrixMarket } from './matrix-market.js'
import { parseNpy } from './npy.js'
import { fileError, type StagedFile, stageFile } from './staged-file.js'

/** `dtype`, `delimiter`, `header` and `rowLabels` matter to text formats alone. */
export type ReadOptions = Omit<CsvOptions, 'name'>

export interface WriteOptions {
  /** Default: what the extension says. */
  readonly format?: WriteFormat
  readonly labels?: Labels
  readonly signal?: AbortSignal
}

interface OpenFile {
  readonly source: AsyncIterable<Uint8Array>
  /** As the file system knows it: of the compressed bytes where the file is compressed. */
  readonly size: number
}

type Reader = (file: OpenFile, options: ReadOptions & { readonly name: string }) => Promise<LabelledMatrix>

const CHUNK_BYTES = 1 << 18

/** zlib's stream is twice as fast as DecompressionStream, and takes files of several gzip members. */
const inflate: Inflate = compressed => {
  return pipeline(Readable.from(compressed), createGunzip({ chunkSize: CHUNK_BYTES }), () => {})
}

const READERS: Readonly<Record<string, Reader>> = {
  '.mtx': ({ source }, options) => parseMatrixMarket(source, { ...options, inflate }),
  '.npy': async ({ source, size }, options) => {
    return parseNpy(await collect(pieces(source, options.name, options.signal, inflate), size), options)
  },
  '.csv': ({ source }, options) => parseCsv(source, { ...options, inflate }),
  '.tsv': ({ source }, options) => parseCsv(source, { ...options, delimiter: options.delimiter ?? '\t', inflate }),
}

const FORMATS: Readonly<Record<string, WriteFormat>> = { '.npy': 'npy', '.csv': 'csv', '.json': 'json' }

function choose<T>(table: Readonly<Record<string, T>>, file: string, verb: 'read' | 'write', base: string): T {
  const extension = path.extname(base).toLowerCase()
  if (Object.hasOwn(table, extension)) return table[extension]
  const known = Object.keys(table).join(', ')
  throw new NonnegError(
    'ERR_NONNEG_FORMAT',
    `cannot ${verb} ${file}: ${extension || 'no'} extension is not a known one`,
    {
      detail: { file, extension },
      fix: `name it ${known}${verb === 'read' ? ', each also with .gz' : ''}`,
    },
  )
}

/**
 * Reads a matrix from a file by its extension: `.mtx` (MatrixMarket, see `parseMatrixMarket`), `.npy` (`parseNpy`),
 * `.csv` and `.tsv` (`parseCsv`), each also gzipped, with or without `.gz` at the end.
 * @throws NonnegError ERR_NONNEG_FILE when it cannot be read, ERR_NONNEG_FORMAT for an unknown extension, what the
 * format's parser throws, ERR_NONNEG_ABORTED
 */
export async function readMatrix(file: string, options: ReadOptions = {}): Promise<LabelledMatrix> {
  const { signal } = options
  const read = choose(READERS, file, 'read', file.replace(/\.gz$/i, ''))
  if (signal?.aborted) throw abortError(signal)
  try {
    const handle = await open(file)
    try {
      const { size } = await handle.stat()
      const source = handle.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false })
      return await read({ source, size }, { ...options, name: file })
    } finally {
      await handle.close()
    }
  } catch (cause) {
    throw fileError('read', file, cause)
  }
}

/** A matrix written next to its place, to be put there with others that belong to it. */
export async function stageMatrix(file: string, matrix: MatrixInput, options: WriteOptions = {}): Promise<StagedFile> {
  const format = options.format ?? choose(FORMATS, file, 'write', file)
  return await stageFile(file, encodeMatrix(matrix, format, options.labels), options.signal)
}

/**
 * Writes a matrix as `encodeMatrix` encodes it. The file appears whole or not at all; one that is there is replaced.
 * @throws NonnegError ERR_NONNEG_FILE, ERR_NONNEG_FORMAT for an unknown extension, what `encodeMatrix` throws,
 * ERR_NONNEG_ABORTED
 */
export async function writeMatrix(file: string, matrix: MatrixInput, options: WriteOptions = {}): Promise<void> {
  const staged = await stageMatrix(file, matrix, options)
  await staged.commit()
}
