import { between } from '../core/checks.js'
import { Schedule, type ScheduleOptions } from './schedule.js'

export interface InverseTimeOptions extends ScheduleOptions {
  /** The unit of time, in steps. Default 1. */
  readonly timescale?: number
  /** Decay for each unit of time. Default 1. */
  readonly gamma?: number
  /** Default 1; 1.5 is the t^1.5 decay. */
  readonly power?: number
}

/**
 * learningRate / (1 + gamma·t/timescale)^power. With a power above ½ and at most 1 the rates add up to infinity and their
 * squares do not, which is what Robbins & Monro (Ann. Math. Statist. 1951) ask for; with more, such as 1.5, the rates add
 * up to a finite sum, so that a run may come to rest before it has arrived.
 */
export class InverseTime extends Schedule<InverseTimeOptions> {
  readonly #timescale: number
  readonly #gamma: number
  readonly #power: number

  constructor(options: InverseTimeOptions = {}) {
    super(options, ['timescale', 'gamma', 'power'])
    this.#timescale = between('timescale', options.timescale ?? 1, 0, Number.POSITIVE_INFINITY)
    this.#gamma = between('gamma', options.gamma ?? 1, 0, Number.POSITIVE_INFINITY)
    this.#power = between('power', options.power ?? 1, 0, Number.POSITIVE_INFINITY)
  }

  protected after(steps: number): number {
    return this.top / (1 + (this.#gamma * steps) / this.#timescale) ** this.#power
  }
}
