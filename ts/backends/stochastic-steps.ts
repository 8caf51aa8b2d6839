import type { BatchSteps } from './backend.js'

// What backends share that take stochastic gradient steps; see `Fit.runBatches`.

/** What one batch has done; see `BatchSteps`. */
export interface BatchStep {
  readonly rateW: number
  readonly rateH: number
  readonly squaredGradient: number
  readonly alignment: number
}

/** Of all of W at the last refresh: a bound of the largest eigenvalue of WᵀW, and the largest ‖w_i‖². */
export interface Bounds {
  readonly eigenvalue: number
  readonly squaredNorm: number
}

/** η for a rate in units of 2/𝓛. */
export function unitStep(rate: number, bend: number): number {
  return bend > 0 ? (2 * rate) / bend : 0
}

/** The rates of one batch of H, and which share of the rows it has. */
export interface BatchRates {
  readonly rate: number
  readonly safety: number
  readonly count: number
  readonly total: number
  readonly l2: number
}

/** The length of the step of H; `own` is the bound of the eigenvalue for the batch's rows of W after their steps. */
export function boundedStep(
  { rate, safety, count, total, l2 }: BatchRates,
  { eigenvalue, squaredNorm }: Bounds,
  own: number,
): number {
  const kappa = total > 1 ? (total - count) / (count * (total - 1)) : 0
  const curvature = (1 - kappa) * eigenvalue + kappa * total * squaredNorm
  return Math.min(unitStep(Math.min(rate, safety), curvature + l2), unitStep(safety, (total / count) * own + l2))
}

/** One array for each number of the steps. */
export function columnsOf(steps: readonly BatchStep[]): BatchSteps {
  const column = (name: keyof BatchStep) => Float64Array.from(steps, step => step[name])
  return {
    rateW: column('rateW'),
    rateH: column('rateH'),
    squaredGradient: column('squaredGradient'),
    alignment: column('alignment'),
  }
}
