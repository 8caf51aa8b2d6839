import { beginColumns, beginRows, buffersOf, finishColumns, finishRows } from './gram.js'
import { paddedStride } from './layout.js'
import { type DenseFit, isStopped, type Phase, type Steps, type Thread } from './thread.js'

interface Block {
  readonly row: number
  readonly column: number
  readonly rows: number
  readonly columns: number
}

/** Copies a block of X to `to` and answers its stride there, in bytes. */
function load(thread: Thread, fit: DenseFit, { row, column, rows, columns }: Block, to: number): number {
  const { pieces, rowsPerPiece, stride } = fit.source
  const { size } = fit.layout
  const reals = thread.reals(fit)
  const blockStride = paddedStride(columns)
  for (let i = 0; i < rows; i++) {
    const within = (row + i) % rowsPerPiece
    const start = within * stride + column
    reals.set(pieces[(row + i - within) / rowsPerPiece].subarray(start, start + columns), to / size + i * blockStride)
  }
  return blockStride * size
}

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
      const xStride = load(thread, fit, { row, column, rows, columns }, x)
      const h = H + column * size
      kernels.xht_dense(rows, columns, paddedRank, x, xStride, h, hStride, n, stride, column > 0 ? 1 : 0)
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
      const xStride = load(thread, fit, { row, column, rows, columns }, x)
      const w = layout.W + row * stride
      kernels.xtw_dense(rows, columns, paddedRank, x, xStride, w, stride, n, stride)
      yield 'part'
    }
    finishColumns(thread, fit, phase, lane, column, columns, n)
    yield 'part'
  }
}
