import { refuse } from '../core/checks.js'
import { Composed } from './composed.js'
import { milestonesOf, reached } from './milestones.js'
import type { Observation, Scheduler } from './scheduler.js'

export interface SequentialOptions {
  readonly schedulers: readonly Scheduler[]
  /** The step at which each but the first takes over, in rising order. */
  readonly milestones: readonly number[]
}

/**
 * One scheduler after another: PyTorch's SequentialLR. Each begins at its own step 0 when its turn comes, with the rate that
 * it was made with, and sees only what is observed in its turn.
 */
export class Sequential extends Composed<SequentialOptions> {
  readonly #milestones: readonly number[]

  /** @throws NonnegError ERR_NONNEG_OPTION */
  constructor(options: SequentialOptions) {
    super(options, ['milestones'])
    this.#milestones = milestonesOf(options.milestones)
    if (this.#milestones.length !== this.parts.length - 1) {
      throw refuse('milestones', options.milestones, `a list of ${this.parts.length - 1}, one less than schedulers`)
    }
  }

  get learningRates(): readonly number[] {
    return this.parts[reached(this.#milestones, Math.max(0, this.step - 1))].learningRates
  }

  protected ask(observation: Observation, step: number): void {
    const turn = reached(this.#milestones, step)
    const since = turn === 0 ? 0 : this.#milestones[turn - 1]
    this.parts[turn].next({ ...observation, step: step - since })
  }
}
