// What threads do for the stochastic rules, in phases of the gram family: projected gradient steps of rows of either factor,
// and updates of H with reduced variance.

import { carriedOf, stepOf, windowOf } from './batch.js'
import { limitsOf, movingRows, penaltyOf } from './rules.js'
import { type GramFit, isStopped, type Phase, type Steps, type Thread } from './thread.js'

/** Rows of a factor, numbered from `first`, with their products N; D is the gradient before, at address 0 not remembered. */
interface Step {
  readonly factor: 'W' | 'H'
  readonly first: number
  readonly rows: number
  readonly f: number
  readonly n: number
  readonly g: number
  readonly d: number
  readonly scale: number
  /** Which of the batch's noises. */
  readonly round: number
  readonly scratch: number
}

/** Moves rows by a step, but for those that stay. */
function step(thread: Thread, fit: GramFit, lane: number, panel: Step): void {
  const { kernels, layout, spec } = fit
  const { rank, paddedRank, stride } = layout
  const { factor, g, scale, round, scratch } = panel
  const { noise = 0, seed = 0, limit = Number.POSITIVE_INFINITY } = spec.sgd!
  const { rate, draw } = stepOf(thread, fit)
  const { l1, l2 } = penaltyOf(fit, factor)
  const [moving, most] = limitsOf(fit, factor)
  for (const { first, rows } of movingRows(fit, factor, panel.first, panel.rows)) {
    const further = (first - panel.first) * stride
    const [f, n] = [panel.f + further, panel.n + further]
    const d = panel.d && panel.d + further
    kernels.sgd_update(
      ...([rows, paddedRank, f, stride, n, stride, g, stride, d, rate, scale, l1, l2] as const),
      ...([noise, seed, draw * ((spec.rounds ?? 1) + 1) + round, first, limit] as const),
      // what pads the rank has no noise and no penalty
      ...([Math.min(rank, moving), most, scratch, thread.sumAt('squaredGradient', fit, lane)] as const),
    )
  }
}

/** All rounds of steps of rows of W, with their N = X·Hᵀ at address `n`. */
export function stepRows(
  thread: Thread,
  fit: GramFit,
  lane: number,
  first: number,
  rows: number,
  n: number,
  scratch: number,
): void {
  const { W, G, stride } = fit.layout
  const f = W + first * stride
  const { rounds = 1 } = fit.spec
  for (let round = 0; round < rounds; round++) {
    step(thread, fit, lane, { factor: 'W', first, rows, f, n, g: G, d: 0, scale: 1, round, scratch })
  }
}

/** A step of rows of Ht, with N = XᵀW of the batch at address `n`. */
export function stepColumns(
  thread: Thread,
  fit: GramFit,
  lane: number,
  first: number,
  rows: number,
  n: number,
  scratch: number,
): void {
  const { Ht, S, stride, columns, rows: total } = fit.layout
  const [start, end] = windowOf(thread, fit)
  const [gradient] = carriedOf(thread, fit)
  const [f, d] = [Ht, gradient].map(base => base + first * stride)
  const scale = total / (end - start)
  const { rounds: round = 1 } = fit.spec
  // what pads the columns stays zero: it has neither noise nor penalties
  const count = Math.max(0, Math.min(rows, columns - first))
  step(thread, fit, lane, { factor: 'H', first, rows: count, f, n, g: S, d, scale, round, scratch })
}

/** A lane's share of what bounds the steps of H: its rows' WᵀW, and the largest ‖w_i‖² among them. */
export function* boundsLane(thread: Thread, fit: GramFit, lane: number): Steps<void> {
  const { kernels, layout } = fit
  const { W, stride, paddedRank, part, laneS } = layout
  const bounds = thread.bounds(fit, 'bounds')
  const square = paddedRank * stride
  const place = thread.sumAt('largest', fit, lane) / 8
  thread.zero(laneS + lane * square, square)
  for (let first = bounds[lane]; first < bounds[lane + 1] && !isStopped(fit); first += part.rows) {
    const rows = Math.min(part.rows, bounds[lane + 1] - first)
    const f = W + first * stride
    kernels.gram(rows, paddedRank, f, stride, laneS + lane * square, stride)
    const { f64 } = thread.views
    f64[place] = Math.max(f64[place], kernels.largest_norm(rows, paddedRank, f, stride))
    yield 'part'
  }
}

/** Keeps rows of W in the snapshot. */
export function keepRows(thread: Thread, fit: GramFit, first: number, rows: number): void {
  const { W, stride } = fit.layout
  const [, , kept] = carriedOf(thread, fit)
  thread.copy(W + first * stride, rows * stride, kept + first * stride)
}

/** Keeps rows of Ht in the snapshot, and of A = XᵀW, which lie at address `a`. */
export function keepColumns(thread: Thread, fit: GramFit, first: number, rows: number, a: number): void {
  const { Ht, stride } = fit.layout
  const [A, kept] = carriedOf(thread, fit)
  thread.copy(a, rows * stride, A + first * stride)
  thread.copy(Ht + first * stride, rows * stride, kept + first * stride)
}

/** The snapshot's W where a phase forms products with it beside those with W as it is. */
export function keptW(thread: Thread, fit: GramFit, phase: Phase): number | undefined {
  if (fit.spec.rule !== 'svrmu' || (phase !== 'batchRows' && phase !== 'batchColumns')) return undefined
  return carriedOf(thread, fit)[2]
}

/** Moves rows of Ht with reduced variance, but for those that stay; the batch's products with W lie at address `n`, those with W0 at `m`. */
export function reduceVariance(
  thread: Thread,
  fit: GramFit,
  begin: number,
  count: number,
  n: number,
  m: number,
  scratch: number,
): void {
  const { kernels, layout, spec } = fit
  const { paddedRank, stride, Ht, S, reduction, rows: total } = layout
  if (!reduction) throw new TypeError('a fit without snapshots')
  const [start, end] = windowOf(thread, fit)
  const [A, kept] = carriedOf(thread, fit)
  const { l1, l2 } = penaltyOf(fit, 'H')
  for (const { first, rows } of movingRows(fit, 'H', begin, count)) {
    const [f, f0, a] = [Ht, kept, A].map(base => base + first * stride)
    const [of, before] = [n, m].map(base => base + (first - begin) * stride)
    kernels.svrmu_update(
      ...([rows, paddedRank, f, stride, of, before, stride, f0, a, S, reduction.K, reduction.S0, stride] as const),
      ...([end - start, total, spec.ratio ?? 1, l1, l2, ...limitsOf(fit, 'H'), scratch] as const),
    )
  }
}
