import { NonnegError } from './errors.js'
import type { CsrView, DenseView, FloatArray, MatrixView } from './matrix.js'

type Numbers = ArrayLike<number>

/** Row-major dense data, packed unless `stride` and `offset` say otherwise. */
export interface DenseInput {
  readonly data: Numbers
  readonly rows: number
  readonly columns: number
  readonly stride?: number
  readonly offset?: number
}

/** Compressed sparse rows. */
export interface CsrInput {
  readonly indptr: Numbers
  readonly indices: Numbers
  readonly values: Numbers
  readonly rows: number
  readonly columns: number
}

/** scijs ndarray's four fields; any strides. */
export interface NdarrayInput {
  readonly data: Numbers
  readonly shape: readonly number[]
  readonly stride: readonly number[]
  readonly offset: number
}

/** ml-matrix keeps its rows in an array. */
export interface RowsInput {
  readonly data: readonly Numbers[]
  readonly rows: number
  readonly columns: number
}

export type MatrixInput = MatrixView | DenseInput | CsrInput | NdarrayInput | RowsInput | readonly Numbers[]

const PIECE = 1 << 16
/** Indices are 32-bit, and typed arrays end near here. */
const LARGEST = 2 ** 32 - 1

function shapeError(message: string, detail: Record<string, unknown>): NonnegError {
  return new NonnegError('ERR_NONNEG_SHAPE', message, { detail })
}

function requireSize(value: unknown, name: string): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > LARGEST) {
    throw shapeError(`X.${name} is ${String(value)}, not a whole number from 0 to ${LARGEST}`, { [name]: value })
  }
  return value as number
}

function isNumbers(value: unknown): value is Numbers {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))
}

/** Float arrays as they are; other numbers copied to the float type that holds them exactly. */
function* toFloats(source: Numbers, name: string): Generator<void, FloatArray> {
  if (source instanceof Float32Array || source instanceof Float64Array) return source
  if (source instanceof BigInt64Array || source instanceof BigUint64Array || !isNumbers(source)) {
    throw new NonnegError('ERR_NONNEG_DTYPE', `X.${name} must be an array of numbers, best a Float32Array`, {
      detail: { type: Object.prototype.toString.call(source) },
      fix: `pass Float32Array.from(${name}, Number)`,
    })
  }
  // typed arrays hold numbers only; others may hold anything
  const loose = Array.isArray(source)
  const narrow = ArrayBuffer.isView(source) && (source as unknown as Uint8Array).BYTES_PER_ELEMENT <= 2
  const out = narrow ? new Float32Array(source.length) : new Float64Array(source.length)
  for (let i = 0; i < source.length; i++) {
    if (loose && typeof source[i] !== 'number') {
      const message = `X.${name}[${i}] is ${String(source[i])}, not a number`
      throw new NonnegError('ERR_NONNEG_DTYPE', message, { detail: { index: i } })
    }
    out[i] = source[i]
    if (i % PIECE === PIECE - 1) yield
  }
  return out
}

/** Indices as Uint32Array; a value that is not a whole number in 0 … 2³² − 1 is refused with its place. */
function* toIndices(source: Numbers, name: string): Generator<void, Uint32Array> {
  if (source instanceof Uint32Array) return source
  if (!isNumbers(source)) throw shapeError(`X.${name} must be an array of whole numbers`, {})
  const out = new Uint32Array(source.length)
  for (let i = 0; i < source.length; i++) {
    const value: unknown = source[i]
    out[i] = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0
    if (out[i] !== value && (typeof value !== 'bigint' || BigInt(out[i]) !== value)) {
      throw shapeError(`X.${name}[${i}] = ${String(source[i])} is not an index`, { index: i })
    }
    if (i % PIECE === PIECE - 1) yield
  }
  return out
}

function* fromRows(list: readonly Numbers[], rows: number, columns: number): Generator<void, DenseView> {
  const single = rows > 0 && list[0] instanceof Float32Array
  const data = single ? new Float32Array(rows * columns) : new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    const row = list[i]
    if (!isNumbers(row) || row.length !== columns) {
      throw shapeError(`row ${i} of X has ${isNumbers(row) ? row.length : 'no'} entries, row 0 has ${columns}`, {
        row: i,
      })
    }
    for (let j = 0; j < columns; j++) {
      if (typeof row[j] !== 'number') {
        throw new NonnegError('ERR_NONNEG_DTYPE', `X[${i}, ${j}] is ${String(row[j])}, not a number`, {
          detail: { row: i, column: j },
        })
      }
      data[i * columns + j] = row[j]
    }
    yield
  }
  return { kind: 'dense', data, rows, columns, stride: columns, offset: 0 }
}

function* fromNdarray(input: NdarrayInput): Generator<void, DenseView> {
  if (input.shape.length !== 2)
    throw shapeError(`X has ${input.shape.length} dimensions, not 2`, { shape: input.shape })
  const rows = requireSize(input.shape[0], 'shape[0]')
  const columns = requireSize(input.shape[1], 'shape[1]')
  if (!isNumbers(input.stride) || input.stride.length !== 2) throw shapeError('X.stride must have two entries', {})
  const [rowStride, columnStride] = input.stride
  const offset = requireSize(input.offset ?? 0, 'offset')
  const data = yield* toFloats(input.data, 'data')
  if ((columnStride === 1 || columns <= 1) && (rowStride >= columns || rows <= 1)) {
    return checkedDense(data, rows, columns, rows <= 1 ? columns : rowStride, offset)
  }
  const packed = data instanceof Float64Array ? new Float64Array(rows * columns) : new Float32Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      packed[i * columns + j] = data[offset + i * rowStride + j * columnStride]
    }
    yield
  }
  return checkedDense(packed, rows, columns, columns, 0)
}

function checkedDense(data: FloatArray, rows: number, columns: number, stride: number, offset: number): DenseView {
  requireSize(rows, 'rows')
  requireSize(columns, 'columns')
  requireSize(stride, 'stride')
  requireSize(offset, 'offset')
  if (stride < columns) throw shapeError(`X.stride is ${stride}, less than X.columns = ${columns}`, { stride, columns })
  const needed = rows === 0 || columns === 0 ? 0 : offset + (rows - 1) * stride + columns
  if (data.length < needed) {
    throw shapeError(`X.data has ${data.length} entries; ${rows} × ${columns} needs ${needed}`, {
      length: data.length,
      needed,
    })
  }
  return { kind: 'dense', data, rows, columns, stride, offset }
}

function* fromCsr(input: CsrInput): Generator<void, CsrView> {
  const rows = requireSize(input.rows, 'rows')
  const columns = requireSize(input.columns, 'columns')
  const indptr = yield* toIndices(input.indptr, 'indptr')
  const indices = yield* toIndices(input.indices, 'indices')
  const values = yield* toFloats(input.values, 'values')
  if (indptr.length !== rows + 1) {
    throw shapeError(`X.indptr has ${indptr.length} entries; ${rows} rows need ${rows + 1}`, { length: indptr.length })
  }
  if (indptr[0] !== 0) throw shapeError(`X.indptr[0] is ${indptr[0]}, not 0`, { value: indptr[0] })
  for (let i = 0; i < rows; i++) {
    if (indptr[i + 1] < indptr[i]) throw shapeError(`X.indptr decreases after row ${i}`, { row: i })
    if (i % PIECE === PIECE - 1) yield
  }
  const nonzeros = indptr[rows]
  if (indices.length < nonzeros || values.length < nonzeros) {
    throw shapeError(`X.indptr promises ${nonzeros} entries; indices has ${indices.length}, values ${values.length}`, {
      nonzeros,
      indices: indices.length,
      values: values.length,
    })
  }
  return { kind: 'csr', indptr, indices, values, rows, columns }
}

/** The generator behind `matrixView`: yields between small pieces, for `inSlices`. */
export function* toMatrixView(input: MatrixInput): Generator<void, MatrixView> {
  if (Array.isArray(input)) {
    const list = input as readonly Numbers[]
    const first = list[0]
    if (list.length > 0 && !isNumbers(first)) throw shapeError('X is a flat array; rows and columns are unknown', {})
    return yield* fromRows(list, list.length, list.length === 0 ? 0 : first.length)
  }
  if (typeof input !== 'object' || input === null) {
    throw shapeError(`X is ${input === null ? 'null' : typeof input}, not a matrix`, {})
  }
  if ('indptr' in input) return yield* fromCsr(input)
  if ('shape' in input) return yield* fromNdarray(input)
  if (!('data' in input)) {
    throw shapeError('X has neither data (dense) nor indptr (CSR); see the README for the accepted forms', {})
  }
  const { rows, columns } = input as DenseInput
  if (Array.isArray(input.data) && input.data.length > 0 && typeof input.data[0] === 'object') {
    requireSize(rows, 'rows')
    if (input.data.length !== rows) throw shapeError(`X.data has ${input.data.length} rows, not ${rows}`, { rows })
    return yield* fromRows(input.data as readonly Numbers[], rows, requireSize(columns, 'columns'))
  }
  const dense = input as DenseInput
  const data = yield* toFloats(dense.data, 'data')
  return checkedDense(data, rows, columns, dense.stride ?? columns, dense.offset ?? 0)
}
