import type { Vectors } from '../backends/vectors.js'
import { NonnegError } from '../core/errors.js'
import type { StepContext } from './method.js'

/** The rate of each group for the step to come: what the scheduler says, without one `fixed`. */
export function ratesOf(
  { scheduler, done, loss }: StepContext,
  fixed: readonly number[],
  squaredGradient: number | undefined,
): readonly number[] {
  if (!scheduler) return fixed
  const first = scheduler.next({
    step: done,
    ...(loss !== undefined && { loss, batchLoss: loss }),
    ...(squaredGradient !== undefined && { squaredGradient }),
  })
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
