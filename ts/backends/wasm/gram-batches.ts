// What the coordinator makes of the phases of a batch in the gram family.

import type { Batch } from '../backend.js'
import { type Bounds, boundedStep, unitStep } from '../stochastic-steps.js'
import { setRate } from './batch.js'
import type { Crew } from './crew.js'
import type { HeldFit, Progress } from './family.js'
import { buffersOf, finishGram, finishW, freshen, loss, phase, reduce } from './gram.js'
import { penaltyOf } from './rules.js'
import type { GramFit, Steps } from './thread.js'

/** One batch; its loss is measured by rows, for H moves after that. */
export function* batchGram(crew: Crew, fit: HeldFit<GramFit>, batch: Batch): Steps<Progress | undefined> {
  const { thread } = crew
  const { shared } = fit
  const { rule } = shared.spec
  if (rule === 'svrmu' && (batch.refresh || !fit.hasCarried) && !(yield* takeSnapshot(crew, fit))) return undefined
  if (!(yield* freshen(crew, fit))) return undefined
  const rateW = rule === 'sgd' ? rateOfW(crew, fit, batch) : 0
  if (!(yield* phase(crew, fit, 'batchRows'))) return undefined
  finishW(crew, fit, 'batchRows')
  const measured = loss(crew, fit, 'batchRows', thread.total('squares', shared, 'batchRows'))
  fit.fresh = 'none'
  const rateH = rule === 'sgd' ? yield* rateOfH(crew, fit, batch) : 0
  if (rateH === undefined || !(yield* phase(crew, fit, 'batchColumns'))) return undefined
  finishGram(crew, fit)
  if (rule !== 'sgd') return { loss: measured, violation: 0 }
  const [squaredGradient, alignment] = (['squaredGradient', 'alignment'] as const).map(sum =>
    thread.total(sum, shared, 'batchColumns'),
  )
  return { loss: measured, violation: 0, step: { rateW, rateH, squaredGradient, alignment } }
}

/** Keeps W, Ht, XᵀW and WᵀW as they are; false where the fit's flag cut it short. */
function* takeSnapshot(crew: Crew, fit: HeldFit<GramFit>): Steps<boolean> {
  const { layout } = fit.shared
  if (!layout.reduction) throw new TypeError('a fit without snapshots')
  fit.hasCarried = false
  if (!(yield* phase(crew, fit, 'snapshotRows'))) return false
  const lanes = crew.thread.laneCount(fit.shared, 'snapshotRows')
  reduce(crew.thread, fit.shared, lanes, layout.laneS, layout.reduction.S0)
  if (!(yield* phase(crew, fit, 'snapshotColumns'))) return false
  fit.hasCarried = true
  return true
}

/** The bound of the largest eigenvalue of a Gram matrix. */
function boundOf({ thread }: Crew, fit: GramFit, g: number): number {
  const { rank, stride } = fit.layout
  return fit.kernels.gram_bound(rank, g, stride, buffersOf(thread, fit).scratch)
}

/** Sets the length of the steps of W, with G as H is. */
function rateOfW(crew: Crew, { shared }: HeldFit<GramFit>, { rateW = 0 }: Batch): number {
  const { safety } = shared.spec.sgd!
  const { l2 } = penaltyOf(shared, 'W')
  const rate = safety > 0 ? unitStep(Math.min(rateW, safety), boundOf(crew, shared, shared.layout.G) + l2) : rateW
  setRate(crew.thread, shared, rate)
  return rate
}

/** Sets the length of the step of H, with S as the batch's rows of W are; undefined where the flag cut it short. */
function* rateOfH(crew: Crew, fit: HeldFit<GramFit>, batch: Batch): Steps<number | undefined> {
  const { shared } = fit
  const { count, rateH = 0, refresh = false } = batch
  const { safety } = shared.spec.sgd!
  let rate = rateH
  if (safety > 0) {
    if (refresh || !fit.bounds) fit.bounds = yield* lookAtW(crew, fit)
    if (!fit.bounds) return undefined
    const { l2 } = penaltyOf(shared, 'H')
    const rates = { rate: rateH, safety, count, total: shared.layout.rows, l2 }
    rate = boundedStep(rates, fit.bounds, boundOf(crew, shared, shared.layout.S))
  }
  setRate(crew.thread, shared, rate)
  return rate
}

/** What bounds the steps of H by all of W; undefined where the flag cut it short. */
function* lookAtW(crew: Crew, fit: HeldFit<GramFit>): Steps<Bounds | undefined> {
  const { thread } = crew
  const { shared } = fit
  if (!(yield* phase(crew, fit, 'bounds'))) return undefined
  const { laneS } = shared.layout
  const lanes = thread.laneCount(shared, 'bounds')
  reduce(thread, shared, lanes, laneS, laneS)
  return { eigenvalue: boundOf(crew, shared, laneS), squaredNorm: thread.largest(shared, 'bounds') }
}
