import { Span, type SpanOptions } from './schedule.js'

/** Straight down to `finalLearningRate` (default 0) at `totalSteps`: get_linear_schedule_with_warmup of Hugging Face. */
export class Linear extends Span {
  constructor(options: SpanOptions) {
    super(options)
  }

  protected factor(progress: number): number {
    return 1 - progress
  }
}
