import { finite, oneOf, refuse } from '../core/checks.js'

/** What counts as an improvement of a metric. */
export interface MetricOptions {
  /** Whether the metric is to become small ('min', the default) or large ('max'). */
  readonly mode?: 'min' | 'max'
  /** By how much a metric must beat the best to count as better. */
  readonly threshold?: number
  /** Whether the threshold is a difference ('abs') or a share of the best ('rel'), which suits positive metrics alone. */
  readonly thresholdMode?: 'abs' | 'rel'
}

/** Compares metrics. @throws NonnegError ERR_NONNEG_OPTION */
export class Metric {
  /** Before anything was seen: what every metric beats. */
  readonly worst: number
  readonly #max: boolean
  readonly #threshold: number
  readonly #relative: boolean

  constructor({
    mode = 'min',
    threshold,
    thresholdMode,
  }: MetricOptions & { threshold: number; thresholdMode: string }) {
    this.#max = oneOf('mode', mode, ['min', 'max']) === 'max'
    this.worst = this.#max ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
    this.#threshold = finite('threshold', threshold)
    this.#relative = oneOf('thresholdMode', thresholdMode, ['abs', 'rel']) === 'rel'
    if (this.#relative && threshold >= 1) throw refuse('threshold', threshold, 'a share below 1')
  }

  /** Never true of NaN. */
  isBetter(metric: number, best: number): boolean {
    const sign = this.#max ? 1 : -1
    const bar = this.#relative ? best * (1 + sign * this.#threshold) : best + sign * this.#threshold
    return this.#max ? metric > bar : metric < bar
  }

  /** The same without the threshold. */
  isAhead(metric: number, other: number): boolean {
    return this.#max ? metric > other : metric < other
  }
}
