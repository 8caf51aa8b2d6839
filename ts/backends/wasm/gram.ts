// The gram family: the Frobenius loss without weights, which needs X·Hᵀ, XᵀW and the factors' Gram matrices alone. A
// phase `rows` updates W before a phase `columns` updates Ht; `transform` updates W where H stays; `measure` and `gram`
// leave their factor as it is.

import type { Crew } from './crew.js'
import { keep, moveOn } from './extrapolation.js'
import type { HeldFit, Progress } from './family.js'
import { moveGram, moveOnline } from './rules.js'
import { keepColumns, keepRows, keptW, reduceVariance, stepColumns, stepRows } from './stochastic-rules.js'
import { type GramFit, isStopped, type Phase, type Steps, type Thread } from './thread.js'

/** Adds the lanes' accumulators of rank × rank up, in order. */
export function reduce(thread: Thread, fit: GramFit, lanes: number, from: number, to: number): void {
  const { paddedRank, stride } = fit.layout
  const square = paddedRank * stride
  thread.views.u8.copyWithin(to, from, from + square)
  for (let lane = 1; lane < lanes; lane++) fit.kernels.add(paddedRank * paddedRank, from + lane * square, to)
}

/** Runs a phase; false where the fit's flag cut it short. */
export function* phase(crew: Crew, { id, shared }: HeldFit<GramFit>, name: Phase): Steps<boolean> {
  yield* crew.phase(id, shared, name)
  return !isStopped(shared)
}

/** ⟨A, Ht⟩, or ⟨N, W⟩, from the phase that was last, and ½⟨S, G⟩, give ½‖X − WH‖² by the Gram identity. */
export function loss({ thread }: Crew, { shared }: HeldFit<GramFit>, last: Phase, squaredNorm: number): number {
  const { paddedRank, S, G } = shared.layout
  const inner = shared.kernels.dot(paddedRank * paddedRank, S, G)
  return Math.max(0, 0.5 * squaredNorm - thread.total('loss', shared, last) + 0.5 * inner)
}

/** G ← Gram matrix of Ht from the lanes of a phase over columns. */
export function finishGram(crew: Crew, fit: HeldFit<GramFit>): void {
  const { laneG, G } = fit.shared.layout
  reduce(crew.thread, fit.shared, crew.thread.laneCount(fit.shared, 'gram'), laneG, G)
  fit.fresh = 'both'
}

/** S ← Gram matrix of W, or of a batch's rows of it, from the lanes of a phase over rows; K ← that of a snapshot's. */
export function finishW(crew: Crew, { shared }: HeldFit<GramFit>, last: Phase): void {
  const { laneS, S, reduction } = shared.layout
  const lanes = crew.thread.laneCount(shared, last)
  reduce(crew.thread, shared, lanes, laneS, S)
  if (reduction && last === 'batchRows') reduce(crew.thread, shared, lanes, reduction.laneK, reduction.K)
}

export function* freshen(crew: Crew, fit: HeldFit<GramFit>): Steps<boolean> {
  if (fit.fresh === 'both') return true
  if (!(yield* phase(crew, fit, 'gram'))) return false
  finishGram(crew, fit)
  return true
}

/** The loss after a phase over rows that left H as it is, and so could measure ⟨X·Hᵀ, W⟩ on the way. */
function measured(crew: Crew, fit: HeldFit<GramFit>, last: Phase): number {
  finishW(crew, fit, last)
  return loss(crew, fit, last, fit.squaredNorm)
}

export function* iterateGram(crew: Crew, fit: HeldFit<GramFit>): Steps<Progress | undefined> {
  const { thread } = crew
  const { shared } = fit
  if (!(yield* freshen(crew, fit))) return undefined
  if (shared.spec.fixed === 'H') {
    if (!(yield* phase(crew, fit, 'transform'))) return undefined
    const violation = thread.total('violation', shared, 'transform')
    return { loss: measured(crew, fit, 'transform'), violation }
  }
  if (!(yield* phase(crew, fit, 'rows'))) return undefined
  const ofW = thread.total('violation', shared, 'rows')
  finishW(crew, fit, 'rows')
  fit.fresh = 'none'
  if (!(yield* phase(crew, fit, 'columns'))) return undefined
  finishGram(crew, fit)
  return {
    loss: loss(crew, fit, 'columns', fit.squaredNorm),
    violation: ofW + thread.total('violation', shared, 'columns'),
  }
}

/** ½‖X − WH‖². */
export function* evaluateGram(crew: Crew, fit: HeldFit<GramFit>): Steps<number> {
  yield* freshen(crew, fit)
  yield* phase(crew, fit, 'measure')
  return measured(crew, fit, 'measure')
}

/** Thread buffers of a fit: addresses of a part of X, products, those with a snapshot where there is one, and scratch. */
export function buffersOf(thread: Thread, fit: GramFit): { x: number; n: number; m: number; scratch: number } {
  const { x, n, scratch, reduction } = fit.layout
  const further = thread.offset(fit)
  return { x: x + further, n: n + further, m: (reduction?.m ?? 0) + further, scratch: scratch + further }
}

function clearLane(thread: Thread, { layout }: GramFit, base: number, lane: number): void {
  const square = layout.paddedRank * layout.stride
  thread.zero(base + lane * square, square)
}

/** Empties a lane's share of WᵀW, and of the snapshot's. */
export function beginRows(thread: Thread, fit: GramFit, lane: number): void {
  const { laneS, reduction } = fit.layout
  clearLane(thread, fit, laneS, lane)
  if (reduction) clearLane(thread, fit, reduction.laneK, lane)
}

/** Empties a lane's share of HHᵀ. */
export function beginColumns(thread: Thread, fit: GramFit, lane: number): void {
  clearLane(thread, fit, fit.layout.laneG, lane)
}

/**
 * With N = X·Hᵀ of some rows: updates these rows of W, measures ⟨N, W⟩ where H stays, adds to the lane's WᵀW. Without, where
 * W is kept as it is.
 */
export function finishRows(
  thread: Thread,
  fit: GramFit,
  phase: Phase,
  lane: number,
  first: number,
  rows: number,
): void {
  const { kernels, layout, spec } = fit
  const { stride, paddedRank, G, laneS, reduction } = layout
  const { n, scratch } = buffersOf(thread, fit)
  const f = layout.W + first * stride
  if (phase === 'snapshotRows') {
    keepRows(thread, fit, first, rows)
  } else if (spec.rule === 'sgd' && phase === 'batchRows') {
    stepRows(thread, fit, lane, first, rows, n, scratch)
  } else if (phase !== 'measure') {
    keep(thread, fit, 'W', first, rows)
    moveGram(thread, fit, lane, phase, { factor: 'W', first, rows, f, n, g: G, scratch })
    moveOn(thread, fit, 'W', first, rows)
  }
  if (phase !== 'rows' && phase !== 'snapshotRows') {
    thread.addTo('loss', fit, lane, kernels.dot(rows * paddedRank, n, f))
  }
  const square = lane * paddedRank * stride
  kernels.gram(rows, paddedRank, f, stride, laneS + square, stride)
  const kept = keptW(thread, fit, phase)
  if (!reduction || kept === undefined) return
  kernels.gram(rows, paddedRank, kept + first * stride, stride, reduction.laneK + square, stride)
}

/**
 * With A = XᵀW of some columns at address `a`, and the same with a snapshot's W at `m`: updates these rows of Ht and adds to
 * the lane's ⟨A, Ht⟩ and HHᵀ, or keeps both as they are.
 */
export function finishColumns(
  thread: Thread,
  fit: GramFit,
  phase: Phase,
  lane: number,
  first: number,
  rows: number,
  a: number,
  m: number,
): void {
  const { kernels, layout } = fit
  const { stride, paddedRank, S, size } = layout
  const { scratch } = buffersOf(thread, fit)
  const f = layout.Ht + first * stride
  if (phase === 'snapshotColumns') {
    keepColumns(thread, fit, first, rows, a)
    return
  }
  if (phase === 'batchColumns') {
    moveFromBatch(thread, fit, lane, first, rows, a, m, scratch)
  } else if (phase === 'columns') {
    keep(thread, fit, 'Ht', first, rows)
    moveGram(thread, fit, lane, phase, { factor: 'H', first, rows, f, n: a, g: S, scratch })
    moveOn(thread, fit, 'Ht', first, rows)
    thread.addTo('loss', fit, lane, kernels.dot(rows * paddedRank, a, f))
  }
  kernels.gram(rows, paddedRank, f, stride, layout.laneG + lane * paddedRank * stride, stride)
  if (layout.H !== 0) kernels.transpose(rows, paddedRank, f, stride, layout.H + first * size, layout.hStride)
}

function moveFromBatch(
  thread: Thread,
  fit: GramFit,
  lane: number,
  first: number,
  rows: number,
  a: number,
  m: number,
  scratch: number,
): void {
  const { rule } = fit.spec
  if (rule === 'sgd') stepColumns(thread, fit, lane, first, rows, a, scratch)
  else if (rule === 'svrmu') reduceVariance(thread, fit, first, rows, a, m, scratch)
  else moveOnline(thread, fit, first, rows, a, scratch)
}
