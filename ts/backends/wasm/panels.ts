import { beginColumns, beginRows, buffersOf, finishColumns, finishRows } from './gram.js'
import { rowsOf } from './parts.js'
import { type DenseFit, isStopped, type Phase, type Steps, type Thread } from './thread.js'

/** A lane's rows, panel by panel: W, and the lane's share of XᵀW and WᵀW from one reading of X. */
export function* panelRows(thread: Thread, fit: DenseFit, phase: Phase, lane: number): Steps<void> {
  const { kernels, layout } = fit
  const { stride, paddedRank, paddedColumns, H, hStride, part, size } = layout
  const { x, n } = buffersOf(thread, fit)
  const xStride = fit.source.stride * size
  const a = layout.laneA + lane * paddedColumns * stride
  const bounds = thread.bounds(fit, phase)
  const forColumns = phase === 'rows' || phase === 'batchRows'
  beginRows(thread, fit, lane)
  if (forColumns) thread.zero(a, paddedColumns * stride)
  for (let first = bounds[lane]; first < bounds[lane + 1] && !isStopped(fit); first += part.rows) {
    const count = Math.min(part.rows, bounds[lane + 1] - first)
    const panel = rowsOf(thread, fit, first, count, x)
    kernels.xht_dense(count, paddedColumns, paddedRank, panel, xStride, H, hStride, n, stride, 0)
    if (phase === 'batchRows') thread.addTo('squares', fit, lane, kernels.dot(count * fit.source.stride, panel, panel))
    finishRows(thread, fit, phase, lane, first, count)
    const w = layout.W + first * stride
    if (forColumns) kernels.xtw_dense(count, paddedColumns, paddedRank, panel, xStride, w, stride, a, stride)
    yield 'part'
  }
}

/** A lane's columns: the row lanes' shares of XᵀW added up in order, then Ht. */
export function* panelColumns(thread: Thread, fit: DenseFit, phase: Phase, lane: number): Steps<void> {
  const { kernels, layout } = fit
  const { stride, paddedRank, paddedColumns, part, columnBounds } = layout
  const rowLanes = thread.laneCount(fit, phase === 'batchColumns' ? 'batchRows' : 'rows')
  beginColumns(thread, fit, lane)
  for (let first = columnBounds[lane]; first < columnBounds[lane + 1]; first += part.transposedColumns) {
    if (isStopped(fit)) return
    const count = Math.min(part.transposedColumns, columnBounds[lane + 1] - first)
    const a = layout.laneA + first * stride
    if (phase !== 'gram') {
      for (let other = 1; other < rowLanes; other++) {
        kernels.add(count * paddedRank, a + other * paddedColumns * stride, a)
      }
    }
    finishColumns(thread, fit, phase, lane, first, count, a)
    yield 'part'
  }
}
