import { checkNames, checkObject, finite, flag, oneOf, refuse, whole } from '../core/checks.js'
import { NonnegError } from '../core/errors.js'
import { gramBound } from '../core/gram-bound.js'
import { checkedDense, type DenseInput } from '../core/input.js'
import type { FloatArray } from '../core/matrix.js'
import { type Eigen, symmetricEigen } from '../core/symmetric-eigen.js'

// How large a learning rate may be for f(W, H) = ½‖V − WH‖², V ≥ 0 of m × n, W ≥ 0 of m × r, H ≥ 0 of r × n. W moves against
// the gradient from a batch B of b columns, G_B = (n/b)·Σ_{j∈B} (W·h_j − v_j)·h_jᵀ, is projected to W ≥ 0, and H stays. The
// same holds for H and batches of rows with everything transposed. A = HHᵀ, λᵢ its eigenvalues, L the largest;
// R² = max ‖h_j‖²; S = n·Σ ‖h_j‖²·h_j·h_jᵀ; κ = (n − b)/(b·(n − 1)), or 1/b where a batch may hold a column twice.
//
// The theorems are derived here: the paper that announces a bound for stochastic factorisation has no public text. Their
// proofs are in docs/stability.md.

/** A factor: row-major data with its sizes, as `factorize` returns it, or an array of rows. */
export type FactorInput = DenseInput | readonly ArrayLike<number>[]

/** Ways to bound the rate; each is at most the next, but for `'batch'`, which is about one batch. */
export type BoundKind = 'predictable' | 'one-step' | 'mean-square' | 'batch'

const KINDS: readonly BoundKind[] = ['predictable', 'one-step', 'mean-square', 'batch']

export interface StabilityOptions {
  /** Columns of H in a batch, from 1 to all of them. Default: all, where every kind is 2/L. */
  readonly batch?: number
  /** Whether a batch may hold a column twice. Default false. */
  readonly replacement?: boolean
  /**
   * - `'predictable'` (default): 2/𝓛, 𝓛 = (1 − κ)·L + κ·n·R². Costs one Gram matrix and power iterations.
   * - `'one-step'`: 2/λmax(A^(−½)·(A² + κ·(S − A²))·A^(−½)), the best that can be said of a single step; two eigenproblems
   *   of rank × rank.
   * - `'mean-square'`: where E‖W − W*‖² begins to grow; an eigenproblem of about rank²/2, for ranks up to 16.
   * - `'batch'`: 2/λmax((n/b)·HHᵀ), where H holds the b columns of one batch out of `total`. For rates that are chosen with
   *   the batch at hand.
   */
  readonly kind?: BoundKind
  /** `'batch'`: n. Default: as many as H has. */
  readonly total?: number
}

/** Ranks up to which the mean-square limit is to be had in a second. */
const LARGEST_EXACT_RANK = 16

/** Power iterations: enough for six digits of nearly every H; fewer would bound as well, from further above. */
const ITERATIONS = 300

/** Eigenvalues below this share of the largest are roundings of zero. */
const NULL_SHARE = 1e-12

/** Columns one after the other. */
interface Columns {
  readonly data: Float64Array
  readonly rank: number
  readonly count: number
}

function run<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

function refuseEntry(name: string, row: number, column: number, value: unknown): NonnegError {
  const isNegative = Number.isFinite(value) && (value as number) < 0
  const code = isNegative ? 'ERR_NONNEG_NEGATIVE' : 'ERR_NONNEG_NOT_FINITE'
  return new NonnegError(code, `${name}[${row}, ${column}] = ${value}; every entry must be a finite number ≥ 0`, {
    detail: { row, column, value },
  })
}

/** The columns of a factor that is to be ≥ 0, or its rows. */
function vectorsOf(input: FactorInput, name: string, along: 'columns' | 'rows'): Columns {
  checkObject(name, input, 'a dense matrix')
  const list = Array.isArray(input) ? (input as readonly ArrayLike<number>[]) : undefined
  const {
    data,
    rows,
    columns,
    stride = columns,
    offset = 0,
  } = list ? { data: list, rows: list.length, columns: list[0]?.length ?? 0 } : (input as DenseInput)
  if (!list && !Array.isArray(data) && !ArrayBuffer.isView(data)) {
    throw new NonnegError('ERR_NONNEG_SHAPE', `${name} is not dense: it has no data, rows and columns`)
  }
  if (!list) checkedDense(data as FloatArray, rows, columns, stride, offset, name)
  if (rows === 0 || columns === 0) throw new NonnegError('ERR_NONNEG_SHAPE', `${name} is empty: ${rows} × ${columns}`)
  const [rank, count] = along === 'columns' ? [rows, columns] : [columns, rows]
  const out = new Float64Array(rank * count)
  for (let i = 0; i < rows; i++) {
    if (list && list[i].length !== columns) {
      throw new NonnegError(
        'ERR_NONNEG_SHAPE',
        `row ${i} of ${name} has ${list[i].length} entries, row 0 has ${columns}`,
      )
    }
    for (let j = 0; j < columns; j++) {
      const value = list ? list[i][j] : (data as ArrayLike<number>)[offset + i * stride + j]
      if (!(typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY))
        throw refuseEntry(name, i, j, value)
      out[along === 'columns' ? j * rank + i : i * rank + j] = value
    }
  }
  return { data: out, rank, count }
}

/** Σ weight(j)·h_j·h_jᵀ, rank × rank. */
function gramOf({ data, rank, count }: Columns, weight: (column: number) => number = () => 1): Float64Array {
  const G = new Float64Array(rank * rank)
  for (let j = 0; j < count; j++) {
    const [at, factor] = [j * rank, weight(j)]
    for (let r = 0; r < rank; r++) {
      const scaled = factor * data[at + r]
      for (let s = 0; s < rank; s++) G[r * rank + s] += scaled * data[at + s]
    }
  }
  return G
}

function squaredNorms({ data, rank, count }: Columns): Float64Array {
  return Float64Array.from({ length: count }, (_, j) => {
    let sum = 0
    for (let r = 0; r < rank; r++) sum += data[j * rank + r] ** 2
    return sum
  })
}

function largestEigenvalue(columns: Columns): number {
  return gramBound(gramOf(columns), columns.rank, ITERATIONS)
}

/** κ: which share of the spread of single columns is left in the mean of a batch. */
function spread(batch: number, count: number, replacement: boolean): number {
  if (replacement) return 1 / batch
  return count > 1 ? (count - batch) / (batch * (count - 1)) : 0
}

/** A's eigenvectors with λ > 0, their eigenvalues, and the columns of H in that basis. */
function inRange(H: Columns): { readonly values: Float64Array; readonly columns: Columns } {
  const { rank, count, data } = H
  const { values, vectors }: Eigen = run(symmetricEigen(gramOf(H), rank))
  const kept = values.filter(value => value > NULL_SHARE * values[0])
  const size = kept.length
  const turned = new Float64Array(count * size)
  for (let j = 0; j < count; j++) {
    for (let i = 0; i < size; i++) {
      for (let r = 0; r < rank; r++) turned[j * size + i] += vectors[i][r] * data[j * rank + r]
    }
  }
  return { values: kept, columns: { data: turned, rank: size, count } }
}

/** λmax(A^(−½)·(A² + κ·(S − A²))·A^(−½)), in A's eigenbasis. */
function oneStepCurvature(H: Columns, kappa: number): number {
  const { values, columns } = inRange(H)
  const { rank: size, count } = columns
  if (size === 0) return 0
  const norms = squaredNorms(H)
  const M = gramOf(columns, j => kappa * count * norms[j])
  for (let i = 0; i < size; i++) {
    M[i * size + i] += (1 - kappa) * values[i] ** 2
    for (let k = 0; k < size; k++) M[i * size + k] /= Math.sqrt(values[i] * values[k])
  }
  return run(symmetricEigen(M, size)).values[0]
}

/**
 * Twice the largest eigenvalue of C^(−½)·M·C^(−½), over symmetric r × r matrices P: the second moment of the error goes from
 * P to P − η·C(P) + η²·M(P), with C(P) = AP + PA and M(P) = APA + κ·(n·Σ (h_jᵀPh_j)·h_j·h_jᵀ − APA). That map takes positive
 * semidefinite matrices to such, so its spectral radius is an eigenvalue, and is below 1 just where C − η·M is positive.
 */
function meanSquareCurvature(H: Columns, kappa: number): number {
  const { values, columns } = inRange(H)
  const { rank: size, count, data } = columns
  if (size === 0) return 0
  // an orthonormal basis of symmetric matrices: E_ii, and (E_ik + E_ki)/√2; C is diagonal there
  const pairs = Array.from({ length: size }, (_, i) => Array.from({ length: i + 1 }, (_, k) => [i, k] as const)).flat()
  const wide = pairs.length
  const roots = pairs.map(([i, k]) => Math.sqrt(values[i] + values[k]))
  const M = new Float64Array(wide * wide)
  const p = new Float64Array(wide)
  for (let j = 0; j < count; j++) {
    pairs.forEach(([i, k], at) => {
      p[at] = ((i === k ? 1 : Math.SQRT2) * data[j * size + i] * data[j * size + k]) / roots[at]
    })
    for (let a = 0; a < wide; a++) for (let b = 0; b < wide; b++) M[a * wide + b] += kappa * count * p[a] * p[b]
  }
  pairs.forEach(([i, k], at) => {
    M[at * wide + at] += ((1 - kappa) * values[i] * values[k]) / roots[at] ** 2
  })
  return 2 * run(symmetricEigen(M, wide)).values[0]
}

/**
 * How large the learning rate of projected stochastic gradient descent on W may be for ½‖V − WH‖², from H (rank × columns,
 * ≥ 0, dense) alone. For batches of rows of V, which move H, give Wᵀ.
 *
 * With every rate in (0, 2θ/𝓛], θ < 1, chosen before its batch is drawn, E‖W − W*‖² falls by the factor
 * 1 − η·(2 − (1 + τ)·η·𝓛)·λmin(A) in each step up to (1 + 1/τ)·η²·σ*², for any τ > 0 with (1 + τ)·η·𝓛 < 2, where
 * σ*² = E‖G_B(W*) − ∇f(W*)‖² (theorem T1, derived here; proof in docs/stability.md). Where V = W*H, σ* is 0 and τ may
 * come as near to 0 as one likes. For the full batch the bound is 2/L, at which descent turns into divergence (T0). For
 * rates that look at the batch first (line searches, Polyak steps, hypergradients of the same batch), `kind: 'batch'` or
 * `batch: 1` keeps steps from moving away from W* where V = W*H (T1b). Gradients of ‖V − WH‖² without the ½ take half of it,
 * and means over the columns of a batch, in place of n/b times their sum, n times as much.
 *
 *     stabilityBound([[1, 0, 2], [0, 1, 1]])               // 1/3 = 2/λmax(HHᵀ)
 *     stabilityBound([[1, 0, 2], [0, 1, 1]], { batch: 1 }) // 2/15
 *
 * @returns ∞ where H is all zeros, as no rate moves W there
 * @throws NonnegError ERR_NONNEG_OPTION for options; _SHAPE, _NEGATIVE, _NOT_FINITE for H
 */
export function stabilityBound(H: FactorInput, options: StabilityOptions = {}): number {
  checkObject('options', options, 'an object')
  checkNames(options, ['batch', 'replacement', 'kind', 'total'], 'option of stabilityBound')
  const columns = vectorsOf(H, 'H', 'columns')
  // every curvature grows with the square of H, which may leave the range of numbers where the bound does not
  const largest = columns.data.reduce((most, entry) => Math.max(most, entry), 0)
  const unit = largest > 0 ? 2 ** Math.floor(Math.log2(largest)) : 1
  const scaled = { ...columns, data: columns.data.map(entry => entry / unit) }
  return 2 / curvatureOf(scaled, options) / unit / unit
}

/** What 2 is to be divided by. */
function curvatureOf(columns: Columns, options: StabilityOptions): number {
  const { rank, count } = columns
  const kind = oneOf('kind', options.kind ?? 'predictable', KINDS)
  if (kind === 'batch') {
    const total = whole('total', options.total ?? count, count)
    return (total / count) * largestEigenvalue(columns)
  }
  const replacement = flag('replacement', options.replacement ?? false)
  const batch = whole('batch', options.batch ?? count, 1, replacement ? Number.MAX_SAFE_INTEGER : count)
  const kappa = spread(batch, count, replacement)
  if (kind === 'one-step') return oneStepCurvature(columns, kappa)
  if (kind === 'predictable') return predictableCurvature(columns, kappa)
  if (rank <= LARGEST_EXACT_RANK) return meanSquareCurvature(columns, kappa)
  throw new NonnegError(
    'ERR_NONNEG_OPTION',
    `kind: 'mean-square' is for ranks up to ${LARGEST_EXACT_RANK}, not ${rank}`,
    {
      detail: { option: 'kind', rank },
      fix: "use kind: 'one-step'",
    },
  )
}

/** 𝓛. */
function predictableCurvature(H: Columns, kappa: number): number {
  const squares = squaredNorms(H).reduce((most, square) => Math.max(most, square), 0)
  return (1 - kappa) * largestEigenvalue(H) + kappa * H.count * squares
}

/** Where noise keeps the loss. */
export interface NoiseFloorOptions {
  /** m, the rows of W. */
  readonly rows: number
  /** σ, the standard deviation of the noise in each entry of the gradient. */
  readonly noise: number
  /** η */
  readonly rate: number
}

/**
 * What independent noise in every entry of the gradient leaves above the least loss in the long run, in the mean:
 * ½·m·σ²·η·Σ 1/(2 − η·λᵢ) over λᵢ > 0, full batch, as long as no entry meets the projection (theorem T2, derived here). So
 * half the rate is about half the floor. ∞ where η is 2/L or more.
 * @throws NonnegError as `stabilityBound`
 */
export function noiseFloor(H: FactorInput, { rows, noise, rate }: NoiseFloorOptions): number {
  whole('rows', rows, 1)
  finite('noise', noise)
  finite('rate', rate)
  const { values } = inRange(vectorsOf(H, 'H', 'columns'))
  if (values.length > 0 && rate * values[0] >= 2) return Number.POSITIVE_INFINITY
  return 0.5 * rows * noise ** 2 * rate * values.reduce((sum, value) => sum + 1 / (2 - rate * value), 0)
}

/**
 * A rate from the data alone: at η ≤ 1/(√r·‖V‖) alternating projected steps on W and H over the full batch never raise the
 * loss, for all time, where the start is scaled and each step is taken from balanced factors (`balancedScales`; theorem T3, derived here):
 * on the level set of ‖V − WH‖ ≤ ‖V‖ both HHᵀ and WᵀW have no eigenvalue above 2·√r·‖V‖. Two to four times below what the
 * factors at hand would allow.
 * @param norm ‖V‖ in the Frobenius norm
 * @throws NonnegError ERR_NONNEG_RANK, _OPTION
 */
export function dataBound(norm: number, rank: number): number {
  return 1 / (Math.sqrt(whole('rank', rank, 1)) * finite('norm', norm))
}

/** What the scales of a start come from. */
export interface StartSums {
  /** Σ w² of each column of W. */
  readonly squaresW: ArrayLike<number>
  /** Σ h² of each row of H. */
  readonly squaresH: ArrayLike<number>
  /** ⟨V, WH⟩ */
  readonly product: number
  /** ‖WH‖² */
  readonly squaredNorm: number
}

/** What each column of W and each row of H is to be multiplied by. */
export interface StartScales {
  readonly W: Float64Array
  readonly H: Float64Array
}

/**
 * The start that theorem T3 asks for: each factor times √(⟨V, WH⟩ / ‖WH‖²), after which ½‖V − WH‖² ≤ ½‖V‖², and as much of
 * each component in W as in H, which leaves WH as it is. A component that is zero on one side becomes zero on both, and all do
 * where V and WH have no entry in common. To balance alone, say `product` = `squaredNorm`.
 * @throws NonnegError ERR_NONNEG_OPTION for numbers that are negative or not finite
 */
export function balancedScales({ squaresW, squaresH, product, squaredNorm }: StartSums): StartScales {
  finite('product', product)
  finite('squaredNorm', squaredNorm)
  if (squaresW.length !== squaresH.length) {
    throw refuse('squaresH', squaresH.length, `as long as squaresW, which has ${squaresW.length}`)
  }
  const scale = squaredNorm > 0 ? Math.sqrt(product / squaredNorm) : 1
  const scales = (own: ArrayLike<number>, other: ArrayLike<number>) =>
    Float64Array.from(own, (square, k) => (square > 0 && other[k] > 0 ? scale * (other[k] / square) ** 0.25 : 0))
  return { W: scales(squaresW, squaresH), H: scales(squaresH, squaresW) }
}

/** What bounds a step that moves both factors at once. */
export interface JointOptions {
  /** ‖WH − V‖₂, or anything above it, such as √(2·loss). */
  readonly residual: number
  /** c: no entry of either factor moves further in one step. */
  readonly limit: number
}

/**
 * How large the rate of a step that moves W (m × rank) and H (rank × n) at once may be where no entry moves further than
 * `limit`: 2/L_δ with δ = c·√(rank·(m + n)), s the spectral norms of W and H and ρ that of WH − V:
 * L_δ = (s_W + δ)² + (s_H + δ)² + ρ + (s_W + s_H)·δ + δ². Below it the loss falls by (1/η − L_δ/2)·‖Δ‖² at least,
 * Δ being the step after projection and cut (theorem T4, derived here). Noise of power s² in the gradient adds at most η·s² in the mean.
 * @throws NonnegError as `stabilityBound`; ERR_NONNEG_SHAPE where the factors do not fit
 */
export function jointBound(W: FactorInput, H: FactorInput, { residual, limit }: JointOptions): number {
  finite('residual', residual)
  finite('limit', limit)
  const [left, right] = [vectorsOf(W, 'W', 'rows'), vectorsOf(H, 'H', 'columns')]
  if (left.rank !== right.rank) {
    throw new NonnegError('ERR_NONNEG_SHAPE', `W has ${left.rank} columns, H has ${right.rank} rows`)
  }
  const [w, h] = [Math.sqrt(largestEigenvalue(left)), Math.sqrt(largestEigenvalue(right))]
  const move = limit * Math.sqrt(right.rank * (left.count + right.count))
  return 2 / ((w + move) ** 2 + (h + move) ** 2 + residual + (w + h) * move + move ** 2)
}
