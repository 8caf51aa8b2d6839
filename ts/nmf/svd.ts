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
import { symmetricEigen } from '../core/symmetric-eigen.js'

/** The largest singular values of X with their vectors: X ≈ Σ_i values[i]·left[i]·right[i]ᵀ. */
export interface SingularVectors {
  readonly values: Float64Array
  /** Of `rows` entries each. */
  readonly left: readonly FloatArray[]
  /** Of `columns` entries each. */
  readonly right: readonly FloatArray[]
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
  const upright = await inSlices(transposed(X), signal)
  const { values, left, right } = await ofX(device, { X: upright, squaredNorm }, count, options)
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
  // the first product needs no orthonormal rows: those of chance are far from parallel
  let basis = await inSlices(centred(real(size * columns), new Random(seed, 2)), signal)
  const W = denseView(real(rows * size), rows, size)
  const problem: Problem = { X, squaredNorm, W, H: denseView(basis, size, columns) }
  const fit = await device.createFit(problem, { rank: size, beta: 2, rule: 'product', dtype, storage })
  try {
    let known = new Float64Array(count)
    for (let iteration = 1; ; iteration++) {
      await fit.run(1, { signal })
      if (signal?.aborted) throw abortError(signal)
      const { W: products, H: next } = await fit.factors()
      // from the second on, rows of `basis` are orthonormal; next = (XᵀX·basisᵀ)ᵀ
      const { rows: following, values } = await inSlices(orthonormal(next, size, real), signal)
      const estimates = Float64Array.from(values.subarray(0, count), Math.sqrt)
      const change = Math.max(...estimates.map((value, i) => Math.abs(value - known[i])))
      if (iteration === MOST_ITERATIONS || change <= settled * estimates[0]) {
        return await inSlices(vectorsOf(products, basis, size, Math.min(count, size), real), signal)
      }
      known = estimates
      basis = following
      await fit.setFactors({ W: products, H: basis })
    }
  } finally {
    await fit[Symbol.asyncDispose]()
  }
}

/** Entries of a panel's vectors between two looks at the clock; few enough to stay in the first cache for all pairs. */
const PIECE = 512

/**
 * `size` vectors of `width` entries: entry j of vector r is `data[r * across + j * along]`, so that the rows of one matrix and
 * the columns of another are one thing to the loops. They run a few times in a cold process, and engines optimise a loop
 * for each place where it stands.
 */
interface Panel {
  readonly data: FloatArray
  readonly size: number
  readonly width: number
  readonly across: number
  readonly along: number
}

/** The packed rows of a matrix. */
function rowsOf(data: FloatArray, size: number): Panel {
  return { data, size, width: data.length / size, across: data.length / size, along: 1 }
}

/** The packed columns. */
function columnsOf(data: FloatArray, size: number): Panel {
  return { data, size, width: data.length / size, across: 1, along: size }
}

/** From W = X·Qᵀ with orthonormal rows Q: the singular vectors within the space that Q spans. */
function* vectorsOf(
  W: FloatArray,
  Q: FloatArray,
  size: number,
  count: number,
  real: (length: number) => FloatArray,
): Generator<void, SingularVectors> {
  const [products, basis] = [columnsOf(W, size), rowsOf(Q, size)]
  const { values, vectors } = yield* symmetricEigen(yield* gramOf(products), size)
  const found = values.subarray(0, count).filter(value => value > 0)
  const scales = found.map(value => 1 / Math.sqrt(value))
  const left = yield* turned(products, turnOf(vectors, scales), real)
  const right = yield* turned(basis, turnOf(vectors, scales.fill(1)), real)
  return {
    values: found.map(Math.sqrt),
    left: splitRows(left, found.length),
    right: splitRows(right, found.length),
  }
}

function splitRows(data: FloatArray, rows: number): FloatArray[] {
  const width = data.length / rows
  return Array.from({ length: rows }, (_, i) => data.subarray(i * width, (i + 1) * width))
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

/**
 * Orthonormal rows that span what `size` packed rows of F span, by the eigenvectors of F·Fᵀ, and the square roots of its
 * eigenvalues. Directions that rounding has made of nothing become zero.
 */
function* orthonormal(
  F: FloatArray,
  size: number,
  real: (length: number) => FloatArray,
): Generator<void, { rows: FloatArray; values: Float64Array }> {
  const panel = rowsOf(F, size)
  const { values, vectors } = yield* symmetricEigen(yield* gramOf(panel), size)
  const scales = values.map(value => (value > 2 ** -40 * values[0] ? 1 / Math.sqrt(value) : 0))
  const rows = yield* turned(panel, turnOf(vectors, scales), real)
  return { rows, values: values.map(value => Math.sqrt(Math.max(0, value))) }
}

/** The first vectors, one for each scale, times it; packed. */
function turnOf(vectors: readonly Float64Array[], scales: Float64Array): Float64Array {
  const size = vectors.length
  const turn = new Float64Array(scales.length * size)
  for (const [i, scale] of scales.entries()) for (let r = 0; r < size; r++) turn[i * size + r] = scale * vectors[i][r]
  return turn
}

/** The inner products of all pairs of a panel's vectors, size × size. */
function* gramOf(panel: Panel): Generator<void, Float64Array> {
  const { size, width } = panel
  const gram = new Float64Array(size * size)
  for (let begin = 0; begin < width; begin += PIECE) {
    addGram(gram, panel, begin, Math.min(width, begin + PIECE))
    yield
  }
  for (let r = 0; r < size; r++) for (let s = 0; s < r; s++) gram[s * size + r] = gram[r * size + s]
  return gram
}

/** Adds what the entries from `begin` to `end` have of its lower triangle: two vectors by two, so that loads are used twice. */
function addGram(gram: Float64Array, { data, size, across, along }: Panel, begin: number, end: number): void {
  for (let r = 0; r < size; r += 2) {
    const below = Math.min(r + 1, size - 1)
    for (let s = 0; s <= r; s += 2) {
      const beside = Math.min(s + 1, size - 1)
      let ac = 0
      let ad = 0
      let bc = 0
      let bd = 0
      for (let j = begin * along; j < end * along; j += along) {
        const a = data[r * across + j]
        const b = data[below * across + j]
        const c = data[s * across + j]
        const d = data[beside * across + j]
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

/** turn·F of a panel's vectors F, packed row after row. */
function* turned(panel: Panel, turn: Float64Array, real: (length: number) => FloatArray): Generator<void, FloatArray> {
  const { size, width } = panel
  const out = real((turn.length / size) * width)
  for (let begin = 0; begin < width; begin += PIECE) {
    turnColumns(out, panel, turn, begin, Math.min(width, begin + PIECE))
    yield
  }
  return out
}

/** The columns from `begin` to `end` of it: a column at a time, of which two sums grow at once. */
function turnColumns(
  out: FloatArray,
  { data, size, width, across, along }: Panel,
  turn: Float64Array,
  begin: number,
  end: number,
): void {
  const count = turn.length / size
  const column = new Float64Array(size)
  for (let j = begin; j < end; j++) {
    for (let r = 0; r < size; r++) column[r] = data[r * across + j * along]
    for (let i = 0; i < count; i += 2) {
      const below = Math.min(i + 1, count - 1)
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
