import type { Sums, Vectors } from '../backends/vectors.js'
import { NonnegError } from '../core/errors.js'
import type { Observation } from '../schedulers/scheduler.js'
import type { StepContext } from './method.js'

/** What a method knows of gradients when it asks for a rate. */
export type Measured = Pick<Observation, 'squaredGradient' | 'alignment' | 'squaredDirection'>

/**
 * The rate of each group for the step to come: what the scheduler says, without one `fixed`.
 * @param measured a number is short for `{ squaredGradient }`
 */
export function ratesOf(
  { scheduler, done, loss }: StepContext,
  fixed: readonly number[],
  measured: number | Measured | undefined,
): readonly number[] {
  if (!scheduler) return fixed
  const seen = typeof measured === 'number' ? { squaredGradient: measured } : measured
  const first = scheduler.next({ step: done, ...(loss !== undefined && { loss, batchLoss: loss }), ...seen })
  const { learningRates } = scheduler
  const rates = fixed.map((_, k) => (learningRates.length > 1 ? learningRates[k] : first))
  if (rates.every(Number.isFinite)) return rates
  throw new NonnegError('ERR_NONNEG_OPTION', `the scheduler answers ${rates.join(', ')} for step ${done}`)
}

/** Gives every parameter of group k the rate starts[k]. */
export async function fillRates(vectors: Vectors, groups: readonly number[], starts: readonly number[]): Promise<void> {
  let begin = 0
  for (let k = 0; k < groups.length; k++) {
    await vectors.fill('rates', starts[k], begin, begin + groups[k])
    begin += groups[k]
  }
}

/** One sum over all groups. */
export function totalOf(sums: readonly Sums[], name: string): number {
  return sums.reduce((total, group) => total + group[name], 0)
}
