import { finite, refuse } from '../core/checks.js'
import { Composed } from './composed.js'
import type { Observation, Scheduler } from './scheduler.js'

export interface ChainedOptions {
  /** With rates from 1 they are factors. Those for several groups must have equally many. */
  readonly schedulers: readonly Scheduler[]
  /** What the product of the others is multiplied with. Default 1. */
  readonly learningRate?: number
}

/** The product of the rates of several schedulers, all asked at each step: PyTorch's ChainedScheduler, in closed form. */
export class Chained extends Composed<ChainedOptions> {
  readonly #factor: number
  readonly #groups: number

  /** @throws NonnegError ERR_NONNEG_OPTION */
  constructor(options: ChainedOptions) {
    super(options, ['learningRate'])
    this.#factor = finite('learningRate', options.learningRate ?? 1)
    const counts = this.parts.map(part => part.learningRates.length)
    this.#groups = Math.max(...counts)
    if (counts.some(count => count !== 1 && count !== this.#groups)) {
      throw refuse('schedulers', counts.join(', '), 'for equally many groups, or one')
    }
  }

  get learningRates(): readonly number[] {
    const all = this.parts.map(part => part.learningRates)
    return Array.from({ length: this.#groups }, (_, group) =>
      all.reduce((product, rates) => product * (rates[group] ?? rates[0]), this.#factor),
    )
  }

  protected ask(observation: Observation, step: number): void {
    for (const part of this.parts) part.next({ ...observation, step })
  }
}
