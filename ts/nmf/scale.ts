import type { FitSpec, Penalty, SgdSpec } from '../backends/backend.js'
import { NonnegError } from '../core/errors.js'
import type { DenseView, FloatArray, MatrixView } from '../core/matrix.js'
import { denseView } from '../core/matrix.js'

/**
 * Largest entries up to 2²⁰ leave room in f32 for the products and squares of a fit. Down to 2⁻²⁰ they put factor entries
 * at the floor of updates (2⁻⁶³) far beneath what the others round away; where the model stands in a denominator, which
 * takes nothing below 2⁻²³, they must be larger.
 */
const LARGEST_COMFORTABLE = 20
const leastComfortable = (beta: number) => (beta === 2 ? -20 : -4)

/** Half precision has 28 powers of two below the largest entry's, if that is near 2¹³. */
const COMFORTABLE_HALF = { least: 0, most: 15, wanted: 13 } as const

/** Beyond these powers of two the factors (the root of X's size) leave their type. */
const REACH = { f32: 200, f64: 480 } as const
/** Losses, of the size of Xᵝ, are float64. */
const LOSS_REACH = 960

/**
 * The exponent k for which X / 4ᵏ has a largest entry near 1 (in half precision near 2¹³), or 0 where X is comfortable as it is. The problem does not
 * change with scale, but for its penalties: X / 4ᵏ ≈ (W / 2ᵏ)(H / 2ᵏ), exactly, since powers of two round nothing.
 * @throws NonnegError ERR_NONNEG_DTYPE where the result would not fit
 */
export function scaleExponent(
  largest: number,
  { dtype, beta, storage }: Pick<FitSpec, 'dtype' | 'beta' | 'storage'>,
): number {
  if (largest === 0) return 0
  const exponent = Math.floor(Math.log2(largest))
  const { least, most, wanted } = COMFORTABLE_HALF
  if (storage === 'f16' && exponent >= least && exponent <= most) return 0
  if (storage === undefined && exponent >= leastComfortable(beta) && exponent <= LARGEST_COMFORTABLE) return 0
  const reach = (type: 'f32' | 'f64') => Math.min(REACH[type], Math.floor(LOSS_REACH / Math.max(1, Math.abs(beta))))
  const target = storage === 'f16' ? wanted : 0
  if (Math.abs(exponent) <= reach(dtype)) return Math.trunc((exponent - target) / 2)
  const message = `the largest entry of X is ${largest}, beyond 2^±${reach(dtype)}: its factors or its loss would not fit ${dtype}`
  const fix = dtype === 'f32' && Math.abs(exponent) <= reach('f64') ? "use dtype: 'f64', or scale X" : 'scale X'
  throw new NonnegError('ERR_NONNEG_DTYPE', message, { detail: { largest }, fix })
}

/** What the loss of X is times that of X / 4ᵏ: every β-divergence is homogeneous of degree β. */
export function lossScale(beta: number, k: number): number {
  return 4 ** (k * beta)
}

/** The same for gradients with respect to a factor, which is 2ᵏ times its scaled self. */
export function gradientScale(beta: number, k: number): number {
  return lossScale(beta, k) / 2 ** k
}

/** The spec of the problem for X / 4ᵏ that has the same solution: penalties weigh against a loss of another size. */
export function scaleSpec(spec: FitSpec, k: number): FitSpec {
  if (k === 0) return spec
  const scaledPenalty = (penalty: Penalty | undefined) =>
    penalty && { l1: penalty.l1 / gradientScale(spec.beta, k), l2: (penalty.l2 * 4 ** k) / lossScale(spec.beta, k) }
  const scaledBound = (most: number | undefined) => most && most / 2 ** k
  const penalties = { penaltyW: scaledPenalty(spec.penaltyW), penaltyH: scaledPenalty(spec.penaltyH) }
  const sgd = spec.sgd && scaledSteps(spec.sgd, spec.beta, k)
  return { ...spec, ...penalties, sgd, maxW: scaledBound(spec.maxW), maxH: scaledBound(spec.maxH) }
}

function scaledSteps(sgd: SgdSpec, beta: number, k: number): SgdSpec {
  const { noise = 0, limit = Number.POSITIVE_INFINITY } = sgd
  return { ...sgd, noise: noise / gradientScale(beta, k), limit: limit / 2 ** k }
}

/** What lengths of steps are multiplied by on their way to a fit of X / 4ᵏ: η·g is of the size of a factor. */
export function rateScale(beta: number, k: number): number {
  return gradientScale(beta, k) / 2 ** k
}

const PIECE = 1 << 16

/** Powers beyond what one float64 holds are applied in two steps. */
function* scaled(values: FloatArray, exponent: number, out: FloatArray): Generator<void, FloatArray> {
  const half = 2 ** Math.trunc(exponent / 2)
  const rest = 2 ** (exponent - Math.trunc(exponent / 2))
  for (let i = 0; i < out.length; i++) {
    out[i] = values[i] * half * rest
    if (i % PIECE === PIECE - 1) yield
  }
  return out
}

/** A copy of X times 2^exponent, in f32 unless f64 is asked for. */
export function* scaleMatrix(X: MatrixView, exponent: number, dtype: 'f32' | 'f64'): Generator<void, MatrixView> {
  const make = (length: number) => (dtype === 'f64' ? new Float64Array(length) : new Float32Array(length))
  if (X.kind === 'csr') return { ...X, values: yield* scaled(X.values, exponent, make(X.indptr[X.rows])) }
  const data = make(X.rows * X.columns)
  for (let i = 0; i < X.rows; i++) {
    const begin = X.offset + i * X.stride
    const row = X.data.subarray(begin, begin + X.columns)
    yield* scaled(row, exponent, data.subarray(i * X.columns, (i + 1) * X.columns))
    yield
  }
  return denseView(data, X.rows, X.columns)
}

/** A copy of a factor times 2^exponent. */
export function* scaleFactor(F: DenseView, exponent: number, dtype: 'f32' | 'f64'): Generator<void, DenseView> {
  return (yield* scaleMatrix(F, exponent, dtype)) as DenseView
}
