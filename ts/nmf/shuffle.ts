import type { FitSpec, Problem, Weights } from '../backends/backend.js'
import { type CsrView, type DenseView, denseView, type FloatArray } from '../core/matrix.js'
import { Random } from '../core/random.js'

/** Numbers drawn from a seed for other ends have other streams. */
const ROWS_STREAM = 7
const BATCHES_STREAM = 8

/** Rows or entries between two looks at the clock. */
const PIECE = 1 << 14

/** Fisher and Yates' shuffle of 0 … count − 1. */
function* permutation(count: number, random: Random): Generator<void, Uint32Array> {
  const order = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    // a number between the first i + 1, which the new one takes the place of
    const j = random.below(i + 1)
    order[i] = order[j]
    order[j] = i
    if (i % PIECE === PIECE - 1) yield
  }
  return order
}

/** The row of X that stands at each place. */
export function* rowOrder(rows: number, seed: number): Generator<void, Uint32Array> {
  return yield* permutation(rows, new Random(seed, ROWS_STREAM))
}

/** The order of the batches of one pass; it depends on seed and pass alone. */
export function* batchOrder(count: number, seed: number, pass: number): Generator<void, Uint32Array> {
  return yield* permutation(count, new Random(seed, BATCHES_STREAM, pass))
}

/** Whether rows may change places: a hash knows them by their numbers. */
export function movesRows(weights: Weights | undefined): boolean {
  return weights?.kind !== 'holdout'
}

function like(values: FloatArray, length: number): FloatArray {
  return values instanceof Float64Array ? new Float64Array(length) : new Float32Array(length)
}

/** A packed copy with row `order[i]` at place i. */
export function* denseRows(F: DenseView, order: ArrayLike<number>): Generator<void, DenseView> {
  const { data, columns, stride, offset } = F
  const out = like(data, F.rows * columns)
  for (let i = 0, sinceYield = 0; i < F.rows; i++) {
    const from = offset + order[i] * stride
    out.set(data.subarray(from, from + columns), i * columns)
    sinceYield += columns + 8
    if (sinceYield < PIECE) continue
    sinceYield = 0
    yield
  }
  return denseView(out, F.rows, columns)
}

/** The same for sparse rows, with what else is listed entry by entry. */
export function* sparseRows(
  X: CsrView,
  listed: FloatArray | undefined,
  order: ArrayLike<number>,
): Generator<void, { X: CsrView; listed: FloatArray | undefined }> {
  const entries = X.indptr[X.rows]
  const indptr = new Uint32Array(X.rows + 1)
  const indices = new Uint32Array(entries)
  const values = like(X.values, entries)
  const others = listed && like(listed, entries)
  for (let i = 0, sinceYield = 0; i < X.rows; i++) {
    const [from, to] = [X.indptr[order[i]], X.indptr[order[i] + 1]]
    indices.set(X.indices.subarray(from, to), indptr[i])
    values.set(X.values.subarray(from, to), indptr[i])
    if (listed && others) others.set(listed.subarray(from, to), indptr[i])
    indptr[i + 1] = indptr[i] + to - from
    sinceYield += to - from + 8
    if (sinceYield < PIECE) continue
    sinceYield = 0
    yield
  }
  return { X: { ...X, indptr, indices, values }, listed: others }
}

/** X, its weights and W with row `order[i]` at place i; copies. */
export function* shuffledProblem(problem: Problem, order: ArrayLike<number>): Generator<void, Problem> {
  const { X, weights } = problem
  const W = yield* denseRows(problem.W, order)
  if (X.kind === 'dense') {
    return { ...problem, X: yield* denseRows(X, order), weights: yield* denseWeights(weights, order), W }
  }
  const listed = weights?.kind === 'entries' ? weights.values : undefined
  const moved = yield* sparseRows(X, listed, order)
  if (!moved.listed) return { ...problem, X: moved.X, weights: yield* denseWeights(weights, order), W }
  return { ...problem, X: moved.X, weights: { kind: 'entries', values: moved.listed }, W }
}

function* denseWeights(weights: Weights | undefined, order: ArrayLike<number>): Generator<void, Weights | undefined> {
  if (weights?.kind !== 'dense') return weights
  return yield* denseRows({ ...weights, kind: 'dense' }, order)
}

/** The way back: the place of each row. */
export function placesOf(order: Uint32Array): Uint32Array {
  const places = new Uint32Array(order.length)
  for (let i = 0; i < order.length; i++) places[order[i]] = i
  return places
}

/** A spec whose rows that stay are those at their places. */
export function shuffledSpec(spec: FitSpec, order: Uint32Array): FitSpec {
  if (!spec.frozenW) return spec
  const places = placesOf(order)
  return { ...spec, frozenW: spec.frozenW.map(row => places[row]).sort() }
}
