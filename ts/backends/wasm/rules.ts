import { updateExponent } from '../../kernels/beta.js'
import type { Penalty, Rule } from '../backend.js'
import { movingRuns, type Run } from '../runs.js'
import { type Online, onlineOf } from './batch.js'
import { ONLINE_ROWS } from './kernels.js'
import type { GramFit, Phase, SharedFit, Thread } from './thread.js'

/** Rows of a factor that are to move, from `first` on: F, the products N with X, and the Gram matrix G of the other factor. */
export interface Move {
  readonly factor: 'W' | 'H'
  readonly first: number
  readonly rows: number
  readonly f: number
  readonly n: number
  readonly g: number
  readonly scratch: number
}

const NONE: Penalty = { l1: 0, l2: 0 }

/** Rows of F·G that the scratch has room for. */
const ROWS_AT_ONCE = 8

/** The penalty on one factor. */
export function penaltyOf({ spec }: SharedFit, factor: 'W' | 'H'): Penalty {
  return (factor === 'W' ? spec.penaltyW : spec.penaltyH) ?? NONE
}

/**
 * How many components of a factor move, and up to where. Of the rank as stored all move where all of the rank do: its
 * padding stays zero, and the kernels need not look at the last vector lane by lane.
 */
export function limitsOf(
  { spec, layout }: Pick<SharedFit, 'spec' | 'layout'>,
  factor: 'W' | 'H',
): readonly [moving: number, most: number] {
  const { rank, paddedRank } = layout
  const { movingW, movingH, maxW, maxH } = spec
  const [moving = rank, most = Number.POSITIVE_INFINITY] = factor === 'W' ? [movingW, maxW] : [movingH, maxH]
  return [moving === rank ? paddedRank : moving, most]
}

/** The runs of rows of a factor that move. */
export function movingRows({ spec }: SharedFit, factor: 'W' | 'H', first: number, rows: number): readonly Run[] {
  return movingRuns(factor === 'W' ? spec.frozenW : spec.frozenH, first, rows)
}

/**
 * For each time that the rule is applied to some rows in a phase, the address of the f64 that its violations go to. Batches
 * move H once, whatever the rounds.
 */
export function violationsOf(thread: Thread, fit: SharedFit, lane: number, phase: Phase): readonly number[] {
  const { extrapolation } = fit.layout
  const wanted = extrapolation ? thread.views.f64[extrapolation.rounds / 8] : (fit.spec.rounds ?? 1)
  const rounds = phase === 'batchColumns' ? 1 : wanted
  const [first, later] = (['violation', 'laterViolation'] as const).map(sum => thread.sumAt(sum, fit, lane))
  return Array.from({ length: rounds }, (_, round) => (round === 0 ? first : later))
}

type GramRule = (fit: GramFit, move: Move, violation: number, thread: Thread) => void

/** Rules that move rows by all that is known of them; `sgd` has a place of its own, see ts/backends/wasm/stochastic-rules.ts. */
type RuleOfRows = Exclude<Rule, 'sgd' | 'svrmu'>

/** The update rules of the gram family; `violation` is the address of an f64 that grows, in rules that have it. */
const GRAM_RULES: Readonly<Record<RuleOfRows, GramRule>> = {
  mu(fit, { factor, rows, f, n, g, scratch }) {
    const { paddedRank, stride } = fit.layout
    const { l1, l2 } = penaltyOf(fit, factor)
    const limits = limitsOf(fit, factor)
    fit.kernels.mu_update(rows, paddedRank, f, stride, n, stride, g, stride, l1, l2, ...limits, scratch)
  },
  hals(fit, { factor, rows, f, n, g, scratch }, violation) {
    const { paddedRank, stride } = fit.layout
    const { l1, l2 } = penaltyOf(fit, factor)
    const limits = limitsOf(fit, factor)
    fit.kernels.hals_update(rows, paddedRank, f, stride, n, stride, g, stride, l1, l2, ...limits, scratch, violation)
  },
  bpp(fit, { factor, rows, f, n, g, scratch }, violation) {
    const { rank, paddedRank, stride } = fit.layout
    const { l1, l2 } = penaltyOf(fit, factor)
    const [moving, most] = limitsOf(fit, factor)
    const limits = [Math.min(rank, moving), most] as const
    fit.kernels.bpp_update(rows, paddedRank, f, stride, n, stride, g, stride, l1, l2, ...limits, scratch, violation)
  },
  product({ layout }, { rows, f, n }, _violation, thread) {
    thread.copy(n, rows * layout.stride, f)
  },
  pg(fit, { factor, rows, f, n, g, scratch }, violation, thread) {
    const { kernels, layout, spec } = fit
    const { paddedRank, stride, size } = layout
    const { l1, l2 } = penaltyOf(fit, factor)
    // rows of F·G, then the trace of G, fill the scratch
    const trace = scratch + ROWS_AT_ONCE * stride
    const reals = thread.reals(fit)
    let sum = 0
    for (let r = 0; r < paddedRank; r++) sum += reals[(g + r * stride) / size + r]
    reals[trace / size] = sum
    for (let first = 0; first < rows; first += ROWS_AT_ONCE) {
      const count = Math.min(ROWS_AT_ONCE, rows - first)
      const [row, pull] = [f + first * stride, n + first * stride]
      kernels.xht_dense(count, paddedRank, paddedRank, row, stride, g, stride, scratch, stride, 0)
      kernels.pg_step(
        ...([count, paddedRank, row, stride, pull, stride, scratch, stride, trace, 0] as const),
        ...([spec.step ?? 1, l1, l2, ...limitsOf(fit, factor), violation] as const),
      )
    }
  },
}

/** Moves rows by their rule, but for those that stay. */
export function moveGram(thread: Thread, fit: GramFit, lane: number, phase: Phase, panel: Move): void {
  const { rule } = fit.spec
  const { stride } = fit.layout
  // which differs from `mu` in its updates of H alone
  const move = GRAM_RULES[rule === 'svrmu' ? 'mu' : (rule as RuleOfRows)]
  for (const { first, rows } of movingRows(fit, panel.factor, panel.first, panel.rows)) {
    const further = (first - panel.first) * stride
    const run = { ...panel, first, rows, f: panel.f + further, n: panel.n + further }
    for (const violation of violationsOf(thread, fit, lane, phase)) move(fit, run, violation, thread)
  }
}

/** Moves rows of Ht from a batch, with N = XᵀW of its rows of X at address `n`. */
export function moveOnline(
  thread: Thread,
  fit: GramFit,
  first: number,
  rows: number,
  n: number,
  scratch: number,
): void {
  const { kernels, layout } = fit
  const { paddedRank, stride, Ht, S } = layout
  const online = onlineOf(thread, fit)
  const more = scratch + ONLINE_ROWS * stride
  for (let i = 0; i < rows; i += ONLINE_ROWS) {
    const count = Math.min(ONLINE_ROWS, rows - i)
    const f = Ht + (first + i) * stride
    kernels.wh_dense(count, paddedRank, paddedRank, f, stride, S, stride, scratch, stride, more)
    updateOnline(fit, online, first + i, count, n + i * stride, scratch, stride)
  }
}

/**
 * Moves rows of Ht from both halves of a batch's gradient, but for those that stay; a `pStride` of 0 gives all rows the same P.
 */
export function updateOnline(
  fit: SharedFit,
  { A, B, keep, l1, l2 }: Online,
  start: number,
  count: number,
  n: number,
  p: number,
  pStride: number,
): void {
  const { kernels, layout, spec } = fit
  const { Ht, stride } = layout
  for (const { first, rows } of movingRows(fit, 'H', start, count)) {
    const further = first * stride
    const [pull, push] = [n + (first - start) * stride, p + (first - start) * pStride]
    kernels.online_update(
      ...([rows, Ht + further, stride, A + further, B + further, pull, stride, push, pStride] as const),
      ...([updateExponent(spec.beta), keep, l1, l2, ...limitsOf({ spec, layout }, 'H')] as const),
    )
  }
}
