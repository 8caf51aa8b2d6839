// What the families that work with both halves of the gradient share. A phase `rows` moves W, then `columns` moves Ht in
// the same way, with X transposed. The rows phase knows the model before it moves anything, so that it measures the loss
// of the iteration before; `measure` does that alone, after the last one, and after each where the next depends on it. `rowTotals` and `columnTotals` make what the
// phases need to know of a factor as it is, which those that move it keep up to date.

import { updateExponent } from '../../kernels/beta.js'
import { runsOf } from '../runs.js'
import { onlineOf, windowOf } from './batch.js'
import type { FactorName, FactorPlace } from './beta-layout.js'
import type { Crew } from './crew.js'
import type { HeldFit, Progress } from './family.js'
import { limitsOf, movingRows, penaltyOf, updateOnline } from './rules.js'
import { type BetaFit, isByRows, isStopped, type Phase, type Steps, type Thread } from './thread.js'

/** X as the update of one factor sees it: rows of that factor, columns of the other; for H that is the transpose. */
export interface Side {
  readonly factor: FactorName
  /** The factor as it is stored. */
  readonly stored: 'W' | 'Ht'
  readonly rows: number
  readonly columns: number
  /** Where the lanes' rows begin and end. */
  readonly bounds: Uint32Array
  /** The columns that a batch has: of H's side, where the phase is of one. */
  readonly window: readonly [number, number] | undefined
  readonly F: FactorPlace
  readonly O: FactorPlace
  readonly l1: number
  readonly l2: number
  /** Of F. */
  readonly limits: ReturnType<typeof limitsOf>
}

/** The side whose factor a phase moves or looks at. */
export function sideOf(thread: Thread, fit: BetaFit, phase: Phase): Side {
  const { rows, columns, factors } = fit.layout
  const factor = isByRows(phase) ? 'W' : 'H'
  const more = {
    ...{ ...penaltyOf(fit, factor), limits: limitsOf(fit, factor), bounds: thread.bounds(fit, phase) },
    window: phase === 'batchColumns' ? windowOf(thread, fit) : undefined,
  }
  return factor === 'W'
    ? { factor, stored: 'W', rows, columns, F: factors.W, O: factors.H, ...more }
    : { factor, stored: 'Ht', rows: columns, columns: rows, F: factors.H, O: factors.W, ...more }
}

/** What a lane does before its share of a phase that moves a factor, or looks at it as it is. */
export function beginTotals(thread: Thread, { layout }: BetaFit, lane: number): void {
  thread.zero(layout.laneTotals + lane * 8 * layout.paddedRank, 8 * layout.paddedRank)
}

/** Brings what is kept of some rows of a factor up to date. */
export function finishTotals(
  thread: Thread,
  fit: BetaFit,
  { F }: Side,
  lane: number,
  first: number,
  rows: number,
): void {
  const { kernels, layout, spec } = fit
  const { paddedRank, stride, size, evenPush, laneTotals } = layout
  const f = F.rows + first * stride
  if (evenPush) kernels.column_sums(rows, paddedRank, f, stride, laneTotals + lane * 8 * paddedRank)
  if (F.across !== 0) kernels.transpose(rows, paddedRank, f, stride, F.across + first * size, F.acrossStride)
  if (spec.rule !== 'pg') return
  const norms = thread.reals(fit)
  for (let i = 0; i < rows; i++) {
    const row = f + i * stride
    norms[F.norms / size + first + i] = kernels.dot(paddedRank, row, row)
  }
}

/** The address of the f64 that the loss of a phase's model is added to; 0 where nothing asks for it. */
export function lossAt(thread: Thread, fit: BetaFit, phase: Phase, lane: number): number {
  const measures = phase === 'measure' || phase === 'batchColumns' || (phase === 'rows' && !fit.layout.extrapolation)
  return measures ? thread.sumAt('loss', fit, lane) : 0
}

/** A lane's share of the phases that look at a factor as it is. */
export function totalsOfLane(thread: Thread, fit: BetaFit, side: Side, lane: number): void {
  beginTotals(thread, fit, lane)
  const first = side.bounds[lane]
  finishTotals(thread, fit, side, lane, first, side.bounds[lane + 1] - first)
}

/** Addresses of N, P (a row for all where `evenPush`) and L of some rows. */
interface Gradient {
  readonly n: number
  readonly p: number
  readonly l: number
  readonly lStride: number
}

/** The two rules that need no more than both halves of the gradient, and batches of one, but for rows that stay. */
export function moveByGradient(
  thread: Thread,
  fit: BetaFit,
  side: Side,
  start: number,
  count: number,
  { n, p, l, lStride }: Gradient,
  violation: number,
): void {
  const { layout } = fit
  const { stride, evenPush } = layout
  const { O, window } = side
  const [push, pushStride] = evenPush ? [O.sums, 0] : [p, stride]
  if (window) {
    updateOnline(fit, onlineOf(thread, fit), start, count, n, push, pushStride)
    return
  }
  for (const { first, rows } of movingRows(fit, side.factor, start, count)) {
    const further = first - start
    const own = { n: n + further * stride, p: push + further * pushStride, l: l + further * lStride, lStride }
    applyRule(fit, side, first, rows, own, pushStride, violation)
  }
}

function applyRule(
  { kernels, layout, spec }: BetaFit,
  { F, l1, l2, limits }: Side,
  first: number,
  rows: number,
  { n, p, l, lStride }: Gradient,
  pStride: number,
  violation: number,
): void {
  const { paddedRank, stride } = layout
  const f = F.rows + first * stride
  if (spec.rule === 'mu') {
    const gamma = updateExponent(spec.beta)
    kernels.mu_ratio(rows, paddedRank, f, stride, n, stride, p, pStride, gamma, l1, l2, ...limits)
  } else {
    const { step = 1 } = spec
    kernels.pg_step(
      ...([rows, paddedRank, f, stride, n, stride, p, pStride, l, lStride, step, l1, l2] as const),
      ...([...limits, violation] as const),
    )
  }
}

/** What a rule of whole rows has to do with some of them: those that stay it visits for their loss alone, where it is wanted. */
export function visits(
  { spec }: BetaFit,
  { factor, limits }: Side,
  start: number,
  count: number,
  loss: number,
): readonly { readonly first: number; readonly rows: number; readonly limits: Side['limits'] }[] {
  const [, most] = limits
  return runsOf(factor === 'W' ? spec.frozenW : spec.frozenH, start, count)
    .filter(({ stays }) => !stays || loss !== 0)
    .map(({ first, rows, stays }) => ({ first, rows, limits: stays ? [0, most] : limits }))
}

/** Adds up what the lanes of the last phase over a factor know of its components. */
function gatherTotals({ thread }: Crew, fit: BetaFit, last: Phase): void {
  const { layout } = fit
  const { paddedRank, laneTotals, size, factors, evenPush } = layout
  if (!evenPush) return
  const { f64 } = thread.views
  const reals = thread.reals(fit)
  const { totals, sums } = factors[isByRows(last) ? 'W' : 'H']
  const lanes = thread.laneCount(fit, last)
  for (let r = 0; r < paddedRank; r++) {
    let total = 0
    for (let lane = 0; lane < lanes; lane++) total += f64[laneTotals / 8 + lane * paddedRank + r]
    f64[totals / 8 + r] = total
    reals[sums / size + r] = total
  }
}

/** Runs a phase; false where the fit's flag cut it short. */
function* phase(crew: Crew, { id, shared }: HeldFit<BetaFit>, name: Phase): Steps<boolean> {
  yield* crew.phase(id, shared, name)
  if (isStopped(shared)) return false
  if (name !== 'measure') gatherTotals(crew, shared, name)
  return true
}

function* freshen(crew: Crew, fit: HeldFit<BetaFit>): Steps<boolean> {
  if (fit.fresh === 'both') return true
  if (!(yield* phase(crew, fit, 'rowTotals'))) return false
  if (!(yield* phase(crew, fit, 'columnTotals'))) return false
  fit.fresh = 'both'
  return true
}

/** Σ W·H over all entries, where the loss at the listed ones leaves their model out. */
function wholeModel({ thread }: Crew, { layout }: BetaFit): number {
  if (layout.scheme !== 'entries' || !layout.evenPush) return 0
  const { f64 } = thread.views
  const { W, H } = layout.factors
  let sum = 0
  for (let r = 0; r < layout.paddedRank; r++) sum += f64[W.totals / 8 + r] * f64[H.totals / 8 + r]
  return sum
}

export function* iterateBeta(crew: Crew, fit: HeldFit<BetaFit>): Steps<Progress | undefined> {
  const { thread } = crew
  const { shared } = fit
  if (!(yield* freshen(crew, fit))) return undefined
  const model = wholeModel(crew, shared)
  fit.fresh = 'none'
  if (!(yield* phase(crew, fit, 'rows'))) return undefined
  const lossBefore = thread.total('loss', shared, 'rows') + model
  let violation = thread.total('violation', shared, 'rows')
  if (shared.spec.fixed !== 'H') {
    if (!(yield* phase(crew, fit, 'columns'))) return undefined
    violation += thread.total('violation', shared, 'columns')
  }
  fit.fresh = 'both'
  if (!shared.layout.extrapolation) return { lossBefore, violation }
  const loss = yield* evaluateBeta(crew, fit)
  return isStopped(shared) ? undefined : { loss, violation }
}

/**
 * One batch; the columns phase knows the model before it moves H, and so measures the loss. What batches begin with is known
 * of H alone: the totals of W are those of the batch's rows.
 */
export function* batchBeta(crew: Crew, fit: HeldFit<BetaFit>): Steps<Progress | undefined> {
  const { shared } = fit
  if (fit.fresh === 'none' && !(yield* phase(crew, fit, 'columnTotals'))) return undefined
  fit.fresh = 'none'
  if (!(yield* phase(crew, fit, 'batchRows'))) return undefined
  const model = wholeModel(crew, shared)
  if (!(yield* phase(crew, fit, 'batchColumns'))) return undefined
  fit.fresh = 'H'
  return { loss: crew.thread.total('loss', shared, 'batchColumns') + model, violation: 0 }
}

export function* evaluateBeta(crew: Crew, fit: HeldFit<BetaFit>): Steps<number> {
  yield* freshen(crew, fit)
  yield* phase(crew, fit, 'measure')
  return crew.thread.total('loss', fit.shared, 'measure') + wholeModel(crew, fit.shared)
}
