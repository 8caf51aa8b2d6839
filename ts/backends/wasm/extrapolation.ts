// Factors that move on along their last steps, which `Momentum` lengthens and shortens. Rows move on as soon as the rule has
// moved them, before products, Gram matrices, sums or copies see them. Where the loss has risen, the next iteration begins
// with the factors as their rules had left them.

import type { Crew } from './crew.js'
import type { HeldFit } from './family.js'
import { limitsOf } from './rules.js'
import { isByRows, isStopped, type Phase, type SharedFit, type Steps, type Thread } from './thread.js'

/** Rows of a factor that a rule has just moved go on, where the fit extrapolates. */
export function moveOn(thread: Thread, fit: SharedFit, factor: 'W' | 'H', first: number, rows: number): void {
  const { before, W, Ht, stride, paddedRank } = fit.layout
  if (!before) return
  const [f, p] = (factor === 'W' ? [W, before.W] : [Ht, before.Ht]).map(address => address + first * stride)
  const weight = thread.views.f64[before.weight / 8]
  const [, most] = limitsOf(fit, factor)
  fit.kernels.extrapolate(rows * paddedRank, f, p, weight, most)
}

/** A lane's share of the phases that bring a factor back to where its rule had left it. */
export function backOfLane(thread: Thread, { layout }: SharedFit, phase: Phase, lane: number): void {
  const { before, W, Ht, stride, rowBounds, columnBounds } = layout
  if (!before) return
  const [f, p, bounds] = isByRows(phase) ? [W, before.W, rowBounds] : [Ht, before.Ht, columnBounds]
  const [start, end] = [bounds[lane] * stride, bounds[lane + 1] * stride]
  thread.copy(p + start, end - start, f + start)
}

/** What an iteration begins with; false where the fit's flag cut it short. */
export function* goBack(crew: Crew, fit: HeldFit): Steps<boolean> {
  const { id, shared, momentum } = fit
  const { before } = shared.layout
  if (!momentum || !before) return true
  if (momentum.goesBack) {
    fit.isFresh = false
    for (const phase of ['rowsBack', 'columnsBack'] as const) {
      yield* crew.phase(id, shared, phase)
      if (isStopped(shared)) return false
    }
    momentum.goesBack = false
  }
  crew.thread.views.f64[before.weight / 8] = momentum.weight
  return true
}

/** Takes the factors as they are for those that the next steps are reckoned from. */
export function* startFrom(thread: Thread, { layout }: SharedFit): Steps<void> {
  const { before, W, Ht, rows, columns, stride } = layout
  if (!before) return
  thread.copy(W, rows * stride, before.W)
  yield 'turn'
  thread.copy(Ht, columns * stride, before.Ht)
}
