import type { Weights } from '../backends/backend.js'
import { inWords, NonnegError } from '../core/errors.js'
import { type CsrInput, type MatrixInput, toMatrixView } from '../core/input.js'
import type { CsrView, DenseView, MatrixView } from '../core/matrix.js'
import { scanMatrix, uniqueEntries } from '../core/scan.js'
import { entriesOfRow, heldOut, type RowEntries } from './entries.js'
import type { MaskInput } from './options.js'
import { isHoldout } from './resolve-options.js'

/** X and the weights of its entries as backends take them. */
export interface Observed {
  /** X itself, or a copy: with zeros at missing entries, or the observed entries alone as CSR. */
  readonly X: MatrixView
  readonly weights: Weights | undefined
  /** Entries that count; a hold-out mask is not looked through. */
  readonly count: number
}

/** Entries between two looks at the clock, however long the rows are. */
const PIECE = 1 << 15

/**
 * Brings a mask and weights into one of the forms that backends know: a hash stays a hash; dense ones become one dense
 * float32 matrix; where one of them is CSR, X is gathered onto its entries, with explicit zeros where X has none. Both
 * together are multiplied.
 * @throws NonnegError ERR_NONNEG_SHAPE, _NEGATIVE, _NOT_FINITE, _DTYPE with the place; ERR_NONNEG_OPTION for a mask of
 * other numbers than 0 and 1, or where nothing is observed
 */
export function* observe(
  X: MatrixView,
  mask: MaskInput | undefined,
  weights: MatrixInput | undefined,
): Generator<void, Observed> {
  const { rows, columns } = X
  const hash = mask && isHoldout(mask) ? mask : undefined
  if (!mask && !weights) return { X, weights: undefined, count: rows * columns }
  if (hash && !weights) {
    const { holdout: fraction, seed = 0, complement = false } = hash
    return { X, weights: { kind: 'holdout', fraction, seed, complement }, count: rows * columns }
  }
  const own = X.kind === 'csr' ? yield* uniqueEntries(X, 'X') : X
  const weighing = weights ? [yield* weightsView(weights, X)] : []
  const masking = mask && !hash ? [yield* maskView(mask as MatrixInput, X)] : []
  const views = [...weighing, ...masking]
  const pattern = views.find((view): view is CsrView => view.kind === 'csr')
  const others = views.filter(view => view !== pattern).map(entriesOfRow)
  if (hash) others.push(heldOut(hash.holdout, hash.seed ?? 0, hash.complement ?? false))
  const observed = pattern ? yield* gathered(own, pattern, others) : yield* zeroed(own, yield* product(views, others))
  if (observed.count > 0) return observed
  throw new NonnegError('ERR_NONNEG_OPTION', 'no entry of X is observed: mask or weights leave none', {
    detail: { option: mask ? 'mask' : 'weights' },
  })
}

function checkShape(name: string, view: MatrixView, X: MatrixView): void {
  if (view.rows === X.rows && view.columns === X.columns) return
  const message = `${name} is ${view.rows} × ${view.columns}, X is ${X.rows} × ${X.columns}`
  throw new NonnegError('ERR_NONNEG_SHAPE', message, { detail: { option: name } })
}

function* weightsView(input: MatrixInput, X: MatrixView): Generator<void, MatrixView> {
  const view = yield* toMatrixView(input, 'weights')
  checkShape('weights', view, X)
  const { X: unique, largest } = yield* scanMatrix(view, 'weights')
  if (Math.fround(largest) < Number.POSITIVE_INFINITY) return unique
  throw new NonnegError('ERR_NONNEG_DTYPE', `the largest weight is ${largest}, beyond float32`, {
    detail: { largest },
    fix: 'divide all weights by one number: that divides the loss alone',
  })
}

function* maskView(input: MatrixInput, X: MatrixView): Generator<void, MatrixView> {
  if ('indptr' in input) {
    // values, where there are any, do not matter
    const { indptr, indices, rows, columns } = input as CsrInput
    const values = new Float32Array(indices?.length ?? 0)
    const view = (yield* toMatrixView({ indptr, indices, values, rows, columns }, 'mask')) as CsrView
    checkShape('mask', view, X)
    const unique = yield* uniqueEntries(view, 'mask')
    return { ...unique, values: unique.values.fill(1) }
  }
  const view = (yield* toMatrixView(input, 'mask')) as DenseView
  checkShape('mask', view, X)
  for (let i = 0, sinceYield = 0; i < view.rows; i++) {
    for (let j = 0; j < view.columns; j++) {
      if (++sinceYield >= PIECE) {
        sinceYield = 0
        yield
      }
      const value = view.data[view.offset + i * view.stride + j]
      if (value === 0 || value === 1) continue
      const message = `mask[${i}, ${j}] = ${inWords(value)}; 1 is observed, 0 is missing`
      throw new NonnegError('ERR_NONNEG_OPTION', message, { detail: { option: 'mask', row: i, column: j, value } })
    }
  }
  return view
}

/** Dense weights from dense views and what else multiplies them; over the caller's memory where one says it all. */
function* product(views: readonly MatrixView[], factors: readonly RowEntries[]): Generator<void, DenseView> {
  const [first] = views as readonly DenseView[]
  if (factors.length === 1 && first.data instanceof Float32Array) return first
  const { rows, columns } = first
  const data = new Float32Array(rows * columns)
  for (let i = 0, sinceYield = 0; i < rows; i++) {
    const row = factors.map(entries => entries(i))
    for (let j = 0; j < columns; j++) {
      let weight = 1
      for (const entry of row) weight *= entry(j)
      data[i * columns + j] = weight
      if (++sinceYield < PIECE) continue
      sinceYield = 0
      yield
    }
  }
  return { kind: 'dense', data, rows, columns, stride: columns, offset: 0 }
}

/** X with zeros where the weights are zero: what stands there, if only as NaN, must not reach any arithmetic. */
function* zeroed(X: MatrixView, V: DenseView): Generator<void, Observed> {
  let count = 0
  let copy: MatrixView | undefined
  for (let i = 0, sinceYield = 0; i < X.rows; i++) {
    const weights = V.offset + i * V.stride
    for (let j = 0; j < X.columns; j++) {
      if (V.data[weights + j] !== 0) count++
      if (++sinceYield < PIECE) continue
      sinceYield = 0
      yield
    }
    const from = X.kind === 'csr' ? X.indptr[i] : X.offset + i * X.stride
    const to = X.kind === 'csr' ? X.indptr[i + 1] : from + X.columns
    const stored = X.kind === 'csr' ? X.values : X.data
    for (let p = from; p < to; p++) {
      if (++sinceYield >= PIECE) {
        sinceYield = 0
        yield
      }
      const j = X.kind === 'csr' ? X.indices[p] : p - from
      if (V.data[weights + j] !== 0 || stored[p] === 0) continue
      copy ??= X.kind === 'csr' ? { ...X, values: X.values.slice() } : { ...X, data: X.data.slice() }
      if (copy.kind === 'csr') copy.values[p] = 0
      else copy.data[p] = 0
    }
  }
  return { X: copy ?? X, weights: V, count }
}

/** X at the pattern's entries whose weight is above zero. */
function* gathered(X: MatrixView, pattern: CsrView, factors: readonly RowEntries[]): Generator<void, Observed> {
  const { rows, columns } = pattern
  const listed = pattern.indptr[rows]
  const indptr = new Uint32Array(rows + 1)
  const indices = new Uint32Array(listed)
  const weights = new Float32Array(listed)
  const double = (X.kind === 'csr' ? X.values : X.data) instanceof Float64Array
  const values = double ? new Float64Array(listed) : new Float32Array(listed)
  const source = entriesOfRow(X)
  let count = 0
  for (let i = 0, sinceYield = 0; i < rows; i++) {
    const x = source(i)
    const row = factors.map(entries => entries(i))
    for (let p = pattern.indptr[i]; p < pattern.indptr[i + 1]; p++) {
      if (++sinceYield >= PIECE) {
        sinceYield = 0
        yield
      }
      const j = pattern.indices[p]
      let weight = pattern.values[p]
      for (const entry of row) weight *= entry(j)
      weights[count] = weight
      if (weights[count] === 0) continue
      indices[count] = j
      values[count++] = x(j)
    }
    indptr[i + 1] = count
    // rows may be empty
    if (++sinceYield < PIECE) continue
    sinceYield = 0
    yield
  }
  const cut = { indices: indices.subarray(0, count), values: values.subarray(0, count) }
  return {
    X: { kind: 'csr', indptr, ...cut, rows, columns },
    weights: { kind: 'entries', values: weights.subarray(0, count) },
    count,
  }
}
