import { beginColumns, beginRows, buffersOf, finishColumns, finishRows } from './gram.js'
import { csrPart } from './parts.js'
import type { CsrArrays } from './source.js'
import { type GatherFit, isStopped, type Phase, type Steps, type Thread } from './thread.js'

/** How many rows from `first` on have at most `entries` entries together; at least one, at most `most`. */
export function rowsWithin(indptr: Uint32Array, first: number, most: number, entries: number): number {
  let low = 1
  for (let high = most; low < high; ) {
    const middle = Math.ceil((low + high) / 2)
    if (indptr[first + middle] - indptr[first] <= entries) low = middle
    else high = middle - 1
  }
  return low
}

/** Products of CSR rows first … first + rows − 1 with a factor, into the thread's buffer of products. */
function* products(
  thread: Thread,
  fit: GatherFit,
  X: CsrArrays,
  factor: number,
  first: number,
  rows: number,
): Steps<void> {
  const { stride, paddedRank, part } = fit.layout
  const { x, n } = buffersOf(thread, fit)
  const start = X.indptr[first]
  const all = X.indptr[first + rows]
  // one row may have more entries than a part: its sums then go on from piece to piece
  for (let from = start; from < all || from === start; from += part.entries) {
    if (isStopped(fit)) return
    const end = Math.min(all, from + part.entries)
    const { indptr, indices, values } = csrPart(thread, fit, X, { first, rows, from, end }, x)
    fit.kernels.xht_csr(rows, paddedRank, indptr, indices, values, factor, stride, n, stride, from > start ? 1 : 0)
    yield 'part'
    if (end === all) return
  }
}

/** A lane's rows: X·Hᵀ gathered, then W. */
export function* gatherRows(thread: Thread, fit: GatherFit, phase: Phase, lane: number): Steps<void> {
  const { part, rowBounds, Ht } = fit.layout
  beginRows(thread, fit, lane)
  for (let first = rowBounds[lane]; first < rowBounds[lane + 1]; ) {
    const most = Math.min(part.rows, rowBounds[lane + 1] - first)
    const count = rowsWithin(fit.byRow.indptr, first, most, part.entries)
    yield* products(thread, fit, fit.byRow, Ht, first, count)
    if (isStopped(fit)) return
    finishRows(thread, fit, phase, lane, first, count)
    first += count
  }
}

/** A lane's columns: XᵀW gathered by the rows of the transpose, then Ht. */
export function* gatherColumns(thread: Thread, fit: GatherFit, phase: Phase, lane: number): Steps<void> {
  const { part, columnBounds, W } = fit.layout
  const { n } = buffersOf(thread, fit)
  beginColumns(thread, fit, lane)
  for (let first = columnBounds[lane]; first < columnBounds[lane + 1]; ) {
    const most = Math.min(part.rows, columnBounds[lane + 1] - first)
    const count = rowsWithin(fit.byColumn.indptr, first, most, part.entries)
    if (phase === 'columns') yield* products(thread, fit, fit.byColumn, W, first, count)
    if (isStopped(fit)) return
    finishColumns(thread, fit, phase, lane, first, count, n)
    first += count
  }
}
