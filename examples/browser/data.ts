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

type Reader = (file: Blob, name: string) => Promise<LabelledMatrix>

const READERS: Readonly<Record<string, Reader>> = {
  csv: (file, name) => parseCsv(file, { name, dtype: 'f32' }),
  tsv: (file, name) => parseCsv(file, { name, dtype: 'f32', delimiter: '\t' }),
  mtx: (file, name) => parseMatrixMarket(file, { name, dtype: 'f32' }),
  npy: async (file, name) => parseNpy(new Uint8Array(await file.arrayBuffer()), { name }),
}

/**
 * Reads a file by its extension; text may be gzipped.
 * @throws NonnegError ERR_NONNEG_FORMAT for another extension, and what the parsers of `nonneg/data` throw
 */
export async function readData(file: Blob, name: string): Promise<Data> {
  const extension = /\.(\w+)(?:\.gz)?$/i.exec(name)?.[1].toLowerCase() ?? ''
  if (!Object.hasOwn(READERS, extension)) {
    throw new NonnegError('ERR_NONNEG_FORMAT', `${name}: this is no kind of file that the page reads`, {
      fix: `Take one whose name ends in .${Object.keys(READERS).join(', .')}; text may be gzipped.`,
    })
  }
  const read = await READERS[extension](file, name)
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
