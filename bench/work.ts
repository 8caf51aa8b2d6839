import type { MatrixView } from '../ts/core/matrix.js'
import { iterationFlops } from '../ts/engine/flops.js'
import type { Work } from './contestant.js'
import { type FitProblem, LOSSES } from './problem.js'

/** A matrix of that shape and so many stored entries, and nothing in it. */
function shapeOf({ rows, columns, nonzeros }: FitProblem): MatrixView {
  if (nonzeros === undefined) {
    return { kind: 'dense', data: new Float32Array(0), rows, columns, stride: columns, offset: 0 }
  }
  const indptr = new Uint32Array(rows + 1).fill(nonzeros, 1)
  return { kind: 'csr', indptr, indices: new Uint32Array(0), values: new Float32Array(0), rows, columns }
}

/**
 * One iteration: all its flops, as the engine counts them, and the bytes that must move at least once. Dense X is read
 * once where both factors come from one sweep; sparse X lies there by rows and by columns, eight bytes an entry. Each
 * factor is read and written.
 */
export function iterationWork(problem: FitProblem): Work {
  const { rule, rows, rank, columns, nonzeros, dtype, loss = 'frobenius' } = problem
  const size = dtype === 'f64' ? 8 : 4
  const entries = nonzeros === undefined ? size * rows * columns : 2 * (4 + size) * nonzeros
  return {
    flops: iterationFlops({ X: shapeOf(problem), spec: { rank, rule, dtype, beta: LOSSES[loss] } }),
    bytes: entries + 2 * size * (rows + columns) * rank,
  }
}
