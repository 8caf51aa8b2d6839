import { NonnegError } from '../../core/errors.js'
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
  /** An f64 that grows by Σ |projected gradient|, from rules that have it. */
  readonly violation: number
}

const NONE: Penalty = { l1: 0, l2: 0 }

/** The penalty on one factor. */
export function penaltyOf({ spec }: SharedFit, factor: 'W' | 'H'): Penalty {
  return (factor === 'W' ? spec.penaltyW : spec.penaltyH) ?? NONE
}

/** The update rules of the gram family. */
export const GRAM_RULES: Readonly<Record<Rule, (fit: GramFit, move: Move, thread: Thread) => void>> = {
  mu(fit, { factor, rows, f, n, g, scratch }) {
    const { paddedRank, stride } = fit.layout
    const { l1, l2 } = penaltyOf(fit, factor)
    fit.kernels.mu_update(rows, paddedRank, f, stride, n, stride, g, stride, l1, l2, scratch)
  },
  hals(fit, { factor, rows, f, n, g, scratch, violation }) {
    const { paddedRank, stride } = fit.layout
    const { l1, l2 } = penaltyOf(fit, factor)
    fit.kernels.hals_update(rows, paddedRank, f, stride, n, stride, g, stride, l1, l2, scratch, violation)
  },
  bpp() {
    throw new NonnegError('ERR_NONNEG_UNSUPPORTED', 'wasm has no bpp yet')
  },
  product() {
    throw new NonnegError('ERR_NONNEG_UNSUPPORTED', 'wasm has no product yet')
  },
  pg(fit, { factor, rows, f, n, g, scratch, violation }, thread) {
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
        ...([spec.step ?? 1, l1, l2, violation] as const),
      )
    }
  },
}

export function moveGram(thread: Thread, fit: GramFit, move: Move): void {
  GRAM_RULES[fit.spec.rule](fit, move, thread)
}
