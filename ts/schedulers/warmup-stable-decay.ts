import { finite, oneOf, whole } from '../core/checks.js'
import { mix, Schedule, type SpanOptions } from './schedule.js'

type Decay = 'cosine' | 'linear' | '1-sqrt'

export interface WarmupStableDecayOptions extends SpanOptions {
  /** Steps of the decay, the last of `totalSteps`. Default: a tenth of them. */
  readonly decaySteps?: number
  /** Default 'cosine'. */
  readonly decay?: Decay
}

/** What is left of the way at a share of the decay. */
const LEFT: Readonly<Record<Decay, (progress: number) => number>> = {
  cosine: progress => 0.5 * (1 + Math.cos(Math.PI * progress)),
  linear: progress => 1 - progress,
  '1-sqrt': progress => 1 - Math.sqrt(progress),
}

/**
 * Up, constant, and down to `finalLearningRate` (default 0) in the last steps: Hu et al., "MiniCPM" (2024), as Hugging Face's
 * get_wsd_schedule, whose warm-up begins at the final rate. A run can be prolonged from before the decay.
 */
export class WarmupStableDecay extends Schedule<WarmupStableDecayOptions> {
  readonly #final: number
  readonly #stable: number
  readonly #decaySteps: number
  readonly #left: (progress: number) => number

  constructor(options: WarmupStableDecayOptions) {
    super(options, ['totalSteps', 'finalLearningRate', 'decaySteps', 'decay'])
    const steps = whole('totalSteps', options.totalSteps, Math.max(1, this.warmupSteps)) - this.warmupSteps
    const decaySteps = options.decaySteps ?? Math.min(steps, Math.ceil(options.totalSteps / 10))
    this.#decaySteps = whole('decaySteps', decaySteps, 0, steps)
    this.#stable = steps - this.#decaySteps
    this.#final = finite('finalLearningRate', options.finalLearningRate ?? 0)
    this.#left = LEFT[oneOf('decay', options.decay ?? 'cosine', ['cosine', 'linear', '1-sqrt'])]
  }

  protected override rising(share: number): number {
    return mix(this.top, this.#final, share)
  }

  protected after(steps: number): number {
    const decayed = steps - this.#stable
    if (decayed < 0) return this.top
    return decayed >= this.#decaySteps
      ? this.#final
      : mix(this.top, this.#final, this.#left(decayed / this.#decaySteps))
  }
}
