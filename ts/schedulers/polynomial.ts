import { between } from '../core/checks.js'
import { Span, type SpanOptions } from './schedule.js'

export interface PolynomialOptions extends SpanOptions {
  /** Above 1 most of the fall comes early, below 1 late. Default 1: a straight line. */
  readonly power?: number
}

/** (1 − progress)^power, down to `finalLearningRate` (default 1e-7): Hugging Face's get_polynomial_decay_schedule_with_warmup. */
export class Polynomial extends Span<PolynomialOptions> {
  readonly #power: number

  constructor(options: PolynomialOptions) {
    super(options, ['power'], 1e-7)
    this.#power = between('power', options.power ?? 1, 0, Number.POSITIVE_INFINITY)
  }

  protected factor(progress: number): number {
    return (1 - progress) ** this.#power
  }
}
