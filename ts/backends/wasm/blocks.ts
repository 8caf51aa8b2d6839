import { beginColumns, beginRows, buffersOf, finishColumns, finishRows } from './gram.js'
import { blockOf } from './parts.js'
import { type DenseFit, isStopped, type Phase, type Steps, type Thread } from './thread.js'

/** A lane's rows: X·Hᵀ from blocks side by side, then W. */
export function* blockRows(thread: Thread, fit: DenseFit, phase: Phase, lane: number): Steps<void> {
  const { kernels, layout } = fit
  const { stride, paddedRank, paddedColumns, H, hStride, part, rowBounds, size } = layout
  const { x, n } = buffersOf(thread, fit)
  beginRows(thread, fit, lane)
  for (let row = rowBounds[lane]; row < rowBounds[lane + 1]; row += part.rows) {
    const rows = Math.min(part.rows, rowBounds[lane + 1] - row)
    for (let column = 0; column < paddedColumns; column += part.columns) {
      if (isStopped(fit)) return
      const columns = Math.min(part.columns, paddedColumns - column)
      const block = blockOf(thread, fit, fit.source, { row, column, rows, columns }, x)
      const h = H + column * size
      kernels.xht_dense(rows, columns, paddedRank, block.x, block.xStride, h, hStride, n, stride, column > 0 ? 1 : 0)
      yield 'part'
    }
    finishRows(thread, fit, phase, lane, row, rows)
  }
}

/** A lane's columns: XᵀW from blocks one below the other, then Ht. */
export function* blockColumns(thread: Thread, fit: DenseFit, phase: Phase, lane: number): Steps<void> {
  const { kernels, layout } = fit
  const { stride, paddedRank, paddedRows, part, columnBounds } = layout
  const { x, n } = buffersOf(thread, fit)
  beginColumns(thread, fit, lane)
  for (let column = columnBounds[lane]; column < columnBounds[lane + 1]; column += part.transposedColumns) {
    const columns = Math.min(part.transposedColumns, columnBounds[lane + 1] - column)
    if (phase === 'columns') thread.zero(n, columns * stride)
    for (let row = 0; row < paddedRows && phase === 'columns'; row += part.transposedRows) {
      if (isStopped(fit)) return
      const rows = Math.min(part.transposedRows, paddedRows - row)
      const block = blockOf(thread, fit, fit.source, { row, column, rows, columns }, x)
      const w = layout.W + row * stride
      kernels.xtw_dense(rows, columns, paddedRank, block.x, block.xStride, w, stride, n, stride)
      yield 'part'
    }
    finishColumns(thread, fit, phase, lane, column, columns, n)
    yield 'part'
  }
}
