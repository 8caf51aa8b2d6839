import type { FitSpec, Penalty, Problem, Rule, Weights } from '../../ts/backends/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import { inSlices } from '../../ts/core/breathe.js'
import { type CsrView, type DenseView, denseView, type MatrixView } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'
import { scanMatrix } from '../../ts/core/scan.js'
import { mix } from '../../ts/kernels/holdout.js'
import { randomStart } from '../../ts/nmf/init.js'
import type { Dtype } from './inputs.js'
import { denseMatrix, sparseMatrix } from './problems.js'

export type WeightKind = 'none' | 'dense' | 'entries' | 'holdout' | 'complement'

/** One point of the grid of fits: the same for every backend. */
export interface FitCase {
  readonly name: string
  readonly X: MatrixView['kind']
  readonly rows: number
  readonly columns: number
  readonly weights: WeightKind
  readonly spec: FitSpec
}

export const RULES: readonly Rule[] = ['mu', 'hals', 'pg']
export const BETAS: readonly number[] = [2, 1, 0, 1.5, 3]

/** Every way to store X and to weigh its entries. */
export const STORED: readonly (readonly [MatrixView['kind'], WeightKind])[] = [
  ['dense', 'none'],
  ['dense', 'dense'],
  ['dense', 'holdout'],
  ['dense', 'complement'],
  ['csr', 'none'],
  ['csr', 'dense'],
  ['csr', 'entries'],
  ['csr', 'holdout'],
]

const PENALTIES: readonly [Penalty, Penalty] = [
  { l1: 0.7, l2: 0.3 },
  { l1: 0.4, l2: 0.9 },
]

/** How a case is asked for: sizes, storage and spec; the rest has defaults. */
export interface Wanted {
  readonly X: MatrixView['kind']
  readonly rows: number
  readonly columns: number
  readonly rank: number
  readonly beta: number
  readonly rule: Rule
  readonly weights?: WeightKind
  readonly dtype?: Dtype
  readonly penalised?: boolean
  readonly fixed?: 'H'
  /** Any more of a spec. */
  readonly more?: Partial<FitSpec>
}

export function fitCase(wanted: Wanted): FitCase {
  const { X, rows, columns, rank, beta, rule, weights = 'none', dtype = 'f32', penalised = false, fixed, more } = wanted
  const [penaltyW, penaltyH] = penalised ? PENALTIES : []
  const spec: FitSpec = { rank, beta, rule, dtype, fixed, penaltyW, penaltyH, ...more }
  const parts = [`${X} ${rows}x${columns}`, `rank ${rank}`, `β = ${beta}`, rule, dtype]
  if (weights !== 'none') parts.push(`weights: ${weights}`)
  if (penalised) parts.push('penalised')
  if (fixed) parts.push('H fixed')
  for (const [name, value] of Object.entries(more ?? {})) parts.push(`${name} ${JSON.stringify(value)}`)
  return { name: parts.join(', '), X, rows, columns, weights, spec }
}

const HOLDOUT = { fraction: 0.5, seed: 41 }

/** The weight of each entry, in rows; those of a hash as ts/kernels/holdout.ts says. */
function weightTable({ rows, columns, weights }: FitCase): Float32Array {
  const random = new Random(17, columns)
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    if (weights === 'none' || weights === 'entries') return 1
    if (weights === 'dense') return random.below(4) === 0 ? 0 : 2 * random.uniform()
    const held = mix(mix(mix(HOLDOUT.seed) + Math.floor(at / columns)) + (at % columns)) < HOLDOUT.fraction * 2 ** 32
    return held === (weights === 'complement') ? 1 : 0
  })
}

/** X, in which no entry that counts is zero where β ≤ 0. A float64 fit gets digits that float32 has not. */
function dataOf(given: FitCase, weights: Float32Array): MatrixView {
  const { X, rows, columns, spec, weights: kind } = given
  const wide = spec.dtype === 'f64'
  const noise = new Random(19, rows)
  const digits = (values: Float32Array | Float64Array) =>
    wide ? Float64Array.from(values, value => value * (1 + 1e-9 * noise.uniform())) : Float32Array.from(values)
  if (X === 'csr' && (spec.beta > 0 || kind === 'entries')) {
    const sparse = sparseMatrix(rows, columns, 30)
    return { ...sparse, values: digits(sparse.values) }
  }
  const data = digits(denseMatrix(rows, columns).data)
  if (spec.beta <= 0) for (let at = 0; at < data.length; at++) if (weights[at] > 0 && data[at] === 0) data[at] = 0.01
  const dense = X === 'dense' ? strided(data, rows, columns) : denseView(data, rows, columns)
  return X === 'dense' ? dense : listed(dense)
}

/** The same in rows with gaps, which hold NaN. */
function strided(data: Float32Array | Float64Array, rows: number, columns: number): DenseView {
  const stride = columns + 5
  const spread =
    data instanceof Float64Array ? new Float64Array(3 + rows * stride) : new Float32Array(3 + rows * stride)
  spread.fill(Number.NaN)
  for (let i = 0; i < rows; i++) spread.set(data.subarray(i * columns, (i + 1) * columns), 3 + i * stride)
  return { kind: 'dense', data: spread, rows, columns, stride, offset: 3 }
}

/** The entries of a packed matrix that are not zero. */
function listed({ data, rows, columns }: DenseView): CsrView {
  const places = Array.from(data.keys()).filter(at => data[at] !== 0)
  const indptr = new Uint32Array(rows + 1)
  for (const at of places) indptr[Math.floor(at / columns) + 1]++
  for (let i = 0; i < rows; i++) indptr[i + 1] += indptr[i]
  const indices = Uint32Array.from(places, at => at % columns)
  return { kind: 'csr', indptr, indices, values: data.filter(value => value !== 0), rows, columns }
}

function weightsOf(given: FitCase, table: Float32Array, nonzeros: number): Weights | undefined {
  const { rows, columns, weights } = given
  if (weights === 'none') return undefined
  if (weights === 'dense') return strided(table, rows, columns)
  if (weights !== 'entries') return { kind: 'holdout', ...HOLDOUT, complement: weights === 'complement' }
  const random = new Random(23)
  return {
    kind: weights,
    values: Float32Array.from({ length: nonzeros }, () => (random.below(5) === 0 ? 0 : random.uniform())),
  }
}

export interface GridProblem {
  readonly problem: Problem
  /** What the terms of the loss add up to, about: each is at most of the size of max(1, x)^β. */
  readonly scale: number
}

/** Iterations of the multiplicative rule that make a start: trajectories are compared where steps have become small. */
const WARM = 8

/** The problem of a case, from factors in float32 that are about right after so many iterations from random ones. */
export async function problemOf(given: FitCase, warm: number = WARM): Promise<GridProblem> {
  const { rows, columns, spec } = given
  const { rank, beta } = spec
  const table = weightTable(given)
  const { X, sum, squaredNorm } = await inSlices(scanMatrix(dataOf(given, table), 'X'))
  const random = await inSlices(
    randomStart({ rows, columns, rank, dtype: 'f32', mean: sum / (rows * columns), k: 0 }, 5),
  )
  const weights = weightsOf(given, table, X.kind === 'csr' ? X.values.length : 0)
  const device = await referenceBackend.open()
  const start = await device.createFit({ X, squaredNorm, weights, ...random }, { rank, beta, rule: 'mu', dtype: 'f32' })
  await start.run(warm)
  const factors = await start.factors()
  const W = denseView(factors.W, rows, rank)
  const H = denseView(factors.H, rank, columns)
  let scale = rows * columns
  // an entry that is not stored is zero, and the gaps between rows are no numbers
  for (const x of X.kind === 'csr' ? X.values : X.data) if (x > 1) scale += x ** Math.max(1, beta)
  return { problem: { X, squaredNorm, weights, W, H }, scale }
}
