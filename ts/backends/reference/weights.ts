import { transposeDense } from '../../core/matrix.js'
import { holdout, holdoutThreshold } from '../../kernels/holdout.js'
import type { Weights } from '../backend.js'
import { packed } from './slices.js'

/** The weights of rows begin … end − 1 of X, or of its transpose, packed. */
export type WeightRows = (begin: number, end: number) => Float64Array

/** Weights of X and of its transpose; nothing where all are 1 or where they belong to listed entries. */
export function* weightRows(
  weights: Weights | undefined,
  rows: number,
  columns: number,
): Generator<void, readonly [] | readonly [WeightRows, WeightRows]> {
  if (weights?.kind === 'dense') {
    const all = yield* packed(weights)
    const transposed = (yield* transposeDense(all, rows, columns)) as Float64Array
    return [
      (begin, end) => all.subarray(begin * columns, end * columns),
      (begin, end) => transposed.subarray(begin * rows, end * rows),
    ]
  }
  if (weights?.kind === 'holdout') {
    return [
      (begin, end) => mask(weights, begin, 0, end - begin, columns),
      (begin, end) => transposedTile(mask(weights, 0, begin, rows, end - begin), rows, end - begin),
    ]
  }
  return []
}

function mask(
  { fraction, seed, complement }: Extract<Weights, { kind: 'holdout' }>,
  row: number,
  column: number,
  rows: number,
  columns: number,
): Float64Array {
  const V = new Float64Array(rows * columns)
  const threshold = holdoutThreshold(fraction)
  holdout.reference({ rows, columns, row, column, seed, threshold, complement: complement ? 1 : 0 }, { V })
  return V
}

function transposedTile(tile: Float64Array, rows: number, columns: number): Float64Array {
  return Float64Array.from(tile, (_, at) => tile[(at % rows) * columns + Math.floor(at / rows)])
}
