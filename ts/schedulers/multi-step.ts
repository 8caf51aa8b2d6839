import { between } from '../core/checks.js'
import { milestonesOf, reached } from './milestones.js'
import { Schedule, type ScheduleOptions } from './schedule.js'

export interface MultiStepOptions extends ScheduleOptions {
  /** The steps after the warm-up at which the rate falls, in rising order. */
  readonly milestones: readonly number[]
  /** What is left at each fall. Default 0.1. */
  readonly gamma?: number
}

/** learningRate·gamma^(milestones reached): PyTorch's MultiStepLR. */
export class MultiStep extends Schedule<MultiStepOptions> {
  readonly #milestones: readonly number[]
  readonly #gamma: number

  constructor(options: MultiStepOptions) {
    super(options, ['milestones', 'gamma'])
    this.#milestones = milestonesOf(options.milestones)
    this.#gamma = between('gamma', options.gamma ?? 0.1, 0, Number.POSITIVE_INFINITY)
  }

  protected after(steps: number): number {
    return this.top * this.#gamma ** reached(this.#milestones, steps)
  }
}
