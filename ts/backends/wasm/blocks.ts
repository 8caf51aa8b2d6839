import { windowOf } from './batch.js'
import { beginColumns, beginRows, buffersOf, finishColumns, finishRows } from './gram.js'
import { blockOf } from './parts.js'
import { keptW } from './stochastic-rules.js'
import { type DenseFit, isStopped, type Phase, type Steps, type Thread } from './thread.js'

/** Adds the squares of a block to those of the lane. */
function addSquares(
  thread: Thread,
  fit: DenseFit,
  lane: number,
  rows: number,
  columns: number,
  { x, xStride }: ReturnType<typeof blockOf>,
): void {
  for (let i = 0; i < rows; i++) {
    const row = x + i * xStride
    thread.addTo('squares', fit, lane, fit.kernels.dot(columns, row, row))
  }
}

/** A lane's rows: X·Hᵀ from blocks side by side, then W. */
export function* blockRows(thread: Thread, fit: DenseFit, phase: Phase, lane: number): Steps<void> {
  const { kernels, layout } = fit
  const { stride, paddedRank, paddedColumns, H, hStride, part, size } = layout
  const { x, n } = buffersOf(thread, fit)
  const bounds = thread.bounds(fit, phase)
  beginRows(thread, fit, lane)
  for (let row = bounds[lane]; row < bounds[lane + 1]; row += part.rows) {
    const rows = Math.min(part.rows, bounds[lane + 1] - row)
    for (let column = 0; column < paddedColumns && phase !== 'snapshotRows'; column += part.columns) {
      if (isStopped(fit)) return
      const columns = Math.min(part.columns, paddedColumns - column)
      const block = blockOf(thread, fit, fit.source, { row, column, rows, columns }, x)
      const h = H + column * size
      kernels.xht_dense(rows, columns, paddedRank, block.x, block.xStride, h, hStride, n, stride, column > 0 ? 1 : 0)
      if (phase === 'batchRows') addSquares(thread, fit, lane, rows, columns, block)
      yield 'part'
    }
    finishRows(thread, fit, phase, lane, row, rows)
  }
}

/** A lane's columns: XᵀW from blocks one below the other, then Ht. */
export function* blockColumns(thread: Thread, fit: DenseFit, phase: Phase, lane: number): Steps<void> {
  const { kernels, layout } = fit
  const { stride, paddedRank, paddedRows, part, columnBounds } = layout
  const { x, n, m } = buffersOf(thread, fit)
  const kept = keptW(thread, fit, phase)
  const [start, end] = phase === 'batchColumns' ? windowOf(thread, fit) : [0, paddedRows]
  beginColumns(thread, fit, lane)
  for (let column = columnBounds[lane]; column < columnBounds[lane + 1]; column += part.transposedColumns) {
    const columns = Math.min(part.transposedColumns, columnBounds[lane + 1] - column)
    if (phase !== 'gram') thread.zero(n, columns * stride)
    if (kept !== undefined) thread.zero(m, columns * stride)
    for (let row = start; row < end && phase !== 'gram'; row += part.transposedRows) {
      if (isStopped(fit)) return
      const rows = Math.min(part.transposedRows, end - row)
      const block = blockOf(thread, fit, fit.source, { row, column, rows, columns }, x)
      const w = layout.W + row * stride
      kernels.xtw_dense(rows, columns, paddedRank, block.x, block.xStride, w, stride, n, stride)
      if (kept !== undefined) {
        const w0 = kept + row * stride
        kernels.xtw_dense(rows, columns, paddedRank, block.x, block.xStride, w0, stride, m, stride)
      }
      yield 'part'
    }
    finishColumns(thread, fit, phase, lane, column, columns, n, m)
    yield 'part'
  }
}
