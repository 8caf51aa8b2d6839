import type { Loss } from '../problem.js'
import type { Matrix } from './matrix.js'

type Numbers = Float32Array | Float64Array

/** Below this scikit-learn takes an entry of W·H to be this (float32's ε), lest a zero where X has none make the loss infinite. */
const EPSILON = 2 ** -23

/**
 * The loss of factors in float64, whoever made them: ½‖X − WH‖², or the Kullback–Leibler divergence. W is rows × rank, H is
 * rank × columns. Zeros of a sparse X cost nothing: what W·H has in all is summed by its factors.
 */
export function exactLoss(X: Matrix, W: Numbers, H: Numbers, rank: number, loss: Loss): number {
  const { rows, columns } = X
  const Ht = transposed(H, rank, columns)
  const at = (i: number, j: number) => {
    let sum = 0
    for (let r = 0; r < rank; r++) sum += W[i * rank + r] * Ht[j * rank + r]
    return sum
  }
  // what an entry adds beyond the loss of a zero in its place
  const beyondZero =
    loss === 'frobenius'
      ? (x: number, wh: number) => 0.5 * x * x - x * wh
      : (x: number, wh: number) => (x === 0 ? 0 : x * Math.log(x / Math.max(EPSILON, wh)) - x)
  let sum = loss === 'frobenius' ? squares(W, Ht, rows, columns, rank) / 2 : products(W, Ht, rows, columns, rank)
  if ('data' in X) {
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) sum += beyondZero(X.data[i * columns + j], at(i, j))
    }
  } else {
    for (let i = 0; i < rows; i++) {
      for (let p = X.indptr[i]; p < X.indptr[i + 1]; p++) sum += beyondZero(X.values[p], at(i, X.indices[p]))
    }
  }
  return sum
}

function transposed(H: Numbers, rank: number, columns: number): Float64Array {
  const out = new Float64Array(H.length)
  for (let r = 0; r < rank; r++) for (let j = 0; j < columns; j++) out[j * rank + r] = H[r * columns + j]
  return out
}

function gram(F: Numbers, length: number, rank: number): Float64Array {
  const out = new Float64Array(rank * rank)
  for (let i = 0; i < length; i++) {
    for (let r = 0; r < rank; r++) {
      for (let s = 0; s < rank; s++) out[r * rank + s] += F[i * rank + r] * F[i * rank + s]
    }
  }
  return out
}

/** ‖WH‖² */
function squares(W: Numbers, Ht: Numbers, rows: number, columns: number, rank: number): number {
  const other = gram(Ht, columns, rank)
  return gram(W, rows, rank).reduce((sum, value, at) => sum + value * other[at], 0)
}

/** Σ WH */
function products(W: Numbers, Ht: Numbers, rows: number, columns: number, rank: number): number {
  const sums = (F: Numbers, length: number) => {
    const out = new Float64Array(rank)
    for (let i = 0; i < length * rank; i++) out[i % rank] += F[i]
    return out
  }
  const other = sums(Ht, columns)
  return sums(W, rows).reduce((sum, value, r) => sum + value * other[r], 0)
}
