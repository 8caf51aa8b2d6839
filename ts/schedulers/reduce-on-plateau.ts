import { between, checkObject, finite, whole } from '../core/checks.js'
import { type GroupRates, groupBounds } from './groups.js'
import { Metric, type MetricOptions } from './metric.js'
import { COUNT, NUMBER } from './remembering.js'
import type { Observation } from './scheduler.js'
import { Watcher } from './watcher.js'

export interface ReduceOnPlateauOptions extends GroupRates, MetricOptions {
  /** What is left of the rate at each fall. Default 0.1. */
  readonly factor?: number
  /** Metrics in a row without improvement that are let pass. Default 10. */
  readonly patience?: number
  /** Default 1e-4. */
  readonly threshold?: number
  /** Default 'rel'. */
  readonly thresholdMode?: 'abs' | 'rel'
  /** Metrics after a fall that do not count as bad. Default 0. */
  readonly cooldown?: number
  /** No fall goes below it; a list has one for each group. Default 0. */
  readonly minLr?: number | readonly number[]
  /** Falls by no more than this are left out. Default 1e-8. */
  readonly eps?: number
}

type PlateauMemory = {
  readonly step: number
  readonly rates: readonly number[]
  readonly best: number
  readonly bad: number
  readonly cooldown: number
}

/**
 * Lowers the rate when the metric has not improved for a while, and never raises it: PyTorch's ReduceLROnPlateau. A metric
 * that is NaN counts as bad. Meant for a loss after every epoch; the loss of a batch is too noisy for its patience.
 */
export class ReduceOnPlateau extends Watcher<ReduceOnPlateauOptions, PlateauMemory> {
  readonly reads = ['loss'] as const
  readonly #metric: Metric
  readonly #factor: number
  readonly #patience: number
  readonly #cooldown: number
  readonly #lower: readonly number[]
  readonly #eps: number

  /** @throws NonnegError ERR_NONNEG_OPTION */
  constructor(options: ReduceOnPlateauOptions = {}) {
    checkObject('options', options, 'an object')
    const { threshold = 1e-4, thresholdMode = 'rel' } = options
    const metric = new Metric({ ...options, threshold, thresholdMode })
    super(
      options,
      ['learningRates', 'mode', 'factor', 'patience', 'threshold', 'thresholdMode', 'cooldown', 'minLr', 'eps'],
      { best: metric.worst, bad: 0, cooldown: 0 },
      { best: NUMBER, bad: COUNT, cooldown: COUNT },
    )
    this.#metric = metric
    this.#factor = between('factor', options.factor ?? 0.1, 0, 1)
    this.#patience = whole('patience', options.patience ?? 10, 0)
    this.#cooldown = whole('cooldown', options.cooldown ?? 0, 0)
    this.#lower = groupBounds('minLr', options.minLr ?? 0, this.startRates.length)
    this.#eps = finite('eps', options.eps ?? 1e-8)
  }

  protected seen({ loss }: Observation): PlateauMemory {
    const { memory } = this
    if (loss === undefined) return memory
    const better = this.#metric.isBetter(loss, memory.best)
    const best = better ? loss : memory.best
    const cooling = memory.cooldown > 0
    const bad = better || cooling ? 0 : memory.bad + 1
    if (bad <= this.#patience) return { ...memory, best, bad, cooldown: cooling ? memory.cooldown - 1 : 0 }
    const rates = memory.rates.map((rate, group) => {
      const lowered = Math.max(rate * this.#factor, this.#lower[group])
      return rate - lowered > this.#eps ? lowered : rate
    })
    return { ...memory, rates, best, bad: 0, cooldown: this.#cooldown }
  }
}
