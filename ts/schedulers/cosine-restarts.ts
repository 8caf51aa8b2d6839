import { whole } from '../core/checks.js'
import { Span, type SpanOptions } from './schedule.js'

export interface CosineRestartsOptions extends SpanOptions {
  /** How often the rate goes down; each time but the first it begins again at the top. Default 1. */
  readonly cycles?: number
}

/**
 * Several cosines, each starting again at the top: SGDR (Loshchilov & Hutter, ICLR 2017) with cycles of equal length, as
 * Hugging Face's get_cosine_with_hard_restarts_schedule_with_warmup has it.
 */
export class CosineRestarts extends Span<CosineRestartsOptions> {
  readonly #cycles: number

  constructor(options: CosineRestartsOptions) {
    super(options, ['cycles'])
    this.#cycles = whole('cycles', options.cycles ?? 1, 1)
  }

  protected factor(progress: number): number {
    return progress >= 1 ? 0 : Math.max(0, 0.5 * (1 + Math.cos(Math.PI * ((this.#cycles * progress) % 1))))
  }
}
