import { transposeCsr, transposeDense } from '../../core/matrix.js'
import { updateExponent } from '../../kernels/beta.js'
import { online_update } from '../../kernels/online_update.js'
import type { Batch, FitSpec } from '../backend.js'
import { movingRuns } from '../runs.js'
import { factorRows, type Products, scalarsOf } from './family.js'
import type { Data, Side, Sides } from './side.js'

/** Numerators and denominators of Hᵀ, columns × rank, as the batches so far have left them. */
export interface Accumulated {
  readonly A: Float64Array
  readonly B: Float64Array
}

/** What updates that see some rows alone need: these rows of X, W and the weights, from both sides, and ‖X‖² of them. */
export function* sidesOfBatch(
  { W, H }: Sides,
  { first, count }: Batch,
  rank: number,
): Generator<void, Sides & { readonly squaredNorm: number }> {
  const end = first + count
  const columns = W.columns
  const rows = W.F.subarray(first * rank, end * rank)
  const [X, Xt] = yield* rowsBothWays(W.X, first, end, columns)
  const [byRow, byColumn] = [W.weights, H.weights]
  let squaredNorm = 0
  for (const value of X.values) squaredNorm += value ** 2
  return {
    squaredNorm,
    W: {
      ...W,
      rows: count,
      X,
      F: rows,
      frozen: W.frozen && within(W.frozen, first, end),
      weights: byRow && ((from, to) => byRow(first + from, first + to)),
    },
    H: {
      ...H,
      columns: count,
      X: Xt,
      O: rows,
      weights: byColumn && ((from, to) => columnsOf(byColumn(from, to), H.columns, first, end)),
    },
  }
}

/** Those from `first` to `end`, counted from `first`. */
function within(rows: Uint32Array, first: number, end: number): Uint32Array {
  return rows.filter(row => row >= first && row < end).map(row => row - first)
}

function columnsOf(tile: Float64Array, width: number, first: number, end: number): Float64Array {
  return tile.filter((_, at) => at % width >= first && at % width < end)
}

function* rowsBothWays(X: Data, first: number, end: number, columns: number): Generator<void, readonly [Data, Data]> {
  if (X.kind === 'dense') {
    const values = X.values.subarray(first * columns, end * columns)
    const transposed = (yield* transposeDense(values, end - first, columns)) as Float64Array
    return [
      { kind: 'dense', values },
      { kind: 'dense', values: transposed },
    ]
  }
  const [from, to] = [X.indptr[first], X.indptr[end]]
  const indptr = X.indptr.slice(first, end + 1).map(at => at - from)
  const kind = 'csr'
  const sparse = { kind, indptr, indices: X.indices.subarray(from, to), rows: end - first, columns } as const
  const values = X.values.subarray(from, to)
  const weights = X.weights?.subarray(from, to)
  const turned = yield* transposeCsr({ ...sparse, values })
  const over = weights && (yield* transposeCsr({ ...sparse, values: weights }))
  return [
    { kind, indptr, indices: sparse.indices, values, weights },
    {
      kind,
      indptr: turned.indptr,
      indices: turned.indices,
      values: turned.values as Float64Array,
      weights: over?.values as Float64Array | undefined,
    },
  ]
}

/** Updates H from the products of a batch; `total` are the rows of all of X. */
export function* updateFromBatch(
  spec: FitSpec,
  products: Products,
  side: Side,
  { A, B }: Accumulated,
  { keep = 1, count: batch }: Batch,
  total: number,
): Generator<void, void> {
  const { N, P, shared } = yield* products.parts(side)
  const share = batch / total
  const { l1, l2, ...scalars } = scalarsOf(spec, side)
  const penalties = { l1: l1 * share, l2: l2 * share }
  const dims = {
    ...scalars,
    ...penalties,
    gamma: updateExponent(spec.beta),
    keep,
    shared: shared ? 1 : 0,
  }
  for (const { first, rows } of movingRuns(side.frozen, 0, side.rows)) {
    const of = (list: Float64Array) => factorRows(list, spec.rank, first, first + rows)
    const arrays = { F: of(side.F), A: of(A), B: of(B), N: of(N), P: shared ? P : of(P) }
    online_update.reference({ ...dims, rows }, arrays)
  }
}
