// Factors that move on along their last steps. Rows do so as soon as the rule has moved them, before products, Gram
// matrices, sums or copies see them; before the rule moves them, they are kept, so that an iteration can be undone.

import type { Crew } from './crew.js'
import type { HeldFit } from './family.js'
import { limitsOf, movingRows } from './rules.js'
import { isByRows, isStopped, type Phase, type SharedFit, type Steps, type Thread } from './thread.js'

/** Keeps rows of a factor that a rule is about to move, where the fit extrapolates. */
export function keep(thread: Thread, { layout }: SharedFit, factor: 'W' | 'Ht', first: number, rows: number): void {
  const { extrapolation, stride } = layout
  if (!extrapolation) return
  const further = first * stride
  thread.copy(layout[factor] + further, rows * stride, extrapolation.kept[factor] + further)
}

/** Rows of a factor that a rule has moved go on, where the fit extrapolates. */
export function moveOn(thread: Thread, fit: SharedFit, factor: 'W' | 'Ht', start: number, count: number): void {
  const { kernels, layout } = fit
  const { extrapolation, stride, paddedRank } = layout
  if (!extrapolation) return
  const weight = thread.views.f64[extrapolation.weight / 8]
  const side = factor === 'W' ? 'W' : 'H'
  const [, most] = limitsOf(fit, side)
  for (const { first, rows } of movingRows(fit, side, start, count)) {
    const further = first * stride
    const moved = extrapolation.moved[factor] + further
    kernels.extrapolate(rows * paddedRank, layout[factor] + further, moved, weight, most)
  }
}

/** A lane's share of the phases that undo an iteration. */
export function undoLane(thread: Thread, { layout }: SharedFit, phase: Phase, lane: number): void {
  const { extrapolation, stride, rowBounds, columnBounds } = layout
  if (!extrapolation) return
  const [factor, bounds] = isByRows(phase) ? (['W', rowBounds] as const) : (['Ht', columnBounds] as const)
  const [start, end] = [bounds[lane] * stride, bounds[lane + 1] * stride]
  thread.copy(extrapolation.kept[factor] + start, end - start, layout[factor] + start)
}

/** Puts the factors back to where the last iteration found them; false where the fit's flag was set meanwhile. */
export function* undo(crew: Crew, fit: HeldFit): Steps<boolean> {
  const { id, shared } = fit
  fit.fresh = 'none'
  yield* crew.phase(id, shared, 'undoRows')
  if (shared.spec.fixed !== 'H') yield* crew.phase(id, shared, 'undoColumns')
  return !isStopped(shared)
}

/** Takes the factors as they are for those that the next steps are reckoned from. */
export function* startFrom(thread: Thread, { layout }: SharedFit): Steps<void> {
  const { extrapolation, W, Ht, rows, columns, stride } = layout
  if (!extrapolation) return
  const { moved } = extrapolation
  thread.copy(W, rows * stride, moved.W)
  yield 'turn'
  thread.copy(Ht, columns * stride, moved.Ht)
}
