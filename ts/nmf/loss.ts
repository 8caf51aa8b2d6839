import type { FitSpec, Penalty, Rule } from '../backends/backend.js'

/** Losses that have a name, with their β. */
export const LOSSES = { frobenius: 2, 'kullback-leibler': 1, 'itakura-saito': 0 } as const

export type LossName = keyof typeof LOSSES

/** What options say of a fit's numbers, checked. */
export interface Choice {
  readonly rank: number
  readonly dtype: 'f32' | 'f64'
  readonly beta: number
  readonly rule: Rule
  readonly alphaW: number
  readonly alphaH: number
  readonly l1Ratio: number
  readonly step: number | undefined
}

/** Undefined where nothing is added. */
function penaltyOf(alpha: number, l1Ratio: number, entries: number): Penalty | undefined {
  return alpha === 0 ? undefined : { l1: entries * alpha * l1Ratio, l2: entries * alpha * (1 - l1Ratio) }
}

/**
 * The spec of a fit of rows × columns. Penalties grow with the entries that a row of W, or a column of H, has to fit, as
 * scikit-learn scales them: alphaW by the columns of X, alphaH by its rows.
 */
export function specOf(choice: Choice, rows: number, columns: number, fixed?: 'H'): FitSpec {
  const { rank, dtype, beta, rule, alphaW, alphaH, l1Ratio, step } = choice
  const penaltyW = penaltyOf(alphaW, l1Ratio, columns)
  const penaltyH = fixed === 'H' ? undefined : penaltyOf(alphaH, l1Ratio, rows)
  return { rank, beta, rule, dtype, fixed, penaltyW, penaltyH, step }
}
