import { NonnegError } from '../core/errors.js'
import type { DenseView, FloatArray, MatrixView } from '../core/matrix.js'
import { denseView } from '../core/matrix.js'

/**
 * Largest entries from 2⁻²⁰ to 2²⁰ leave room in f32 for the products and squares of a fit, and put entries of the
 * factors that updates flush to zero (below 2⁻⁶³) far beneath what the others round away.
 */
const COMFORTABLE = 20

/** Beyond these powers of two the factors (the root of X's size) or the loss (its square) leave their type. */
const REACH = { f32: 200, f64: 480 } as const

/**
 * The exponent k for which X / 4ᵏ has a largest entry near 1, or 0 where X is comfortable as it is. Multiplicative
 * updates do not care about scale: X / 4ᵏ ≈ (W / 2ᵏ)(H / 2ᵏ), exactly, since powers of two round nothing.
 * @throws NonnegError ERR_NONNEG_DTYPE where the result would not fit
 */
export function scaleExponent(largest: number, dtype: 'f32' | 'f64'): number {
  if (largest === 0) return 0
  const exponent = Math.floor(Math.log2(largest))
  if (Math.abs(exponent) <= COMFORTABLE) return 0
  if (Math.abs(exponent) <= REACH[dtype]) return Math.trunc(exponent / 2)
  const message = `the largest entry of X is ${largest}, beyond 2^±${REACH[dtype]}: its factors or its loss would not fit ${dtype}`
  const fix = dtype === 'f32' && Math.abs(exponent) <= REACH.f64 ? "use dtype: 'f64', or scale X" : 'scale X'
  throw new NonnegError('ERR_NONNEG_DTYPE', message, { detail: { largest }, fix })
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
