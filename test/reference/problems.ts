import type { Penalty, Problem, Weights } from '../../ts/backends/backend.js'
import { type CsrView, type DenseView, denseView } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'
import { mix } from '../../ts/kernels/holdout.js'
import type { Rows } from './oracle.js'

export const NO_PENALTY: Penalty = { l1: 0, l2: 0 }

export type WeightKind = 'none' | 'dense' | 'entries' | 'holdout' | 'complement'

export interface Draw {
  readonly rows: number
  readonly columns: number
  readonly rank: number
  /** What the matrix is stored as; CSR lists the entries above zero alone. */
  readonly kind: 'dense' | 'csr'
  /** Share of zeros among the entries, in [0, 1). */
  readonly zeros: number
  readonly weights: WeightKind
  readonly seed?: number
}

export interface Drawn {
  readonly problem: Problem
  /** The same in lists of rows. */
  readonly X: Rows
  readonly V: Rows
  readonly W: Rows
  readonly H: Rows
}

const HOLDOUT = { fraction: 0.3, seed: 77 }

/** Rank 3 and a little noise, entries apart from the zeros above 0.05; factors in (0.1, 1.1). */
export function draw({ rows, columns, rank, kind, zeros, weights, seed = 5 }: Draw): Drawn {
  const random = new Random(seed)
  const table = (n: number, m: number, entry: () => number): Rows =>
    Array.from({ length: n }, () => Array.from({ length: m }, entry))
  const [left, right] = [table(rows, 3, () => random.uniform()), table(3, columns, () => random.uniform())]
  const X = left.map(row =>
    right[0].map((_, j) => {
      if (random.uniform() < zeros) return 0
      return 0.05 + 0.2 * random.uniform() + row.reduce((sum, value, r) => sum + value * right[r][j], 0)
    }),
  )
  const W = table(rows, rank, () => 0.1 + random.uniform())
  const H = table(rank, columns, () => 0.1 + random.uniform())
  const V = weightsOf(weights, X, random)
  return { problem: problemOf(X, W, H, kind, weights, V), X, V, W, H }
}

function weightsOf(kind: WeightKind, X: Rows, random: Random): Rows {
  return X.map((row, i) =>
    row.map((x, j) => {
      if (kind === 'none') return 1
      // drawn for every entry, so that weights of the listed ones are those of the dense matrix too
      const drawn = random.below(4) === 0 ? 0 : 2 * random.uniform()
      if (kind === 'entries') return x > 0 ? drawn : 0
      if (kind === 'dense') return drawn
      const held = mix(mix(mix(HOLDOUT.seed) + i) + j) < HOLDOUT.fraction * 2 ** 32
      return held === (kind === 'complement') ? 1 : 0
    }),
  )
}

export function problemOf(X: Rows, W: Rows, H: Rows, kind: Draw['kind'], weighted: WeightKind, V: Rows): Problem {
  const flat = X.flat()
  return {
    X: kind === 'dense' ? view(X) : csr(X),
    squaredNorm: flat.reduce((sum, x) => sum + x * x, 0),
    W: view(W),
    H: view(H),
    weights: weightsFor(weighted, X, V),
  }
}

function weightsFor(kind: WeightKind, X: Rows, V: Rows): Weights | undefined {
  if (kind === 'none') return undefined
  if (kind === 'dense') return view(V)
  if (kind === 'entries') return { kind, values: Float64Array.from(V.flat().filter((_, at) => X.flat()[at] > 0)) }
  return { kind: 'holdout', ...HOLDOUT, complement: kind === 'complement' }
}

/** ‖a − b‖ / ‖b‖ */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const list = Array.from(b)
  return Math.hypot(...list.map((value, i) => a[i] - value)) / Math.hypot(...list)
}

/** A view with gaps between its rows, which hold NaN. */
function view(rows: Rows): DenseView {
  const columns = rows[0].length
  const stride = columns + 3
  const data = new Float64Array(2 + rows.length * stride).fill(Number.NaN)
  rows.forEach((row, i) => {
    data.set(row, 2 + i * stride)
  })
  return { ...denseView(data, rows.length, columns), stride, offset: 2 }
}

function csr(X: Rows): CsrView {
  const indptr = Uint32Array.of(0, ...X.map(() => 0))
  const indices: number[] = []
  const values: number[] = []
  X.forEach((row, i) => {
    row.forEach((x, j) => {
      if (x === 0) return
      indices.push(j)
      values.push(x)
    })
    indptr[i + 1] = indices.length
  })
  const [rows, columns] = [X.length, X[0].length]
  return { kind: 'csr', indptr, indices: Uint32Array.from(indices), values: Float64Array.from(values), rows, columns }
}
