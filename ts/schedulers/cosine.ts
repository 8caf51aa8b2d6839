import { between } from '../core/checks.js'
import { Span, type SpanOptions } from './schedule.js'

export interface CosineOptions extends SpanOptions {
  /** Periods of the cosine between warm-up and end. Default ½: down once. */
  readonly cycles?: number
}

/**
 * Along a cosine from `learningRate` to `finalLearningRate` (default 0): SGDR (Loshchilov & Hutter, ICLR 2017) without
 * restarts, with the options of Hugging Face's get_cosine_schedule_with_warmup. After `totalSteps` the rate stays, where
 * theirs would rise again.
 */
export class Cosine extends Span<CosineOptions> {
  readonly #cycles: number

  constructor(options: CosineOptions) {
    super(options, ['cycles'])
    this.#cycles = between('cycles', options.cycles ?? 0.5, 0, Number.POSITIVE_INFINITY)
  }

  protected factor(progress: number): number {
    return Math.max(0, 0.5 * (1 + Math.cos(2 * Math.PI * this.#cycles * progress)))
  }
}
