import type { Penalty, Rule } from '../backend.js'
import type { GramFit, SharedFit, Thread } from './thread.js'

/** Rows of a factor that are to move: F, the products N with X, and the Gram matrix G of the other factor. */
export interface Move {
  readonly factor: 'W' | 'H'
  readonly rows: number
  readonly f: number
  readonly n: number
  readonly g: number
  readonly scratch: number
}

const NONE: Penalty = { l1: 0, l2: 0 }

/** The penalty on one factor. */
export function penaltyOf({ spec }: SharedFit, factor: 'W' | 'H'): Penalty {
  return (factor === 'W' ? spec.penaltyW : spec.penaltyH) ?? NONE
}

/**
 * How many components of a factor move, and up to where. Of the rank as stored all move where all of the rank do: its
 * padding stays zero, and the kernels need not look at the last vector lane by lane.
 */
export function limitsOf({ spec, layout }: SharedFit, factor: 'W' | 'H'): readonly [moving: number, most: number] {
  const { rank, paddedRank } = layout
  const { movingW, movingH, maxW, maxH } = spec
  const [moving = rank, most = Number.POSITIVE_INFINITY] = factor === 'W' ? [movingW, maxW] : [movingH, maxH]
  return [moving === rank ? paddedRank : moving, most]
}

/** For each time that the rule is applied to some rows, the address of the f64 that its violations go to. */
export function violationsOf(thread: Thread, fit: SharedFit, lane: number): readonly number[] {
  const { rounds = 1 } = fit.spec
  const [first, later] = (['violation', 'laterViolation'] as const).map(sum => thread.sumAt(sum, fit, lane))
  return Array.from({ length: rounds }, (_, round) => (round === 0 ? first : later))
}

type GramRule = (fit: GramFit, move: Move, violation: number, thread: Thread) => void

/** The update rules of the gram family; `violation` is the address of an f64 that grows, in rules that have it. */
const GRAM_RULES: Readonly<Record<Rule, GramRule>> = {
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
    const moving = Math.min(rank, limitsOf(fit, factor)[0])
    fit.kernels.bpp_update(rows, paddedRank, f, stride, n, stride, g, stride, l1, l2, moving, scratch, violation)
  },
  product({ layout }, { rows, f, n }, _violation, thread) {
    thread.copy(n, rows * layout.stride, f)
  },
  pg(fit, { factor, rows, f, n, g, scratch }, violation, thread) {
    const { kernels, layout, spec } = fit
    const { paddedRank, stride, size } = layout
    const { l1, l2 } = penaltyOf(fit, factor)
    // a few rows of F·G at a time, then the trace of G, fill the scratch
    const atOnce = 8
    const trace = scratch + atOnce * stride
    const reals = thread.reals(fit)
    let sum = 0
    for (let r = 0; r < paddedRank; r++) sum += reals[(g + r * stride) / size + r]
    reals[trace / size] = sum
    for (let first = 0; first < rows; first += atOnce) {
      const count = Math.min(atOnce, rows - first)
      const [row, pull] = [f + first * stride, n + first * stride]
      kernels.xht_dense(count, paddedRank, paddedRank, row, stride, g, stride, scratch, stride, 0)
      kernels.pg_step(
        ...([count, paddedRank, row, stride, pull, stride, scratch, stride, trace, 0] as const),
        ...([spec.step ?? 1, l1, l2, ...limitsOf(fit, factor), violation] as const),
      )
    }
  },
}

export function moveGram(thread: Thread, fit: GramFit, lane: number, move: Move): void {
  const rule = GRAM_RULES[fit.spec.rule]
  for (const violation of violationsOf(thread, fit, lane)) rule(fit, move, violation, thread)
}
