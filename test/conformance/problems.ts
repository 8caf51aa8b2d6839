import type { CsrView, DenseView } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'

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
