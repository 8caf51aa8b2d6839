import { type DenseFit, isStopped, type Phase, type Steps, type Thread } from './thread.js'

/** Copies whole rows of X to `to`, as they lie. */
function load(thread: Thread, { source }: DenseFit, first: number, count: number, to: number): void {
  const { pieces, rowsPerPiece, stride } = source
  const { f32 } = thread.views
  for (let row = first; row < first + count; ) {
    const within = row % rowsPerPiece
    const taken = Math.min(first + count - row, rowsPerPiece - within)
    const piece = pieces[(row - within) / rowsPerPiece]
    f32.set(piece.subarray(within * stride, (within + taken) * stride), to / 4 + (row - first) * stride)
    row += taken
  }
}

/** A lane's rows, panel by panel: W, and the lane's share of XᵀW and WᵀW from one reading of X. */
export function* panelRows(thread: Thread, fit: DenseFit, phase: Phase, lane: number): Steps<void> {
  const { layout } = fit
  const { stride, paddedRank, paddedColumns, H, hStride, part, rowBounds } = layout
  const { x, n, scratch } = thread.buffers(fit)
  const xStride = fit.source.stride * 4
  const a = layout.laneA + lane * paddedColumns * stride
  const s = layout.laneS + lane * paddedRank * stride
  if (phase === 'rows') thread.zero(a, paddedColumns * stride)
  for (let first = rowBounds[lane]; first < rowBounds[lane + 1] && !isStopped(fit); first += part.rows) {
    const count = Math.min(part.rows, rowBounds[lane + 1] - first)
    load(thread, fit, first, count, x)
    if (phase === 'rows') {
      const w = layout.W + first * stride
      const { kernels } = thread
      kernels.sweep_dense(count, paddedColumns, paddedRank, x, xStride, H, hStride, layout.G, w, a, s, n, scratch)
    } else {
      thread.kernels.xht_dense(count, paddedColumns, paddedRank, x, xStride, H, hStride, n, stride, 0)
      thread.finishRows(fit, phase, lane, first, count)
    }
    yield 'part'
  }
}

/** A lane's columns: the row lanes' shares of XᵀW added up in order, then Ht. */
export function* panelColumns(thread: Thread, fit: DenseFit, phase: Phase, lane: number): Steps<void> {
  const { layout } = fit
  const { stride, paddedRank, paddedColumns, part, columnBounds, rowBounds } = layout
  for (let first = columnBounds[lane]; first < columnBounds[lane + 1]; first += part.transposedColumns) {
    if (isStopped(fit)) return
    const count = Math.min(part.transposedColumns, columnBounds[lane + 1] - first)
    const a = layout.laneA + first * stride
    if (phase === 'columns') {
      for (let other = 1; other < rowBounds.length - 1; other++) {
        thread.kernels.add(count * paddedRank, a + other * paddedColumns * stride, a)
      }
    }
    thread.finishColumns(fit, phase, lane, first, count, a)
    yield 'part'
  }
}
