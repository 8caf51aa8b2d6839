import { between, whole } from '../core/checks.js'
import { Schedule, type ScheduleOptions } from './schedule.js'

export interface StepOptions extends ScheduleOptions {
  /** Steps from one fall to the next. */
  readonly stepSize: number
  /** What is left at each fall. Default 0.1. */
  readonly gamma?: number
}

/** learningRate·gamma^⌊t/stepSize⌋: PyTorch's StepLR. */
export class Step extends Schedule<StepOptions> {
  readonly #stepSize: number
  readonly #gamma: number

  constructor(options: StepOptions) {
    super(options, ['stepSize', 'gamma'])
    this.#stepSize = whole('stepSize', options.stepSize, 1)
    this.#gamma = between('gamma', options.gamma ?? 0.1, 0, Number.POSITIVE_INFINITY)
  }

  protected after(steps: number): number {
    return this.top * this.#gamma ** Math.floor(steps / this.#stepSize)
  }
}
