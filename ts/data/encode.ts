import { NonnegError } from '../core/errors.js'
import { type MatrixInput, toMatrixView } from '../core/input.js'
import type { CsrView, DenseView, MatrixView } from '../core/matrix.js'
import type { Labels } from './labelled-matrix.js'
import { npyHeader } from './npy.js'
import { shortestFloat32 } from './number-text.js'

export type WriteFormat = 'npy' | 'csv' | 'json'

/** Numbers in one piece of text: a few milliseconds of work. */
const PIECE_NUMBERS = 1 << 12
/** Numbers in one piece of bytes. */
const PIECE_BYTES_NUMBERS = 1 << 16

function refuseSparse(format: WriteFormat): NonnegError {
  return new NonnegError(
    'ERR_NONNEG_UNSUPPORTED',
    `a sparse matrix cannot be written as ${format} without filling it`,
    {
      detail: { format },
      fix: 'write it as json',
    },
  )
}

function checkLabels(labels: readonly string[] | undefined, size: number, what: string): void {
  if (labels === undefined || labels.length === size) return
  throw new NonnegError('ERR_NONNEG_SHAPE', `${labels.length} ${what} labels for ${size} ${what}s`, {
    detail: { labels: labels.length, size },
  })
}

/** A float as text; what is not finite has none that a reader would take. */
function formatter(matrix: MatrixView): (value: number, row: number, column: number) => string {
  const values = matrix.kind === 'dense' ? matrix.data : matrix.values
  const shortest = values instanceof Float32Array ? shortestFloat32 : String
  return (value, row, column) => {
    if (Number.isFinite(value)) return shortest(value)
    throw new NonnegError('ERR_NONNEG_NOT_FINITE', `entry [${row}, ${column}] = ${value} cannot be written as text`, {
      detail: { row, column, value },
    })
  }
}

function* encodeNpy(matrix: DenseView): Generator<Uint8Array<ArrayBuffer>> {
  const { data, rows, columns, stride, offset } = matrix
  yield npyHeader(matrix)
  // A packed matrix is one long row.
  const [runs, length] = stride === columns ? [1, rows * columns] : [rows, columns]
  for (let run = 0; run < runs; run++) {
    const begin = offset + run * stride
    for (let p = 0; p < length; p += PIECE_BYTES_NUMBERS) {
      const part = data.subarray(begin + p, begin + Math.min(length, p + PIECE_BYTES_NUMBERS))
      const { buffer, byteOffset, byteLength } = part
      // Blobs and sockets take no shared memory.
      if (buffer instanceof ArrayBuffer) yield new Uint8Array(buffer, byteOffset, byteLength)
      else yield new Uint8Array(part.slice().buffer as ArrayBuffer)
    }
  }
}

/** The rows of a dense matrix as text, handed out whenever about PIECE_NUMBERS numbers have gathered. */
function* rowTexts(matrix: DenseView, begin: (row: number) => string, end: (row: number) => string): Generator<string> {
  const { data, rows, columns, stride, offset } = matrix
  const format = formatter(matrix)
  let text = ''
  let numbers = 0
  for (let i = 0; i < rows; i++) {
    text += begin(i)
    for (let j = 0; j < columns; j++) {
      if (j > 0) text += ','
      text += format(data[offset + i * stride + j], i, j)
      if (++numbers === PIECE_NUMBERS) {
        yield text
        text = ''
        numbers = 0
      }
    }
    text += end(i)
  }
  yield text
}

function csvCell(text: string): string {
  return text === '' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

function* encodeCsv(matrix: DenseView, labels: Labels): Generator<string> {
  const { rowLabels, columnLabels } = labels
  if (columnLabels !== undefined) yield `${rowLabels ? ',' : ''}${columnLabels.map(csvCell).join(',')}\n`
  yield* rowTexts(
    matrix,
    i => (rowLabels ? `${csvCell(rowLabels[i])},` : ''),
    () => '\n',
  )
}

function* numberTexts(length: number, text: (p: number) => string): Generator<string> {
  for (let begin = 0; begin < length; begin += PIECE_NUMBERS) {
    const end = Math.min(length, begin + PIECE_NUMBERS)
    yield Array.from({ length: end - begin }, (_, p) => text(begin + p)).join(',') + (end < length ? ',' : '')
  }
}

function* encodeJson(matrix: MatrixView, labels: Labels): Generator<string> {
  const { rows, columns } = matrix
  const names = Object.entries(labels).filter(([, names]) => names !== undefined)
  yield `${JSON.stringify({ rows, columns, ...Object.fromEntries(names) }).slice(0, -1)},`
  if (matrix.kind === 'dense') {
    yield '"data":['
    yield* rowTexts(
      matrix,
      i => (i === 0 ? '\n[' : ',\n['),
      () => ']',
    )
    yield '\n]}\n'
    return
  }
  yield* encodeCsrArrays(matrix)
}

function* encodeCsrArrays(matrix: CsrView): Generator<string> {
  const { indptr, indices, values, rows } = matrix
  const format = formatter(matrix)
  const nonzeros = indptr[rows]
  yield '\n"indptr":['
  yield* numberTexts(rows + 1, p => String(indptr[p]))
  yield '],\n"indices":['
  yield* numberTexts(nonzeros, p => String(indices[p]))
  yield '],\n"values":['
  let row = 0
  yield* numberTexts(nonzeros, p => {
    while (indptr[row + 1] <= p) row++
    return format(values[p], row, indices[p])
  })
  yield ']}\n'
}

/**
 * A matrix as the bytes of a file, in small pieces: `new Blob([...encodeMatrix(W, 'npy')])`.
 *
 * - `npy`: float32 or float64 as stored, C order. Dense only, no labels.
 * - `csv`: the shortest decimals that read back the same; labels in the first line and column. Dense only.
 * - `json`: `{ rows, columns, data: [[…], …] }`, or `{ rows, columns, indptr, indices, values }` when sparse, with
 *   `rowLabels` and `columnLabels` where given; `factorize` takes the parsed object as it is.
 *
 * @throws NonnegError ERR_NONNEG_SHAPE and ERR_NONNEG_DTYPE for what is no matrix, ERR_NONNEG_SHAPE for labels that do not
 * fit, ERR_NONNEG_UNSUPPORTED, ERR_NONNEG_NOT_FINITE in text
 */
export function encodeMatrix(
  input: MatrixInput,
  format: WriteFormat,
  labels: Labels = {},
): Iterable<Uint8Array<ArrayBuffer>> {
  const matrix = viewOf(input)
  checkLabels(labels.rowLabels, matrix.rows, 'row')
  checkLabels(labels.columnLabels, matrix.columns, 'column')
  if (format === 'json') return utf8(encodeJson(matrix, labels))
  if (matrix.kind === 'csr') throw refuseSparse(format)
  if (format === 'csv') return utf8(encodeCsv(matrix, labels))
  if (labels.rowLabels === undefined && labels.columnLabels === undefined) return encodeNpy(matrix)
  throw new NonnegError('ERR_NONNEG_UNSUPPORTED', 'a .npy file has no place for labels', {
    detail: { format },
    fix: 'write csv or json, or leave the labels out',
  })
}

/** The matrix that a view or another accepted form says, once its sizes are seen to be true. */
function viewOf(input: MatrixInput): MatrixView {
  const steps = toMatrixView(input, 'the matrix')
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

function* utf8(texts: Iterable<string>): Generator<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder()
  for (const text of texts) yield encoder.encode(text)
}
