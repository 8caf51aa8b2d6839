import type { FitSpec, Penalty, Rule } from '../backends/backend.js'

/** Losses that have a name, with their β. */
export const LOSSES = { frobenius: 2, 'kullback-leibler': 1, 'itakura-saito': 0 } as const

export type LossName = keyof typeof LOSSES

/** What options say of a fit's numbers, checked. */
export interface Choice {
  readonly rank: number
  readonly dtype: 'f32' | 'f64'
  readonly beta: number
  readonly solver: Rule | 'auto'
  readonly alphaW: number
  readonly alphaH: number
  readonly l1Ratio: number
  readonly step: number | undefined
}

/**
 * `'auto'`: an iteration of coordinate descent costs as much as a multiplicative one where both come from the same two
 * products, and lowers the loss as several of those do. Elsewhere it costs more, and Newton steps for β ≥ 1 other than 2
 * promise nothing.
 */
function rulesOf(solver: Rule | 'auto', beta: number, weighted: boolean): readonly Rule[] {
  if (solver !== 'auto') return [solver]
  return beta === 2 && !weighted ? ['hals', 'mu'] : ['mu']
}

/** Undefined where nothing is added. */
function penaltyOf(alpha: number, l1Ratio: number, entries: number): Penalty | undefined {
  return alpha === 0 ? undefined : { l1: entries * alpha * l1Ratio, l2: entries * alpha * (1 - l1Ratio) }
}

/**
 * The specs of a fit of rows × columns that would do, best first: a solver that was not asked for by name is what the
 * backend has. Penalties grow with the entries that a row of W, or a column of H, has to fit, as
 * scikit-learn scales them: alphaW by the columns of X, alphaH by its rows.
 */
export function specsOf(
  choice: Choice,
  { rows, columns }: { rows: number; columns: number },
  weighted: boolean,
  fixed?: 'H',
): readonly FitSpec[] {
  const { rank, dtype, beta, solver, alphaW, alphaH, l1Ratio, step } = choice
  const penaltyW = penaltyOf(alphaW, l1Ratio, columns)
  const penaltyH = fixed === 'H' ? undefined : penaltyOf(alphaH, l1Ratio, rows)
  return rulesOf(solver, beta, weighted).map(rule => {
    return { rank, beta, rule, dtype, fixed, penaltyW, penaltyH, step }
  })
}
