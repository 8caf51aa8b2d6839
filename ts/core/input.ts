import { inWords, NonnegError } from './errors.js'
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

/** @param name what people call the value, such as `X.rows` */
function requireSize(value: unknown, name: string): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > LARGEST) {
    throw shapeError(`${name} is ${inWords(value)}, not a whole number from 0 to ${LARGEST}`, { name, value })
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
    throw new NonnegError('ERR_NONNEG_DTYPE', `${name} must be an array of numbers, best a Float32Array`, {
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
      const message = `${name}[${i}] is ${inWords(source[i])}, not a number`
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
  if (!isNumbers(source)) throw shapeError(`${name} must be an array of whole numbers`, {})
  const out = new Uint32Array(source.length)
  for (let i = 0; i < source.length; i++) {
    const value: unknown = source[i]
    out[i] = typeof value === 'number' || typeof value === 'bigint' ? Number(value) : 0
    if (out[i] !== value && (typeof value !== 'bigint' || BigInt(out[i]) !== value)) {
      throw shapeError(`${name}[${i}] = ${inWords(source[i])} is not an index`, { index: i })
    }
    if (i % PIECE === PIECE - 1) yield
  }
  return out
}

function* fromRows(list: readonly Numbers[], rows: number, columns: number, name: string): Generator<void, DenseView> {
  const single = rows > 0 && list[0] instanceof Float32Array
  const data = single ? new Float32Array(rows * columns) : new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    const row = list[i]
    if (!isNumbers(row) || row.length !== columns) {
      throw shapeError(`row ${i} of ${name} has ${isNumbers(row) ? row.length : 'no'} entries, row 0 has ${columns}`, {
        row: i,
      })
    }
    for (let j = 0; j < columns; j++) {
      if (typeof row[j] !== 'number') {
        throw new NonnegError('ERR_NONNEG_DTYPE', `${name}[${i}, ${j}] is ${inWords(row[j])}, not a number`, {
          detail: { row: i, column: j },
        })
      }
      data[i * columns + j] = row[j]
    }
    yield
  }
  return { kind: 'dense', data, rows, columns, stride: columns, offset: 0 }
}

function* fromNdarray(input: NdarrayInput, name: string): Generator<void, DenseView> {
  if (!isNumbers(input.shape) || input.shape.length !== 2) {
    const dimensions = isNumbers(input.shape) ? input.shape.length : 'no'
    throw shapeError(`${name} has ${dimensions} dimensions, not 2`, { shape: input.shape })
  }
  const rows = requireSize(input.shape[0], `${name}.shape[0]`)
  const columns = requireSize(input.shape[1], `${name}.shape[1]`)
  if (!isNumbers(input.stride) || input.stride.length !== 2) {
    throw shapeError(`${name}.stride must have two entries`, {})
  }
  const [rowStride, columnStride] = input.stride
  const offset = requireSize(input.offset ?? 0, `${name}.offset`)
  const data = yield* toFloats(input.data, `${name}.data`)
  if ((columnStride === 1 || columns <= 1) && (rowStride >= columns || rows <= 1)) {
    return checkedDense(data, rows, columns, rows <= 1 ? columns : rowStride, offset, name)
  }
  const packed = data instanceof Float64Array ? new Float64Array(rows * columns) : new Float32Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      packed[i * columns + j] = data[offset + i * rowStride + j * columnStride]
    }
    yield
  }
  return checkedDense(packed, rows, columns, columns, 0, name)
}

/**
 * A dense view of these arrays once their sizes are seen to fit.
 * @throws NonnegError ERR_NONNEG_SHAPE
 */
export function checkedDense(
  data: FloatArray,
  rows: number,
  columns: number,
  stride: number,
  offset: number,
  name: string,
): DenseView {
  requireSize(rows, `${name}.rows`)
  requireSize(columns, `${name}.columns`)
  requireSize(stride, `${name}.stride`)
  requireSize(offset, `${name}.offset`)
  if (stride < columns) {
    throw shapeError(`${name}.stride is ${stride}, less than ${name}.columns = ${columns}`, { stride, columns })
  }
  const needed = rows === 0 || columns === 0 ? 0 : offset + (rows - 1) * stride + columns
  if (data.length < needed) {
    throw shapeError(`${name}.data has ${data.length} entries; ${rows} × ${columns} needs ${needed}`, {
      length: data.length,
      needed,
    })
  }
  return { kind: 'dense', data, rows, columns, stride, offset }
}

function* fromCsr(input: CsrInput, name: string): Generator<void, CsrView> {
  const rows = requireSize(input.rows, `${name}.rows`)
  const columns = requireSize(input.columns, `${name}.columns`)
  const indptr = yield* toIndices(input.indptr, `${name}.indptr`)
  const indices = yield* toIndices(input.indices, `${name}.indices`)
  const values = yield* toFloats(input.values, `${name}.values`)
  if (indptr.length !== rows + 1) {
    throw shapeError(`${name}.indptr has ${indptr.length} entries; ${rows} rows need ${rows + 1}`, {
      length: indptr.length,
    })
  }
  if (indptr[0] !== 0) throw shapeError(`${name}.indptr[0] is ${indptr[0]}, not 0`, { value: indptr[0] })
  for (let i = 0; i < rows; i++) {
    if (indptr[i + 1] < indptr[i]) throw shapeError(`${name}.indptr decreases after row ${i}`, { row: i })
    if (i % PIECE === PIECE - 1) yield
  }
  const nonzeros = indptr[rows]
  if (indices.length < nonzeros || values.length < nonzeros) {
    throw shapeError(
      `${name}.indptr promises ${nonzeros} entries; indices has ${indices.length}, values ${values.length}`,
      {
        nonzeros,
        indices: indices.length,
        values: values.length,
      },
    )
  }
  return { kind: 'csr', indptr, indices, values, rows, columns }
}

/**
 * A matrix in any accepted form as a view, over the caller's memory where that form allows it. Yields between small
 * pieces, for `inSlices`.
 * @param name what messages call the matrix
 * @throws NonnegError ERR_NONNEG_SHAPE, ERR_NONNEG_DTYPE
 */
export function* toMatrixView(input: MatrixInput, name = 'X'): Generator<void, MatrixView> {
  if (Array.isArray(input)) {
    const list = input as readonly Numbers[]
    const first = list[0]
    if (list.length > 0 && !isNumbers(first)) {
      throw shapeError(`${name} is a flat array; rows and columns are unknown`, {})
    }
    return yield* fromRows(list, list.length, list.length === 0 ? 0 : first.length, name)
  }
  if (typeof input !== 'object' || input === null) {
    throw shapeError(`${name} is ${input === null ? 'null' : typeof input}, not a matrix`, {})
  }
  if ('indptr' in input) return yield* fromCsr(input, name)
  if ('shape' in input) return yield* fromNdarray(input, name)
  if (!('data' in input)) {
    throw shapeError(`${name} has neither data (dense) nor indptr (CSR); see the README for the accepted forms`, {})
  }
  const { rows, columns } = input as DenseInput
  if (Array.isArray(input.data) && input.data.length > 0 && typeof input.data[0] === 'object') {
    requireSize(rows, `${name}.rows`)
    if (input.data.length !== rows) {
      throw shapeError(`${name}.data has ${input.data.length} rows, not ${rows}`, { rows })
    }
    return yield* fromRows(input.data as readonly Numbers[], rows, requireSize(columns, `${name}.columns`), name)
  }
  const dense = input as DenseInput
  const data = yield* toFloats(dense.data, `${name}.data`)
  return checkedDense(data, rows, columns, dense.stride ?? columns, dense.offset ?? 0, name)
}
