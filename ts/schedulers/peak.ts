import { between, finite, refuse } from '../core/checks.js'
import type { GroupRates } from './groups.js'

export interface PeakOptions extends GroupRates {
  /** The lowest rate of a rise; without `maxLearningRate` the highest. Default: see there. */
  readonly learningRate?: number
  /** The highest rate. Default: `learningRate`, or 1; the rise then begins at a share of it that the class names. */
  readonly maxLearningRate?: number
}

/** From where to where the rate rises. @param share of the peak, where it begins unless both are given */
export function rise(options: PeakOptions, share: number): { from: number; to: number } {
  const { learningRate = options.learningRates?.[0], maxLearningRate } = options
  const to = between('maxLearningRate', maxLearningRate ?? learningRate ?? 1, 0, Number.POSITIVE_INFINITY)
  const from = maxLearningRate === undefined ? to * share : finite('learningRate', learningRate ?? to * share)
  if (from > to) throw refuse('learningRate', from, `a number ≤ maxLearningRate, which is ${to}`)
  return { from, to }
}
