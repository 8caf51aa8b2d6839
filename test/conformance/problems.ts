import type { CsrView, DenseView, MatrixView } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'

/** One whole fit: the same problem for every backend. */
export interface FitProblem {
  readonly name: string
  readonly rank: number
  make(): MatrixView
}

/** Low rank plus a little noise, some entries zero. */
export function denseMatrix(
  rows: number,
  columns: number,
  options: { stride?: number; f64?: boolean } = {},
): DenseView {
  const stride = options.stride ?? columns
  const offset = stride - columns
  const random = new Random(11, rows * 31 + columns)
  const left = Array.from({ length: rows * 3 }, () => random.uniform())
  const right = Array.from({ length: 3 * columns }, () => random.uniform())
  const length = offset + rows * stride
  const data = options.f64 ? new Float64Array(length).fill(Number.NaN) : new Float32Array(length).fill(Number.NaN)
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let value = 0.1 * random.uniform()
      for (let r = 0; r < 3; r++) value += left[i * 3 + r] * right[r * columns + j]
      data[offset + i * stride + j] = random.below(6) === 0 ? 0 : value
    }
  }
  return { kind: 'dense', data, rows, columns, stride, offset }
}

/** Entries at `percent` per cent of the places, counts as in a bag of words, some rows and columns empty. */
export function sparseMatrix(rows: number, columns: number, percent: number): CsrView {
  const random = new Random(13, rows * 31 + columns)
  const indptr = new Uint32Array(rows + 1)
  const indices: number[] = []
  const values: number[] = []
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns && i % 7 !== 3; j++) {
      if (j % 11 === 5 || random.uniform() * 100 >= percent) continue
      indices.push(j)
      values.push(1 + random.below(9))
    }
    indptr[i + 1] = indices.length
  }
  return { kind: 'csr', indptr, indices: Uint32Array.from(indices), values: Float32Array.from(values), rows, columns }
}

export const fitProblems: readonly FitProblem[] = [
  { name: 'dense 1x1, rank 1', rank: 1, make: () => denseMatrix(1, 1) },
  { name: 'dense 1x37, rank 2', rank: 2, make: () => denseMatrix(1, 37) },
  { name: 'dense 41x1, rank 1', rank: 1, make: () => denseMatrix(41, 1) },
  { name: 'dense 5x3, rank 7 (above both dimensions)', rank: 7, make: () => denseMatrix(5, 3) },
  { name: 'dense 64x48, rank 8 (whole tiles)', rank: 8, make: () => denseMatrix(64, 48) },
  { name: 'dense 131x67, rank 5', rank: 5, make: () => denseMatrix(131, 67) },
  {
    name: 'dense 131x67, rank 17, float64, strided',
    rank: 17,
    make: () => denseMatrix(131, 67, { stride: 80, f64: true }),
  },
  { name: 'dense 307x53, rank 33', rank: 33, make: () => denseMatrix(307, 53) },
  // large enough that CPU backends share it out over threads
  { name: 'dense 900x310, rank 24', rank: 24, make: () => denseMatrix(900, 310) },
  { name: 'csr 1500x900, rank 20', rank: 20, make: () => sparseMatrix(1500, 900, 8) },
  { name: 'csr 3x4, rank 2, one entry', rank: 2, make: () => oneEntry() },
  { name: 'csr 97x131, rank 6', rank: 6, make: () => sparseMatrix(97, 131, 15) },
  { name: 'csr 211x89, rank 20', rank: 20, make: () => sparseMatrix(211, 89, 8) },
]

function oneEntry(): CsrView {
  return {
    kind: 'csr',
    indptr: Uint32Array.of(0, 0, 1, 1),
    indices: Uint32Array.of(2),
    values: Float32Array.of(5),
    rows: 3,
    columns: 4,
  }
}
