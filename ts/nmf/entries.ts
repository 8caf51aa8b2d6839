import type { MatrixView } from '../core/matrix.js'
import { holdoutThreshold, mix } from '../kernels/holdout.js'

/** The entries of one row after another: `entries(i)(j)`, good until the next row is asked for. */
export type RowEntries = (row: number) => (column: number) => number

/** Entries of a matrix; those that a CSR matrix does not list are 0. Duplicates must be added up before. */
export function entriesOfRow(X: MatrixView): RowEntries {
  if (X.kind === 'dense') {
    return row => {
      const start = X.offset + row * X.stride
      return column => X.data[start + column]
    }
  }
  const values = new Float64Array(X.columns)
  // the row that each value is of, plus one
  const owner = new Uint32Array(X.columns)
  return row => {
    for (let p = X.indptr[row]; p < X.indptr[row + 1]; p++) {
      values[X.indices[p]] = X.values[p]
      owner[X.indices[p]] = row + 1
    }
    return column => (owner[column] === row + 1 ? values[column] : 0)
  }
}

/** The weights 0 and 1 of a hold-out mask, as ts/kernels/holdout.ts has them. */
export function heldOut(fraction: number, seed: number, complement: boolean): RowEntries {
  const threshold = holdoutThreshold(fraction)
  const key = mix(seed)
  const [inside, outside] = complement ? [1, 0] : [0, 1]
  return row => {
    const rowKey = mix(key + row)
    return column => (mix(rowKey + column) < threshold ? inside : outside)
  }
}
