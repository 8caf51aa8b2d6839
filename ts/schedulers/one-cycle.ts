import { finite, oneOf, whole } from '../core/checks.js'
import { type PeakOptions, rise } from './peak.js'
import { mix, Schedule } from './schedule.js'

export interface OneCycleOptions extends PeakOptions {
  readonly totalSteps: number
  /** Steps of the rise, its last one at the peak. Default: 30 % of `totalSteps`. */
  readonly warmupSteps?: number
  /** The rate of the last step. Default: a ten-thousandth of that of the first. */
  readonly finalLearningRate?: number
  /** How the rate goes from one to the other. Default 'cosine'. */
  readonly shape?: 'cosine' | 'linear'
}

/** Where the rise begins, as a share of the peak. */
const START = 1 / 25

/**
 * Up to a peak and down far below the start: Smith & Topin, "Super-convergence" (2018), with the two phases and defaults of
 * PyTorch's OneCycleLR. The first step has `learningRate` (default: a 25th of the peak), step warmupSteps − 1 the peak, the
 * last one `finalLearningRate`. A warm-up is part of the cycle.
 */
export class OneCycle extends Schedule<OneCycleOptions> {
  readonly #rise: { from: number; to: number }
  readonly #peakAt: number
  readonly #fall: number
  readonly #final: number
  readonly #linear: boolean

  constructor(options: OneCycleOptions) {
    super(options, ['totalSteps', 'maxLearningRate', 'finalLearningRate', 'shape'])
    const totalSteps = whole('totalSteps', options.totalSteps, 1)
    this.#rise = rise(options, START)
    const steps =
      options.warmupSteps === undefined ? 0.3 * totalSteps : whole('warmupSteps', options.warmupSteps, 0, totalSteps)
    this.#peakAt = Math.max(0, steps - 1)
    this.#fall = Math.max(1, totalSteps - 1 - this.#peakAt)
    this.#final = finite('finalLearningRate', options.finalLearningRate ?? this.#rise.from / 1e4)
    this.#linear = oneOf('shape', options.shape ?? 'cosine', ['cosine', 'linear']) === 'linear'
  }

  #between(from: number, to: number, progress: number): number {
    return mix(from, to, this.#linear ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress)))
  }

  override at(step: number): number {
    whole('step', step, 0)
    return this.after(step)
  }

  protected after(steps: number): number {
    const { from, to } = this.#rise
    if (steps < this.#peakAt) return this.#between(from, to, steps / this.#peakAt)
    return this.#between(to, this.#final, Math.min(1, (steps - this.#peakAt) / this.#fall))
  }
}
