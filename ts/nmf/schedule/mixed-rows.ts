import type { DenseView, MatrixView } from '../../core/matrix.js'
import { sparseRows } from '../shuffle.js'

/** Entries between two looks at the clock. */
const PIECE = 1 << 14

/** X with row `order[i]` at place i: sparse X copied, dense X in its own array, as another may be more than there is room for. */
export function* mixedRows(X: MatrixView, order: ArrayLike<number>): Generator<void, MatrixView> {
  if (X.kind === 'csr') return (yield* sparseRows(X, undefined, order)).X
  yield* mixInPlace(X, order)
  return X
}

function* mixInPlace(
  { data, rows, columns, stride, offset }: DenseView,
  order: ArrayLike<number>,
): Generator<void, void> {
  const isPlaced = new Uint8Array(rows)
  const kept = data.slice(0, columns)
  const row = (i: number) => data.subarray(offset + i * stride, offset + i * stride + columns)
  for (let first = 0, sinceYield = 0; first < rows; first++) {
    if (isPlaced[first] === 1) continue
    kept.set(row(first))
    // along the circle of rows each of which wants the place of the one before
    for (let place = first; ; ) {
      isPlaced[place] = 1
      const from = order[place]
      if (from === first) {
        row(place).set(kept)
        break
      }
      row(place).set(row(from))
      place = from
      sinceYield += columns
      if (sinceYield < PIECE) continue
      sinceYield = 0
      yield
    }
  }
}
