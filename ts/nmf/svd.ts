import type { Device, Problem } from '../backends/backend.js'
import { inSlices } from '../core/breathe.js'
import { abortError } from '../core/errors.js'
import {
  denseView,
  type FloatArray,
  type MatrixView,
  packedEntries,
  transposeCsr,
  transposeDense,
} from '../core/matrix.js'
import { Random } from '../core/random.js'
import { type Eigen, symmetricEigen } from '../core/symmetric-eigen.js'

/** The largest singular values of X with their vectors: X ≈ Σ_i values[i]·left[i]·right[i]ᵀ. */
export interface SingularVectors {
  readonly values: Float64Array
  /** Of `rows` entries each. */
  readonly left: readonly Float64Array[]
  /** Of `columns` entries each. */
  readonly right: readonly Float64Array[]
}

export interface SvdOptions {
  readonly dtype: 'f32' | 'f64'
  /** See `FitSpec`. Default: as `dtype` says. */
  readonly storage?: 'f16'
  readonly seed: number
  readonly signal: AbortSignal | undefined
  /** See `SETTLED`. */
  readonly settled: number
}

/** Vectors beyond those asked for, which let these converge sooner (Halko, Martinsson & Tropp, section 4.2). */
const OVERSAMPLING = 10
/** Wide X up to so many rows × columns are turned. */
const TURNED = 1 << 24
const MOST_ITERATIONS = 12
/**
 * Singular values whose estimates change by less than this share of the largest are taken as found. What their vectors are
 * off by is about its root: 1e-4. A start that nobody has asked for by name need not be as exact.
 */
export const SETTLED = { exactly: 1e-8, roughly: 1e-6 } as const

/**
 * The largest `count` singular values by subspace iteration from random vectors (Halko, Martinsson & Tropp, SIAM Review
 * 2011, algorithms 4.4 and 5.1), whose products with X are the device's: a sparse X stays sparse. In the precision of
 * `dtype`; values below about 1e-3 (f32) of the largest are lost in rounding.
 */
export async function largestSingular(
  device: Device,
  { X, squaredNorm }: Pick<Problem, 'X' | 'squaredNorm'>,
  count: number,
  { dtype, storage, seed, signal, settled }: SvdOptions,
): Promise<SingularVectors> {
  const options = { dtype, storage, seed, signal, settled }
  // by its shape alone, so that how X is stored does not show in the result
  if (X.columns <= X.rows || X.rows * X.columns > TURNED) return await ofX(device, { X, squaredNorm }, count, options)
  // what is made orthonormal again and again are vectors of as many entries as X has columns
  const turned = await inSlices(transposed(X), signal)
  const { values, left, right } = await ofX(device, { X: turned, squaredNorm }, count, options)
  return { values, left: right, right: left }
}

function* transposed(X: MatrixView): Generator<void, MatrixView> {
  if (X.kind === 'csr') return yield* transposeCsr(X)
  const { rows, columns } = X
  return denseView(yield* transposeDense(yield* packedEntries(X), rows, columns), columns, rows)
}

async function ofX(
  device: Device,
  { X, squaredNorm }: Pick<Problem, 'X' | 'squaredNorm'>,
  count: number,
  { dtype, storage, seed, signal, settled }: SvdOptions,
): Promise<SingularVectors> {
  const { rows, columns } = X
  const size = Math.min(count + OVERSAMPLING, rows, columns)
  const real = (length: number): FloatArray => (dtype === 'f64' ? new Float64Array(length) : new Float32Array(length))
  const drawn = await inSlices(centred(real(size * columns), new Random(seed, 2)), signal)
  let basis = (await inSlices(orthonormal(drawn, size, real), signal)).rows
  const W = denseView(real(rows * size), rows, size)
  const problem: Problem = { X, squaredNorm, W, H: denseView(basis, size, columns) }
  const fit = await device.createFit(problem, { rank: size, beta: 2, rule: 'product', dtype, storage })
  try {
    let known = new Float64Array(count)
    for (let iteration = 1; ; iteration++) {
      await fit.run(1, { signal })
      if (signal?.aborted) throw abortError(signal)
      const { W: products, H: next } = await fit.factors()
      // rows of `basis` are orthonormal, and next = (XᵀX·basisᵀ)ᵀ
      const { rows: turned, values } = await inSlices(orthonormal(next, size, real), signal)
      const estimates = Float64Array.from(values.subarray(0, count), Math.sqrt)
      const change = Math.max(...estimates.map((value, i) => Math.abs(value - known[i])))
      if (iteration === MOST_ITERATIONS || change <= settled * estimates[0]) {
        return await inSlices(vectorsOf(products, basis, rows, columns, size, Math.min(count, size)), signal)
      }
      known = estimates
      basis = turned
      await fit.setFactors({ W: products, H: basis })
    }
  } finally {
    await fit[Symbol.asyncDispose]()
  }
}

/** Entries of a vector that are worked on between two looks at the clock. */
const PIECE = 1024

/** From W = X·Qᵀ with orthonormal rows Q: the singular vectors within the space that Q spans. */
function* vectorsOf(
  W: FloatArray,
  Q: FloatArray,
  rows: number,
  columns: number,
  size: number,
  count: number,
): Generator<void, SingularVectors> {
  const gram = new Float64Array(size * size)
  for (let begin = 0; begin < rows; begin += PIECE) {
    addOuterProducts(gram, W, size, begin, Math.min(rows, begin + PIECE))
    yield
  }
  const { values, vectors } = yield* eigenOf(gram, size)
  const found = Array.from(values.subarray(0, count)).filter(value => value > 0)
  const left = []
  const right = []
  for (const [i, value] of found.entries()) {
    const [u, v] = [new Float64Array(rows), new Float64Array(columns)]
    combineColumns(u, W, size, vectors[i], 1 / Math.sqrt(value))
    yield
    for (let r = 0; r < size; r++) addRow(v, Q, r * columns, vectors[i][r])
    left.push(u)
    right.push(v)
    yield
  }
  return { values: Float64Array.from(found, Math.sqrt), left, right }
}

/** Adds the lower triangle of w·wᵀ for each of the packed rows w of W from `begin` to `end`. */
function addOuterProducts(gram: Float64Array, W: FloatArray, size: number, begin: number, end: number): void {
  for (let i = begin; i < end; i++) {
    for (let r = 0; r < size; r++) {
      const w = W[i * size + r]
      for (let s = 0; s <= r; s++) gram[r * size + s] += w * W[i * size + s]
    }
  }
}

/** scale · W·weights, of W packed with `size` columns. */
function combineColumns(out: Float64Array, W: FloatArray, size: number, weights: Float64Array, scale: number): void {
  for (let i = 0; i < out.length; i++) {
    let sum = 0
    for (let r = 0; r < size; r++) sum += W[i * size + r] * weights[r]
    out[i] = scale * sum
  }
}

function addRow(out: Float64Array, F: FloatArray, offset: number, weight: number): void {
  for (let j = 0; j < out.length; j++) out[j] += weight * F[offset + j]
}

/** Random entries between −½ and ½. */
function* centred(out: FloatArray, random: Random): Generator<void, FloatArray> {
  const piece = 1 << 14
  for (let begin = 0; begin < out.length; begin += piece) {
    const end = Math.min(out.length, begin + piece)
    random.fill(out, begin, end, 1)
    for (let i = begin; i < end; i++) out[i] -= 0.5
    yield
  }
  return out
}

/** From the lower triangle of a Gram matrix. */
function* eigenOf(gram: Float64Array, size: number): Generator<void, Eigen> {
  for (let r = 0; r < size; r++) for (let s = 0; s < r; s++) gram[s * size + r] = gram[r * size + s]
  return yield* symmetricEigen(gram, size)
}

/**
 * Orthonormal rows that span what `size` packed rows of F span, by the eigenvectors of F·Fᵀ, and the square roots of its
 * eigenvalues. Directions that rounding has made of nothing become zero.
 */
function* orthonormal(
  F: FloatArray,
  size: number,
  real: (length: number) => FloatArray,
): Generator<void, { rows: FloatArray; values: Float64Array }> {
  const { values, vectors } = yield* eigenOf(yield* gramOfRows(F, size), size)
  const turn = new Float64Array(size * size)
  for (const [i, value] of values.entries()) {
    if (!(value > 2 ** -40 * values[0])) continue
    for (let r = 0; r < size; r++) turn[i * size + r] = vectors[i][r] / Math.sqrt(value)
  }
  const [rows, width] = [real(F.length), F.length / size]
  for (let begin = 0; begin < width; begin += PIECE) {
    turnColumns(rows, F, turn, size, begin, Math.min(width, begin + PIECE))
    yield
  }
  return { rows, values: values.map(value => Math.sqrt(Math.max(0, value))) }
}

/** The lower triangle of F·Fᵀ, of `size` packed rows. */
function* gramOfRows(F: FloatArray, size: number): Generator<void, Float64Array> {
  const gram = new Float64Array(size * size)
  const width = F.length / size
  // columns that stay in the first cache while all pairs of rows pass over them
  const tile = 512
  for (let begin = 0; begin < width; begin += tile) {
    addGramOfColumns(gram, F, size, begin, Math.min(width, begin + tile))
    yield
  }
  return gram
}

/** Adds what the columns from `begin` to `end` have of it: two rows by two, so that what is loaded is used twice. */
function addGramOfColumns(gram: Float64Array, F: FloatArray, size: number, begin: number, end: number): void {
  const width = F.length / size
  for (let r = 0; r < size; r += 2) {
    const below = Math.min(r + 1, size - 1)
    for (let s = 0; s <= r; s += 2) {
      const beside = Math.min(s + 1, size - 1)
      let ac = 0
      let ad = 0
      let bc = 0
      let bd = 0
      for (let j = begin; j < end; j++) {
        const a = F[r * width + j]
        const b = F[below * width + j]
        const c = F[s * width + j]
        const d = F[beside * width + j]
        ac += a * c
        ad += a * d
        bc += b * c
        bd += b * d
      }
      gram[r * size + s] += ac
      if (beside > s) gram[r * size + beside] += ad
      if (below > r) gram[below * size + s] += bc
      if (below > r && beside > s) gram[below * size + beside] += bd
    }
  }
}

/** The columns from `begin` to `end` of turn·F, of `size` packed rows: a column at a time, of which two sums grow at once. */
function turnColumns(
  out: FloatArray,
  F: FloatArray,
  turn: Float64Array,
  size: number,
  begin: number,
  end: number,
): void {
  const width = F.length / size
  const column = new Float64Array(size)
  for (let j = begin; j < end; j++) {
    for (let r = 0; r < size; r++) column[r] = F[r * width + j]
    for (let i = 0; i < size; i += 2) {
      const below = Math.min(i + 1, size - 1)
      let a = 0
      let b = 0
      for (let r = 0; r < size; r++) {
        a += turn[i * size + r] * column[r]
        b += turn[below * size + r] * column[r]
      }
      out[i * width + j] = a
      out[below * width + j] = b
    }
  }
}
