/** scikit-learn looks at the error every ten iterations of its multiplicative solver. */
export const CHECK_EVERY = 10

/** When a fit ends by itself; see `FactorizeOptions` for each. */
export interface StopOptions {
  readonly maxIterations: number
  readonly tolerance: number
  readonly patience: number
  readonly violationTolerance: number
  readonly targetLoss: number | undefined
}

/** What a fit that converged was found to have reached: too small a gain, a small enough projected gradient, or the loss asked for. */
export type Criterion = 'gain' | 'violation' | 'target'

/** A loss as a distance: ‖X − WH‖ for Frobenius. Rounding may leave the loss of a perfect fit below 0. */
export function distance(loss: number): number {
  return Math.sqrt(2 * Math.max(0, loss))
}

/** Whether each iteration must be looked at as it comes, as what stops the fit may come with any of them. */
export function looksAtEach({ violationTolerance, targetLoss }: StopOptions): boolean {
  return violationTolerance > 0 || targetLoss !== undefined
}

/**
 * Why a fit ends after its last iteration, or undefined where it goes on. It depends on the past alone, so that a fit that
 * goes on from a checkpoint ends where it would have ended.
 * @param losses after each iteration, in any one scale
 * @param violations the same; empty where the solver has none
 * @param initialError `distance` of the start's loss, where `tolerance` is above 0
 */
export function criterionMet(
  { tolerance, patience, violationTolerance, targetLoss }: StopOptions,
  losses: readonly number[],
  violations: readonly number[],
  initialError: number | undefined,
): Criterion | undefined {
  const done = losses.length
  if (done === 0) return undefined
  if (targetLoss !== undefined && losses[done - 1] <= targetLoss) return 'target'
  if (
    violationTolerance > 0 &&
    violations.length === done &&
    violations[done - 1] <= violationTolerance * violations[0]
  ) {
    return 'violation'
  }
  if (tolerance === 0 || done % CHECK_EVERY !== 0) return undefined
  if (losses[done - 1] <= 0) return 'gain'
  const first = initialError ?? distance(losses[0])
  for (let look = 0; look < patience; look++) {
    const at = done - look * CHECK_EVERY
    if (at < CHECK_EVERY) return undefined
    const before = at === CHECK_EVERY ? first : distance(losses[at - 1 - CHECK_EVERY])
    // a loss that rises is not at its end, but for what rounding makes of it
    if (Math.abs(before - distance(losses[at - 1])) / first >= tolerance) return undefined
  }
  return 'gain'
}
