import type { Random } from '../../ts/core/random.js'
import { symmetricEigen } from '../../ts/core/symmetric-eigen.js'

// Plain matrices, in which tests work out again what the code under test says.

export type Matrix = number[][]

export const make = (rows: number, columns: number, entry: (i: number, j: number) => number): Matrix =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => entry(i, j)))
export const uniform = (random: Random, rows: number, columns: number): Matrix =>
  make(rows, columns, () => random.uniform())
export const transpose = (A: Matrix): Matrix => make(A[0].length, A.length, (i, j) => A[j][i])
export const times = (A: Matrix, B: Matrix): Matrix =>
  make(A.length, B[0].length, (i, j) => A[i].reduce((sum, a, k) => sum + a * B[k][j], 0))
export const plus = (A: Matrix, B: Matrix, factor = 1): Matrix =>
  make(A.length, A[0].length, (i, j) => A[i][j] + factor * B[i][j])
export const projected = (A: Matrix): Matrix => A.map(row => row.map(a => Math.max(0, a)))
export const squares = (A: Matrix): number => A.flat().reduce((sum, a) => sum + a * a, 0)
export const inner = (A: Matrix, B: Matrix): number => A.flat().reduce((sum, a, at) => sum + a * B.flat()[at], 0)
export const columnsOf = (A: Matrix, list: readonly number[]): Matrix => A.map(row => list.map(j => row[j]))
export const lossOf = (V: Matrix, W: Matrix, H: Matrix): number => squares(plus(times(W, H), V, -1)) / 2
/** Of ½‖V − WH‖² with respect to W. */
export const gradient = (V: Matrix, W: Matrix, H: Matrix): Matrix => times(plus(times(W, H), V, -1), transpose(H))

export function eigenvalues(A: Matrix): Float64Array {
  const steps = symmetricEigen(Float64Array.from(A.flat()), A.length)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value.values
  }
}
export const spectralNorm = (A: Matrix): number => Math.sqrt(eigenvalues(times(A, transpose(A)))[0])

/** (n/b)·Σ over the batch. */
export function batchGradient(V: Matrix, W: Matrix, H: Matrix, batch: readonly number[]): Matrix {
  const scale = H[0].length / batch.length
  return gradient(columnsOf(V, batch), W, columnsOf(H, batch)).map(row => row.map(g => scale * g))
}

/** `size` of the numbers below `count`, each at most once. */
export function draw(random: Random, count: number, size: number): number[] {
  const all = Array.from({ length: count }, (_, j) => j)
  for (let i = 0; i < size; i++) {
    const j = i + random.below(count - i)
    ;[all[i], all[j]] = [all[j], all[i]]
  }
  return all.slice(0, size)
}

/** All sets of `size` numbers from `from` on, below `count`. */
export function subsets(count: number, size: number, from = 0): number[][] {
  if (size === 0) return [[]]
  return Array.from({ length: count - from }, (_, k) => from + k).flatMap(first =>
    subsets(count, size - 1, first + 1).map(rest => [first, ...rest]),
  )
}
