import { between, refuse, whole } from '../core/checks.js'
import { Schedule, type ScheduleOptions } from './schedule.js'

export interface ExponentialOptions extends ScheduleOptions {
  /** What is left after each step. */
  readonly gamma?: number
  /** In place of `gamma`: when `finalLearningRate` is reached, warm-up included. */
  readonly totalSteps?: number
  /** Default: a hundredth of `learningRate`. */
  readonly finalLearningRate?: number
}

/** learningRate·gamma^t: PyTorch's ExponentialLR. */
export class Exponential extends Schedule<ExponentialOptions> {
  readonly #gamma: number

  constructor(options: ExponentialOptions) {
    super(options, ['gamma', 'totalSteps', 'finalLearningRate'])
    this.#gamma = this.#gammaOf(options)
  }

  #gammaOf({ gamma, totalSteps, finalLearningRate }: ExponentialOptions): number {
    if (gamma !== undefined) {
      const other = totalSteps ?? finalLearningRate
      if (other !== undefined) throw refuse('gamma', gamma, 'left out where totalSteps and finalLearningRate say it')
      return between('gamma', gamma, 0, Number.POSITIVE_INFINITY)
    }
    if (totalSteps === undefined) throw refuse('gamma', gamma, 'a number above 0, and there are no totalSteps')
    const steps = whole('totalSteps', totalSteps, this.warmupSteps + 1) - this.warmupSteps
    const final = between('finalLearningRate', finalLearningRate ?? this.top / 100, 0, Number.POSITIVE_INFINITY)
    return (final / this.top) ** (1 / steps)
  }

  protected after(steps: number): number {
    return this.top * this.#gamma ** steps
  }
}
