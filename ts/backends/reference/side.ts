import { transposeCsr, transposeDense } from '../../core/matrix.js'
import type { FitSpec, Penalty, Problem, Weights } from '../backend.js'
import { packed } from './slices.js'
import { type WeightRows, weightRows } from './weights.js'

const NO_PENALTY: Penalty = { l1: 0, l2: 0 }

/** A packed dense matrix, or a CSR matrix with the weights of its listed entries, where there are any. */
export type Data =
  | { readonly kind: 'dense'; readonly values: Float64Array }
  | {
      readonly kind: 'csr'
      readonly indptr: Uint32Array
      readonly indices: Uint32Array
      readonly values: Float64Array
      readonly weights?: Float64Array
    }

/**
 * The problem as the update of one factor sees it. For W that is X ≈ F·Oᵀ with F = W and O = Hᵀ; for H it is
 * Xᵀ ≈ F·Oᵀ with F = Hᵀ and O = W. So both updates are one: that of the rows of F, which do not depend on each other.
 */
export interface Side {
  readonly rows: number
  readonly columns: number
  /** X, or its transpose: rows × columns. */
  readonly X: Data
  /** The factor that moves: rows × rank. */
  readonly F: Float64Array
  /** The factor that stays: columns × rank. */
  readonly O: Float64Array
  readonly penalty: Penalty
  readonly limits: Limits
  /** Rows of F that stay, ascending; absent where none do. */
  readonly frozen?: Uint32Array | undefined
  /** Weights of all entries; absent where all are 1, or where X lists them. */
  readonly weights?: WeightRows
}

export interface Sides {
  readonly W: Side
  readonly H: Side
}

/** What bounds the moves of a factor. */
export interface Limits {
  /** Components that move: the first so many. */
  readonly moving: number
  readonly most: number
}

/** Both sides of a problem, over one pair of factors, in float64. */
export function* sidesOf(problem: Problem, spec: FitSpec): Generator<void, Sides> {
  const { rank, penaltyW = NO_PENALTY, penaltyH = NO_PENALTY, movingW = rank, movingH = rank } = spec
  const { maxW = Number.POSITIVE_INFINITY, maxH = Number.POSITIVE_INFINITY, frozenW, frozenH } = spec
  const { rows, columns } = problem.X
  const W = yield* packed(problem.W)
  const Ht = (yield* transposeDense(yield* packed(problem.H), rank, columns)) as Float64Array
  const [X, Xt] = yield* bothWays(problem)
  const [byRow, byColumn] = yield* weightRows(problem.weights, rows, columns)
  return {
    W: {
      rows,
      columns,
      X,
      F: W,
      O: Ht,
      penalty: penaltyW,
      limits: { moving: movingW, most: maxW },
      frozen: frozenW,
      weights: byRow,
    },
    H: {
      rows: columns,
      columns: rows,
      X: Xt,
      F: Ht,
      O: W,
      penalty: penaltyH,
      limits: { moving: movingH, most: maxH },
      frozen: frozenH,
      weights: byColumn,
    },
  }
}

/** X and its transpose. */
function* bothWays({ X, weights }: Problem): Generator<void, readonly [Data, Data]> {
  const { rows, columns } = X
  if (X.kind === 'dense') {
    const values = yield* packed(X)
    const transposed = (yield* transposeDense(values, rows, columns)) as Float64Array
    return [
      { kind: 'dense', values },
      { kind: 'dense', values: transposed },
    ]
  }
  const nonzeros = X.indptr[rows]
  const list = (entries: Float32Array | Float64Array) => Float64Array.from(entries.subarray(0, nonzeros))
  const lists: readonly Float64Array[] = [list(X.values), ...listed(weights).map(list)]
  const { indptr, indices } = X
  // entries with equal indices keep their order, so each list is carried over on its own
  const transposed = []
  for (const values of lists) transposed.push(yield* transposeCsr({ ...X, values }))
  const over = transposed.map(matrix => matrix.values as Float64Array)
  const kind = 'csr'
  return [
    { kind, indptr: indptr.slice(), indices: indices.slice(0, nonzeros), values: lists[0], weights: lists[1] },
    { kind, indptr: transposed[0].indptr, indices: transposed[0].indices, values: over[0], weights: over[1] },
  ]
}

function listed(weights: Weights | undefined): readonly (Float32Array | Float64Array)[] {
  return weights?.kind === 'entries' ? [weights.values] : []
}
