import type { Penalty, Rule } from '../backend.js'
import type { SharedFit } from './thread.js'

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
export const GRAM_RULES: Readonly<Partial<Record<Rule, (fit: SharedFit, move: Move) => void>>> = {
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
}

export function moveGram(fit: SharedFit, move: Move): void {
  GRAM_RULES[fit.spec.rule]!(fit, move)
}
