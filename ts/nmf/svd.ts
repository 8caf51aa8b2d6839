import type { Device, Problem } from '../backends/backend.js'
import { inSlices } from '../core/breathe.js'
import { denseView, type FloatArray } from '../core/matrix.js'
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

/** Vectors beyond those asked for, which let these converge sooner (Halko, Martinsson & Tropp, section 4.2). */
const OVERSAMPLING = 10
const MOST_ITERATIONS = 12
/**
 * Singular values whose estimates change by less than this share of the largest are taken as found. What their vectors are
 * off by is about its root: 1e-4.
 */
const SETTLED = 1e-8

/**
 * The largest `count` singular values by subspace iteration from random vectors (Halko, Martinsson & Tropp, SIAM Review
 * 2011, algorithms 4.4 and 5.1), whose products with X are the device's: a sparse X stays sparse. In the precision of
 * `dtype`; values below about 1e-3 (f32) of the largest are lost in rounding.
 */
export async function largestSingular(
  device: Device,
  { X, squaredNorm }: Pick<Problem, 'X' | 'squaredNorm'>,
  count: number,
  dtype: 'f32' | 'f64',
  seed: number,
  signal?: AbortSignal,
): Promise<SingularVectors> {
  const { rows, columns } = X
  const size = Math.min(count + OVERSAMPLING, rows, columns)
  const real = (length: number): FloatArray => (dtype === 'f64' ? new Float64Array(length) : new Float32Array(length))
  const drawn = await inSlices(centred(real(size * columns), new Random(seed, 2)), signal)
  let basis = (await inSlices(orthonormal(drawn, size, real), signal)).rows
  const W = denseView(real(rows * size), rows, size)
  const problem: Problem = { X, squaredNorm, W, H: denseView(basis, size, columns) }
  const fit = await device.createFit(problem, { rank: size, beta: 2, rule: 'product', dtype })
  try {
    let known = new Float64Array(count)
    for (let iteration = 1; ; iteration++) {
      await fit.run(1, { signal })
      signal?.throwIfAborted()
      const { W: products, H: next } = await fit.factors()
      // rows of `basis` are orthonormal, and next = (XᵀX·basisᵀ)ᵀ
      const { rows: turned, values } = await inSlices(orthonormal(next, size, real), signal)
      const estimates = Float64Array.from(values.subarray(0, count), Math.sqrt)
      const change = Math.max(...estimates.map((value, i) => Math.abs(value - known[i])))
      if (iteration === MOST_ITERATIONS || change <= SETTLED * estimates[0]) {
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
  for (let i = 0; i < rows; i++) {
    for (let r = 0; r < size; r++) {
      const w = W[i * size + r]
      for (let s = 0; s <= r; s++) gram[r * size + s] += w * W[i * size + s]
    }
    yield
  }
  const { values, vectors } = yield* eigenOf(gram, size)
  const found = Array.from(values.subarray(0, count)).filter(value => value > 0)
  const left = []
  const right = []
  for (const [i, value] of found.entries()) {
    const [u, v] = [new Float64Array(rows), new Float64Array(columns)]
    const turn = vectors[i]
    for (let row = 0; row < rows; row++) {
      for (let r = 0; r < size; r++) u[row] += W[row * size + r] * turn[r]
      u[row] /= Math.sqrt(value)
      if (row % 1024 === 0) yield
    }
    for (let r = 0; r < size; r++) {
      for (let j = 0; j < columns; j++) v[j] += turn[r] * Q[r * columns + j]
      yield
    }
    left.push(u)
    right.push(v)
  }
  return { values: Float64Array.from(found, Math.sqrt), left, right }
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
  const width = F.length / size
  const gram = new Float64Array(size * size)
  for (let r = 0; r < size; r++) {
    const a = F.subarray(r * width, (r + 1) * width)
    for (let s = 0; s <= r; s++) {
      const b = F.subarray(s * width, (s + 1) * width)
      let sum = 0
      for (let j = 0; j < width; j++) sum += a[j] * b[j]
      gram[r * size + s] = sum
    }
    yield
  }
  const { values, vectors } = yield* eigenOf(gram, size)
  const rows = real(F.length)
  const sums = new Float64Array(width)
  for (const [i, value] of values.entries()) {
    if (!(value > 2 ** -40 * values[0])) continue
    sums.fill(0)
    for (let r = 0; r < size; r++) {
      const weight = vectors[i][r] / Math.sqrt(value)
      for (let j = 0; j < width; j++) sums[j] += weight * F[r * width + j]
    }
    rows.set(sums, i * width)
    yield
  }
  return { rows, values: values.map(value => Math.sqrt(Math.max(0, value))) }
}
