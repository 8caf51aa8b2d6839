// The entries family: a CSR X at its listed entries alone. Either they are the only ones that count, each with a weight,
// or the loss is Kullback–Leibler and all others are zeros, of which the factors' totals know enough.

import {
  beginTotals,
  finishTotals,
  lossAt,
  moveByGradient,
  type Side,
  sideOf,
  totalsOfLane,
  visits,
} from './beta-family.js'
import { wantsWholeRows } from './beta-layout.js'
import { csrParts, rowsAtOnce } from './csr-rows.js'
import { keep, moveOn } from './extrapolation.js'
import { csrPart } from './parts.js'
import { violationsOf } from './rules.js'
import type { CsrArrays } from './source.js'
import { type EntriesFit, isStopped, type Phase, type Steps, type Thread } from './thread.js'

/** Some rows of a side. */
interface Task {
  readonly side: Side
  readonly X: CsrArrays
  /** For each time that the rule is applied, the address that its violations go to. */
  readonly violations: readonly number[]
  readonly first: number
  readonly rows: number
  /** Address of the f64 that the loss is added to; 0 where it is not asked for. */
  readonly loss: number
}

function buffersOf(thread: Thread, { layout }: EntriesFit): Pick<typeof layout, 'x' | 'n' | 'p' | 'l' | 'scratch'> {
  const further = thread.index * layout.threadBytes
  const { x, n, p, l, scratch } = layout
  return { x: x + further, n: n + further, p: p && p + further, l: l && l + further, scratch: scratch + further }
}

/** The products of some rows, or their loss alone. */
function* products(thread: Thread, fit: EntriesFit, { side, X, first, rows, loss }: Task, alone: boolean): Steps<void> {
  const { kernels, layout, spec } = fit
  const { stride, paddedRank, size, evenPush } = layout
  const { x, n, p, l } = buffersOf(thread, fit)
  if (!alone) {
    thread.zero(n, rows * stride)
    if (p !== 0) thread.zero(p, rows * stride)
    if (l !== 0) thread.zero(l, rows * size)
  }
  const f = side.F.rows + first * stride
  // one row may have more entries than a part: its sums then go on from piece to piece
  for (const { indptr, ends, indices, values, weights = 0 } of csrParts(thread, fit, X, side.window, first, rows, x)) {
    if (isStopped(fit)) return
    kernels.beta_xht_csr(
      ...([rows, paddedRank, spec.beta, indptr, ends, indices, values, weights, f, stride] as const),
      ...([
        side.O.rows,
        stride,
        side.O.norms,
        alone ? 0 : n,
        alone ? 0 : p,
        stride,
        alone ? 0 : l,
        loss,
        evenPush ? 1 : 0,
      ] as const),
    )
    yield 'part'
  }
}

/** Coordinate descent or exact minima over some rows. */
function descend(thread: Thread, fit: EntriesFit, { side, X, violations, first, rows, loss }: Task): void {
  const { kernels, layout, spec } = fit
  const { stride, paddedRank, evenPush } = layout
  const { x, scratch } = buffersOf(thread, fit)
  const whole = { first, rows, from: X.indptr[first], end: X.indptr[first + rows] }
  const { indptr, indices, values, weights = 0 } = csrPart(thread, fit, X, whole, x)
  for (const [round, violation] of violations.entries()) {
    const measured = round === 0 ? loss : 0
    for (const run of visits(fit, side, first, rows, measured)) {
      const starts = indptr + 4 * (run.first - first)
      const f = side.F.rows + run.first * stride
      const [moving, most] = run.limits
      if (spec.rule === 'bpp') {
        kernels.bpp_csr(
          ...([run.rows, paddedRank, starts, indices, values, weights, side.O.rows, stride, f, stride] as const),
          ...([side.l1, side.l2, Math.min(layout.rank, moving), most, scratch, measured, violation] as const),
        )
        continue
      }
      kernels.cd_csr(
        ...([run.rows, paddedRank, spec.beta, starts, indices, values, weights, side.O.rows, stride] as const),
        ...([evenPush ? side.O.sums : 0, f, stride, side.l1, side.l2] as const),
        ...([moving, most, scratch, measured, violation] as const),
      )
    }
  }
}

/** A lane's share of a phase over the rows of one side. */
function* moveRows(thread: Thread, fit: EntriesFit, side: Side, phase: Phase, lane: number): Steps<void> {
  const { layout, spec } = fit
  const { x, n, p, l } = buffersOf(thread, fit)
  const X = side.factor === 'W' ? fit.byRow : fit.byColumn
  const loss = lossAt(thread, fit, phase, lane)
  const violations = violationsOf(thread, fit, lane, phase)
  beginTotals(thread, fit, lane)
  for (let first = side.bounds[lane], rows = 0; first < side.bounds[lane + 1]; first += rows) {
    if (isStopped(fit)) return
    rows = rowsAtOnce(thread, fit, X, side.window, first, side.bounds[lane + 1] - first, x)
    const task = { side, X, violations, first, rows, loss }
    if (phase === 'measure') {
      yield* products(thread, fit, task, true)
      continue
    }
    keep(thread, fit, side.stored, first, rows)
    if (wantsWholeRows(spec.rule)) {
      descend(thread, fit, task)
    } else {
      for (const [round, violation] of violations.entries()) {
        yield* products(thread, fit, round === 0 ? task : { ...task, loss: 0 }, false)
        if (isStopped(fit)) return
        moveByGradient(thread, fit, side, first, rows, { n, p, l, lStride: layout.size }, violation)
      }
    }
    moveOn(thread, fit, side.stored, first, rows)
    finishTotals(thread, fit, side, lane, first, rows)
    yield 'part'
  }
}

export function* entriesOfRows(thread: Thread, fit: EntriesFit, phase: Phase, lane: number): Steps<void> {
  const side = sideOf(thread, fit, phase)
  if (phase === 'rowTotals') totalsOfLane(thread, fit, side, lane)
  else yield* moveRows(thread, fit, side, phase, lane)
}

export function* entriesOfColumns(thread: Thread, fit: EntriesFit, phase: Phase, lane: number): Steps<void> {
  const side = sideOf(thread, fit, phase)
  if (phase === 'columnTotals') totalsOfLane(thread, fit, side, lane)
  else yield* moveRows(thread, fit, side, phase, lane)
}
