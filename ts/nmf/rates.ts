import { NonnegError } from '../core/errors.js'
import { type SchedulerRun, schedulerFrom } from '../schedulers/registry.js'
import type { Observation, Scheduler, SchedulerState } from '../schedulers/scheduler.js'
import type { RateChoice, ResolvedBatchOptions } from './batch-options.js'

/** The learning rates of a step. */
export interface StepRates {
  readonly W: number
  readonly H: number
}

/** Where the schedulers of a fit are: one for both factors, or W's and H's. */
export type RatesState = readonly SchedulerState[]

/** The schedulers of a fit, which asks them for the rates of both factors. */
export class Rates {
  /** One for both factors, or W's and H's. Copies: two fits with the same options do not meet in them. */
  readonly #schedulers: readonly Scheduler[]

  /** @param totalSteps how many steps named schedules are to last */
  constructor(choice: ResolvedBatchOptions['rates'], totalSteps: number) {
    const made = ({ learningRate, scheduler }: RateChoice) => {
      const run: SchedulerRun = { learningRate, totalSteps }
      return schedulerFrom(scheduler, run).clone()
    }
    this.#schedulers = 'both' in choice ? [made(choice.both)] : [made(choice.W), made(choice.H)]
  }

  /** Whether what the batches do has a part in the rates, so that each must have come before the next is asked for. */
  get observes(): boolean {
    return this.#schedulers.some(({ observes }) => observes)
  }

  /** @throws NonnegError ERR_NONNEG_OPTION where a scheduler answers what is no rate */
  next(observation: Observation): StepRates {
    const [w, h] = this.#schedulers.map(scheduler => scheduler.next(observation))
    const [first] = this.#schedulers
    const groups = first.learningRates.length
    if (groups > (h === undefined ? 2 : 1)) {
      const message = `a scheduler of ${groups} groups has rates for other things than W and H`
      throw new NonnegError('ERR_NONNEG_OPTION', message, { detail: { option: 'scheduler', groups } })
    }
    // of one scheduler for both, two groups are W's and H's
    const rates =
      h === undefined ? { W: w, H: first.learningRates.length > 1 ? first.learningRates[1] : w } : { W: w, H: h }
    for (const [factor, rate] of Object.entries(rates)) {
      if (Number.isFinite(rate) && rate >= 0) continue
      const message = `the scheduler's rate for ${factor} at step ${observation.step} is ${rate}, not a finite number ≥ 0`
      throw new NonnegError('ERR_NONNEG_OPTION', message, {
        detail: { option: 'scheduler', factor, rate, ...observation },
      })
    }
    return rates
  }

  get state(): RatesState {
    return this.#schedulers.map(scheduler => scheduler.state())
  }

  set state(states: RatesState) {
    for (const [i, scheduler] of this.#schedulers.entries()) scheduler.restore(states[i])
  }
}
