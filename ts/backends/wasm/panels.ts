import { beginColumns, beginRows, buffersOf, finishColumns, finishRows } from './gram.js'
import { rowsOf } from './parts.js'
import { keptW } from './stochastic-rules.js'
import { type DenseFit, isStopped, type Phase, type Steps, type Thread } from './thread.js'

/** A lane's rows, panel by panel: W, and the lane's share of XᵀW and WᵀW from one reading of X. */
export function* panelRows(thread: Thread, fit: DenseFit, phase: Phase, lane: number): Steps<void> {
  const { kernels, layout } = fit
  const { stride, paddedRank, paddedColumns, H, hStride, part, size } = layout
  const { x, n } = buffersOf(thread, fit)
  const xStride = fit.source.stride * size
  const products = paddedColumns * stride
  const a = layout.laneA + lane * products
  const kept = keptW(thread, fit, phase)
  const m = (layout.reduction?.laneM ?? 0) + lane * products
  const bounds = thread.bounds(fit, phase)
  const isKeeping = phase === 'snapshotRows'
  const forColumns = phase === 'rows' || phase === 'batchRows' || isKeeping
  beginRows(thread, fit, lane)
  if (forColumns) thread.zero(a, products)
  if (kept !== undefined) thread.zero(m, products)
  for (let first = bounds[lane]; first < bounds[lane + 1] && !isStopped(fit); first += part.rows) {
    const count = Math.min(part.rows, bounds[lane + 1] - first)
    const panel = rowsOf(thread, fit, first, count, x)
    if (!isKeeping) kernels.xht_dense(count, paddedColumns, paddedRank, panel, xStride, H, hStride, n, stride, 0)
    if (phase === 'batchRows') thread.addTo('squares', fit, lane, kernels.dot(count * fit.source.stride, panel, panel))
    finishRows(thread, fit, phase, lane, first, count)
    const w = layout.W + first * stride
    if (forColumns) kernels.xtw_dense(count, paddedColumns, paddedRank, panel, xStride, w, stride, a, stride)
    if (kept !== undefined) {
      const w0 = kept + first * stride
      kernels.xtw_dense(count, paddedColumns, paddedRank, panel, xStride, w0, stride, m, stride)
    }
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
    const m = (layout.reduction?.laneM ?? 0) + first * stride
    const sums = phase === 'gram' ? [] : keptW(thread, fit, phase) === undefined ? [a] : [a, m]
    for (const sum of sums) {
      for (let other = 1; other < rowLanes; other++) {
        kernels.add(count * paddedRank, sum + other * paddedColumns * stride, sum)
      }
    }
    finishColumns(thread, fit, phase, lane, first, count, a, m)
    yield 'part'
  }
}
