import { between, oneOf, whole } from '../core/checks.js'
import { type PeakOptions, rise } from './peak.js'
import { mix, Schedule } from './schedule.js'

export interface CyclicOptions extends PeakOptions {
  /** Steps of a rise, and of a fall. Default: what makes `cycles` of `totalSteps`, or 2000. */
  readonly stepSize?: number
  readonly totalSteps?: number
  /** Rises and falls in `totalSteps`. Default 4. */
  readonly cycles?: number
  /** 'triangular' (default): all alike; 'triangular2': each half as high as the last; 'exp-range': gamma^t as high. */
  readonly mode?: 'triangular' | 'triangular2' | 'exp-range'
  /** For 'exp-range'. Default 1. */
  readonly gamma?: number
  readonly warmupSteps?: number
}

/** Where a cycle begins, as a share of its peak. */
const START = 1 / 4

/**
 * Evenly up and down, again and again: Smith, "Cyclical learning rates for training neural networks" (WACV 2017), as
 * PyTorch's CyclicLR. A cycle begins and ends at `learningRate` (default: a quarter of the peak, after Smith's advice).
 */
export class Cyclic extends Schedule<CyclicOptions> {
  readonly #rise: { from: number; to: number }
  readonly #stepSize: number
  readonly #mode: 'triangular' | 'triangular2' | 'exp-range'
  readonly #gamma: number

  constructor(options: CyclicOptions = {}) {
    super(options, ['maxLearningRate', 'stepSize', 'totalSteps', 'cycles', 'mode', 'gamma'])
    this.#rise = rise(options, START)
    this.#stepSize = this.#stepSizeOf(options)
    this.#mode = oneOf('mode', options.mode ?? 'triangular', ['triangular', 'triangular2', 'exp-range'])
    this.#gamma = between('gamma', options.gamma ?? 1, 0, Number.POSITIVE_INFINITY)
  }

  #stepSizeOf({ stepSize, totalSteps, cycles = 4 }: CyclicOptions): number {
    if (stepSize !== undefined || totalSteps === undefined) return whole('stepSize', stepSize ?? 2000, 1)
    const steps = whole('totalSteps', totalSteps, this.warmupSteps + 1) - this.warmupSteps
    return steps / (2 * between('cycles', cycles, 0, Number.POSITIVE_INFINITY))
  }

  protected override rising(share: number): number {
    return this.#rise.from * share
  }

  protected after(steps: number): number {
    const { from, to } = this.#rise
    const cycles = steps / (2 * this.#stepSize)
    const height = 1 - Math.abs(2 * (cycles % 1) - 1)
    return mix(to, from, height * this.#scale(steps, Math.floor(cycles)))
  }

  #scale(steps: number, cycle: number): number {
    if (this.#mode === 'triangular') return 1
    return this.#mode === 'triangular2' ? 0.5 ** cycle : this.#gamma ** steps
  }
}
