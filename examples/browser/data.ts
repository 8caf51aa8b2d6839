import { type MatrixView, NonnegError } from 'nonneg'
import { type LabelledMatrix, parseCsv, parseMatrixMarket, parseNpy } from 'nonneg/data'

/** A matrix with what the page says of it. */
export interface Data extends LabelledMatrix {
  readonly name: string
  /** Columns a line of the picture that each row is; undefined where rows are no pictures. */
  readonly pictureWidth: number | undefined
  /** A sentence about it. */
  readonly about: string
  /** How many components are a good first try. */
  readonly rank: number
}

interface Options {
  readonly name: string
  readonly dtype: 'f32'
  readonly signal?: AbortSignal
}

type Reader = (file: Blob, options: Options, onShare: (share: number) => void) => Promise<LabelledMatrix>

const READERS: Readonly<Record<string, Reader>> = {
  csv: (file, options, onShare) => parseCsv(watched(file, onShare), options),
  tsv: (file, options, onShare) => parseCsv(watched(file, onShare), { ...options, delimiter: '\t' }),
  mtx: (file, options, onShare) => parseMatrixMarket(watched(file, onShare), options),
  // the browser reads it on threads of its own, in no time that would be worth telling
  npy: async (file, options) => parseNpy(await held(file, options.name), options),
}

/** All bytes at once, which a .npy file is read from; the parsers of text inflate theirs. */
async function held(file: Blob, name: string): Promise<Uint8Array> {
  const isPacked = /\.gz$/i.test(name)
  const plain = isPacked ? new Response(file.stream().pipeThrough(new DecompressionStream('gzip'))) : file
  try {
    return new Uint8Array(await plain.arrayBuffer())
  } catch (cause) {
    const message = `${name} cannot be read: it is damaged, or more than the browser can hold`
    throw new NonnegError('ERR_NONNEG_FORMAT', message, { cause })
  }
}

/** The bytes of a file, telling the share of them that has been read. */
function watched(file: Blob, onShare: (share: number) => void): ReadableStream<Uint8Array> {
  let read = 0
  const watch = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(piece, controller) {
      read += piece.length
      onShare(read / file.size)
      controller.enqueue(piece)
    },
  })
  return file.stream().pipeThrough(watch)
}

/** What goes with the reading of a file. */
export interface Reading {
  readonly signal?: AbortSignal
  readonly onShare?: (share: number) => void
}

/**
 * Reads a file by its extension, gzipped or not.
 * @throws NonnegError ERR_NONNEG_FORMAT for another extension, and what the parsers of `nonneg/data` throw
 */
export async function readData(file: Blob, name: string, { signal, onShare }: Reading = {}): Promise<Data> {
  const extension = /\.(\w+)(?:\.gz)?$/i.exec(name)?.[1].toLowerCase() ?? ''
  if (!Object.hasOwn(READERS, extension)) {
    throw new NonnegError('ERR_NONNEG_FORMAT', `${name}: this is no kind of file that the page reads`, {
      fix: `Take one whose name ends in .${Object.keys(READERS).join(', .')}, or in one of these and .gz.`,
    })
  }
  const read = await READERS[extension](file, { name, dtype: 'f32', signal }, onShare ?? (() => {}))
  const { rows, columns } = read.matrix
  const side = Math.sqrt(columns)
  const square = !read.columnLabels && Number.isInteger(side) && side >= 4
  return {
    ...read,
    name,
    pictureWidth: square ? side : undefined,
    about: sizes(name, read.matrix),
    rank: Math.max(1, Math.min(16, rows, columns)),
  }
}

/** Such as "faces.npy: 400 rows × 4,096 columns". */
function sizes(name: string, matrix: MatrixView): string {
  const count = (value: number) => value.toLocaleString('en')
  const sparse = matrix.kind === 'csr' ? `, ${count(matrix.indptr[matrix.rows])} entries listed` : ''
  return `${name}: ${count(matrix.rows)} rows × ${count(matrix.columns)} columns${sparse}`
}

/** A row of a matrix, written out. */
export function rowOf(matrix: MatrixView, row: number): Float32Array {
  const { columns } = matrix
  if (matrix.kind === 'dense') {
    const begin = matrix.offset + row * matrix.stride
    return Float32Array.from(matrix.data.subarray(begin, begin + columns))
  }
  const dense = new Float32Array(columns)
  for (let p = matrix.indptr[row]; p < matrix.indptr[row + 1]; p++) dense[matrix.indices[p]] = matrix.values[p]
  return dense
}
