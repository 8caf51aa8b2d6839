import { windowOf } from './batch.js'
import { csrParts, rowsAtOnce, type Window } from './csr-rows.js'
import { beginColumns, beginRows, buffersOf, finishColumns, finishRows } from './gram.js'
import type { CsrList } from './parts.js'
import type { CsrArrays } from './source.js'
import { keptW } from './stochastic-rules.js'
import { type GatherFit, isStopped, type Phase, type Steps, type Thread } from './thread.js'

/** Adds the squares of a part's values to those of the lane. */
function addSquares(
  thread: Thread,
  fit: GatherFit,
  lane: number,
  { indptr, ends, values }: CsrList,
  rows: number,
): void {
  const { u32 } = thread.views
  const [from, end] = [u32[indptr / 4], u32[ends / 4 + rows - 1]]
  const first = values + from * fit.layout.size
  thread.addTo('squares', fit, lane, fit.kernels.dot(end - from, first, first))
}

/** Rows of X or of its transpose, from `first` on, and the factors that they meet, each with where the products go. */
interface Task {
  readonly X: CsrArrays
  readonly factors: readonly (readonly [factor: number, products: number])[]
  readonly window: Window | undefined
  readonly first: number
  readonly rows: number
}

/** Products of CSR rows with factors; `look` is shown their parts. */
function* products(
  thread: Thread,
  fit: GatherFit,
  { X, factors, window, first, rows }: Task,
  look: ((part: CsrList) => void) | undefined,
): Steps<void> {
  const { stride, paddedRank } = fit.layout
  const { x } = buffersOf(thread, fit)
  let add = 0
  for (const part of csrParts(thread, fit, X, window, first, rows, x)) {
    if (isStopped(fit)) return
    const { indptr, ends, indices, values } = part
    for (const [factor, n] of factors) {
      fit.kernels.xht_csr(rows, paddedRank, indptr, ends, indices, values, factor, stride, n, stride, add)
    }
    look?.(part)
    // the sums of a row in several parts go on from one to the next
    add = 1
    yield 'part'
  }
}

/** A lane's rows: X·Hᵀ gathered, then W. */
export function* gatherRows(thread: Thread, fit: GatherFit, phase: Phase, lane: number): Steps<void> {
  const { byRow: X, layout } = fit
  const { x, n } = buffersOf(thread, fit)
  const bounds = thread.bounds(fit, phase)
  beginRows(thread, fit, lane)
  for (let first = bounds[lane]; first < bounds[lane + 1]; ) {
    const rows = rowsAtOnce(thread, fit, X, undefined, first, bounds[lane + 1] - first, x)
    const look = (part: CsrList) => addSquares(thread, fit, lane, part, rows)
    const task = { X, factors: [[layout.Ht, n]], window: undefined, first, rows } as const
    if (phase !== 'snapshotRows') yield* products(thread, fit, task, phase === 'batchRows' ? look : undefined)
    if (isStopped(fit)) return
    finishRows(thread, fit, phase, lane, first, rows)
    first += rows
  }
}

/** A lane's columns: XᵀW gathered by the rows of the transpose, then Ht. */
export function* gatherColumns(thread: Thread, fit: GatherFit, phase: Phase, lane: number): Steps<void> {
  const { byColumn: X, layout } = fit
  const { columnBounds } = layout
  const { x, n, m } = buffersOf(thread, fit)
  const kept = keptW(thread, fit, phase)
  const own = [layout.W, n] as const
  const factors = kept === undefined ? [own] : [own, [kept, m] as const]
  const window = phase === 'batchColumns' ? windowOf(thread, fit) : undefined
  beginColumns(thread, fit, lane)
  for (let first = columnBounds[lane]; first < columnBounds[lane + 1]; ) {
    const rows = rowsAtOnce(thread, fit, X, window, first, columnBounds[lane + 1] - first, x)
    if (phase !== 'gram') yield* products(thread, fit, { X, factors, window, first, rows }, undefined)
    if (isStopped(fit)) return
    finishColumns(thread, fit, phase, lane, first, rows, n, m)
    first += rows
  }
}
