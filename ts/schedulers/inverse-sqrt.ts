import { between } from '../core/checks.js'
import { Schedule, type ScheduleOptions } from './schedule.js'

export interface InverseSqrtOptions extends ScheduleOptions {
  /** Steps after which 1/√2 of the rate is left. Default: the warm-up's, or 10000 without one. */
  readonly timescale?: number
}

/**
 * 1/√((t + timescale − warmupSteps)/timescale) at step t: Hugging Face's get_inverse_sqrt_schedule; with the default timescale
 * the decay of Vaswani et al., "Attention is all you need" (NeurIPS 2017). No end needs to be known.
 */
export class InverseSqrt extends Schedule<InverseSqrtOptions> {
  readonly #timescale: number

  constructor(options: InverseSqrtOptions = {}) {
    super(options, ['timescale'])
    const timescale = options.timescale ?? (this.warmupSteps || 10_000)
    this.#timescale = between('timescale', timescale, 0, Number.POSITIVE_INFINITY)
  }

  protected after(steps: number): number {
    return this.top / Math.sqrt((steps + this.#timescale) / this.#timescale)
  }
}
