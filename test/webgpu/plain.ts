import type { FitSpec, Problem } from '../../ts/backends/backend.js'
import type { CsrView, DenseView, MatrixView } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'

export const SPEC = (rank: number): FitSpec => ({ rank, beta: 2, rule: 'mu', dtype: 'f32' })

export function dense(rows: number, columns: number, seed = 1): DenseView {
  const random = new Random(seed)
  const left = Float64Array.from({ length: rows * 3 }, () => random.uniform())
  const right = Float64Array.from({ length: columns * 3 }, () => random.uniform())
  const data = new Float32Array(rows * columns)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let value = 0.2 * random.uniform()
      for (let r = 0; r < 3; r++) value += left[i * 3 + r] * right[j * 3 + r]
      data[i * columns + j] = value
    }
  }
  return { kind: 'dense', data, rows, columns, stride: columns, offset: 0 }
}

/** Row 0 is full, so that one row is much longer than the others. */
export function sparse(rows: number, columns: number, share: number, seed = 1): CsrView {
  const random = new Random(seed)
  const indptr = new Uint32Array(rows + 1)
  const indices: number[] = []
  const values: number[] = []
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      if (i > 0 && (i % 5 === 4 || random.uniform() > share)) continue
      indices.push(j)
      values.push(1 + random.below(5))
    }
    indptr[i + 1] = indices.length
  }
  return { kind: 'csr', indptr, indices: Uint32Array.from(indices), values: Float32Array.from(values), rows, columns }
}

export function entriesOf(X: MatrixView): Float64Array {
  const all = new Float64Array(X.rows * X.columns)
  for (let i = 0; i < X.rows; i++) {
    if (X.kind === 'dense') {
      for (let j = 0; j < X.columns; j++) all[i * X.columns + j] = X.data[X.offset + i * X.stride + j]
    } else {
      for (let p = X.indptr[i]; p < X.indptr[i + 1]; p++) all[i * X.columns + X.indices[p]] += X.values[p]
    }
  }
  return all
}

export function problemOf(X: MatrixView, rank: number, seed = 3): Problem {
  const random = new Random(seed)
  const factor = (rows: number, columns: number): DenseView => {
    const data = Float32Array.from({ length: rows * columns }, () => random.uniform())
    return { kind: 'dense', data, rows, columns, stride: columns, offset: 0 }
  }
  const squaredNorm = entriesOf(X).reduce((sum, value) => sum + value * value, 0)
  return { X, squaredNorm, W: factor(X.rows, rank), H: factor(rank, X.columns) }
}

export interface Plain {
  readonly losses: number[]
  readonly W: Float64Array
  readonly H: Float64Array
}

/** The multiplicative updates in float64, entry by entry. */
export function plainFit({ X, W: W0, H: H0 }: Problem, iterations: number): Plain {
  const { rows, columns } = X
  const rank = W0.columns
  const x = entriesOf(X)
  const W = Float64Array.from(W0.data)
  const H = Float64Array.from(H0.data)
  const losses: number[] = []
  const product = () => {
    const out = new Float64Array(rows * columns)
    for (let i = 0; i < rows; i++) {
      for (let r = 0; r < rank; r++) {
        const w = W[i * rank + r]
        for (let j = 0; j < columns; j++) out[i * columns + j] += w * H[r * columns + j]
      }
    }
    return out
  }
  for (let iteration = 0; iteration < iterations; iteration++) {
    let model = product()
    for (let i = 0; i < rows; i++) {
      for (let r = 0; r < rank; r++) {
        let above = 0
        let below = 0
        for (let j = 0; j < columns; j++) {
          above += x[i * columns + j] * H[r * columns + j]
          below += model[i * columns + j] * H[r * columns + j]
        }
        W[i * rank + r] = below > 0 ? (W[i * rank + r] * above) / below : 0
      }
    }
    model = product()
    for (let r = 0; r < rank; r++) {
      for (let j = 0; j < columns; j++) {
        let above = 0
        let below = 0
        for (let i = 0; i < rows; i++) {
          above += x[i * columns + j] * W[i * rank + r]
          below += model[i * columns + j] * W[i * rank + r]
        }
        H[r * columns + j] = below > 0 ? (H[r * columns + j] * above) / below : 0
      }
    }
    losses.push(0.5 * product().reduce((sum, value, at) => sum + (x[at] - value) ** 2, 0))
  }
  return { losses, W, H }
}
