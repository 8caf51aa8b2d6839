import { between, checkObject, flag, oneOf, whole } from '../core/checks.js'
import { NonnegError } from '../core/errors.js'
import { type Bound, bounded, type RateBounds, type RateMoves, rateMoves } from './greedy-rates.js'
import type { GroupRates } from './groups.js'
import { Metric, type MetricOptions } from './metric.js'
import { ANYTHING, COUNT, NUMBER } from './remembering.js'
import type { Observation } from './scheduler.js'
import { Watcher } from './watcher.js'

export type GreedyVariant = 'hf' | 'paper' | 'continue' | 'simple'

export interface GreedyOptions extends GroupRates, MetricOptions {
  /** Rates fall by this factor and rise by its inverse. Default 0.95; the paper advises 0.5 or more. */
  readonly factor?: number
  /** How many good or bad metrics in a row are let pass before the rate moves. Default 10. */
  readonly patience?: number
  /** Default 1e-6. */
  readonly threshold?: number
  /** Default 'abs'. */
  readonly thresholdMode?: 'abs' | 'rel'
  /** Metrics after a fall of the rate in which none of them counts. Default 0. */
  readonly cooldown?: number
  /** Metrics after a rise of the rate in which none of them counts. Default 0. */
  readonly warmup?: number
  /** No fall goes below it; a list has one for each group. Default: a tenth of the rate at the start. */
  readonly minLr?: number | readonly number[]
  /**
   * No rise goes above it. Default: ten times the rate at the start. A function is asked for each group at every step, and
   * no rate that `next` answers is above what it says: this is where a bound that keeps a run stable goes.
   */
  readonly maxLr?: Bound
  /** Moves of a rate by no more than this are left out. Default 1e-8. */
  readonly eps?: number
  /** Whether `eps` is a share of the rate ('rel', the default) or a difference ('abs'), below which small rates never move. */
  readonly epsMode?: 'rel' | 'abs'
  /** Whether metrics count by the mean of the last `windowSize`. Default false. */
  readonly smooth?: boolean
  /** Default 50. */
  readonly windowSize?: number
  /** Falls while at `minLr` ('hf'), or metrics ('paper', 'continue'), after which it begins anew. Default 500. */
  readonly resetStart?: number
  /** Default 'hf'. */
  readonly variant?: GreedyVariant
  /** A metric that is not finite counts as bad and stays out of the mean ('bad', the default) or is an error ('throw'). */
  readonly nonFinite?: 'bad' | 'throw'
  /** 'hf': defaults and arithmetic of Hugging Face, for comparisons to the last bit. */
  readonly compat?: 'hf'
}

const OWN: readonly (keyof GreedyOptions)[] = [
  'learningRates',
  'mode',
  'factor',
  'patience',
  'threshold',
  'thresholdMode',
  'cooldown',
  'warmup',
  'minLr',
  'maxLr',
  'eps',
  'epsMode',
  'smooth',
  'windowSize',
  'resetStart',
  'variant',
  'nonFinite',
  'compat',
]

type GreedyMemory = {
  readonly step: number
  readonly rates: readonly number[]
  readonly best: number
  readonly good: number
  readonly bad: number
  readonly cooldown: number
  readonly warmup: number
  readonly resetIn: number
  /** The last metrics, where they are smoothed, oldest first. */
  readonly window: readonly number[]
  /** Their running sum, which only `compat: 'hf'` looks at. */
  readonly sum: number
}

const NOTHING_COUNTED = { good: 0, bad: 0, cooldown: 0, warmup: 0 }

/**
 * Raises the rate while the metric gets better and lowers it while it does not: Subramanian, Krishnamoorthy & Murthy, "Dynamic
 * learning rate scheduling based on loss changes leads to faster convergence" (arXiv 2512.14527). Feed it a validation loss
 * after every epoch, as Hugging Face's trainer does, or every batch's loss with `smooth`, as the authors' code does.
 *
 * Variants: 'hf' is the class of Hugging Face transformers 5.18, where `cooldown` and `warmup` stop all counting and an
 * exhausted `resetStart` restores the first rate; 'paper' is Algorithm 2, where they mute one side each and a reset forgets
 * the best metric alone; 'simple' is Algorithm 1, which compares with the metric before and has neither patience, nor
 * threshold, nor reset; 'continue' goes on raising or lowering through `warmup` and `cooldown`, as the authors' article has
 * it in words: the definition is ours, no published code does so.
 *
 * Ours are also `minLr` and `maxLr` relative to the first rate, `epsMode: 'rel'`, `nonFinite`, a mean that is taken anew from
 * its window and `maxLr` as a function. The paper's theorem on convergence holds for any schedule between two bounds; its
 * "optimal factor" 1 − 1/L depends on the unit of the loss and is no rule here.
 *
 * Mind: under a `minLr` above the first rate no fall is ever made, under a `maxLr` below it no rise. Hugging Face's `minLr`
 * of 1e-3 is above the usual rates of Adam. With `thresholdMode: 'rel'` metrics have to be positive.
 */
export class GreedyLR extends Watcher<GreedyOptions, GreedyMemory> {
  readonly reads = ['loss'] as const
  readonly #metric: Metric
  readonly #moves: RateMoves
  readonly #bounds: RateBounds
  readonly #patience: number
  readonly #cooldown: number
  readonly #warmup: number
  readonly #smooth: boolean
  readonly #windowSize: number
  readonly #resetStart: number
  readonly #variant: GreedyVariant
  readonly #nonFinite: 'bad' | 'throw'
  readonly #compat: boolean

  /** @throws NonnegError ERR_NONNEG_OPTION */
  constructor(options: GreedyOptions = {}) {
    checkObject('options', options, 'an object')
    const { threshold = 1e-6, thresholdMode = 'abs', resetStart = 500 } = options
    const metric = new Metric({ ...options, threshold, thresholdMode })
    const start = { ...NOTHING_COUNTED, best: metric.worst, resetIn: resetStart, window: [], sum: 0 }
    const counts = { good: COUNT, bad: COUNT, cooldown: COUNT, warmup: COUNT, resetIn: COUNT }
    super(options, OWN, start, { ...counts, best: NUMBER, window: ANYTHING, sum: ANYTHING })
    this.#metric = metric
    this.#compat = options.compat !== undefined && oneOf('compat', options.compat, ['hf']) === 'hf'
    this.#bounds = bounded(options, this.startRates, this.#compat)
    this.#moves = rateMoves({
      factor: between('factor', options.factor ?? 0.95, 0, 1),
      eps: options.eps ?? 1e-8,
      epsMode: oneOf('epsMode', options.epsMode ?? (this.#compat ? 'abs' : 'rel'), ['abs', 'rel']),
    })
    this.#patience = whole('patience', options.patience ?? 10, 0)
    this.#cooldown = whole('cooldown', options.cooldown ?? 0, 0)
    this.#warmup = whole('warmup', options.warmup ?? 0, 0)
    this.#smooth = flag('smooth', options.smooth ?? false)
    this.#windowSize = whole('windowSize', options.windowSize ?? 50, 1)
    this.#resetStart = resetStart === Number.POSITIVE_INFINITY ? resetStart : whole('resetStart', resetStart, 1)
    this.#variant = oneOf('variant', options.variant ?? 'hf', ['hf', 'paper', 'continue', 'simple'])
    this.#nonFinite = oneOf('nonFinite', options.nonFinite ?? 'bad', ['bad', 'throw'])
  }

  /** Without a loss nothing counts; only a function for `maxLr` still has its say. */
  protected seen({ loss }: Observation): GreedyMemory {
    const upper = this.#bounds.upper()
    const counted = loss === undefined ? this.memory : this.#counted(loss, upper)
    return this.#bounds.isStrict ? { ...counted, rates: counted.rates.map((r, k) => Math.min(r, upper[k])) } : counted
  }

  #counted(loss: number, upper: readonly number[]): GreedyMemory {
    if (this.#nonFinite === 'throw' && !Number.isFinite(loss)) {
      const message = `the scheduler was given ${loss} as loss`
      throw new NonnegError('ERR_NONNEG_NOT_FINITE', message, { fix: "use nonFinite: 'bad'" })
    }
    const { memory, metric } = this.#smoothed(loss)
    if (this.#variant === 'simple') return this.#simple(memory, metric, upper)
    return this.#variant === 'hf' ? this.#hf(memory, metric, upper) : this.#paper(memory, metric, upper)
  }

  /** The metric that counts, and what is remembered of those before it. NaN stands for a bad one. */
  #smoothed(loss: number): { memory: GreedyMemory; metric: number } {
    const { memory } = this
    if (!this.#compat && !Number.isFinite(loss)) return { memory, metric: Number.NaN }
    if (!this.#smooth) return { memory, metric: loss }
    const window = [...memory.window, loss]
    // Hugging Face keeps a running sum, which one metric that is not finite spoils for good.
    let sum = memory.sum + loss
    if (window.length > this.#windowSize) sum -= window.shift()!
    const exact = window.reduce((total, value) => total + value, 0)
    return { memory: { ...memory, window, sum }, metric: (this.#compat ? sum : exact) / window.length }
  }

  #compared(memory: GreedyMemory, metric: number): GreedyMemory {
    return this.#metric.isBetter(metric, memory.best)
      ? { ...memory, best: metric, good: memory.good + 1, bad: 0 }
      : { ...memory, good: 0, bad: memory.bad + 1 }
  }

  #hf(before: GreedyMemory, metric: number, upper: readonly number[]): GreedyMemory {
    const { cooldown, warmup } = before
    // the two run out one after the other
    if (cooldown > 0) return { ...before, cooldown: cooldown - 1, good: 0, bad: 0 }
    if (warmup > 0) return { ...before, warmup: warmup - 1, good: 0, bad: 0 }
    const memory = this.#compared(before, metric)
    if (memory.good > this.#patience) {
      const rates = this.#moves.raised(memory.rates, upper)
      return { ...memory, rates, resetIn: this.#resetStart, warmup: this.#warmup, good: 0 }
    }
    if (memory.bad <= this.#patience) return memory
    const lower = this.#bounds.lower(upper)
    const rates = this.#moves.lowered(memory.rates, lower)
    const fallen = { ...memory, rates, cooldown: this.#cooldown, bad: 0 }
    if (!rates.every((rate, k) => rate <= lower[k])) return fallen
    if (memory.resetIn > 1) return { ...fallen, resetIn: memory.resetIn - 1 }
    return { ...this.#forgetful(fallen), cooldown: this.#cooldown, rates: this.startRates, window: [], sum: 0 }
  }

  /** 'continue' as well, which differs while the two windows are open. */
  #paper(before: GreedyMemory, metric: number, upper: readonly number[]): GreedyMemory {
    const lower = this.#bounds.lower(upper)
    let memory = this.#compared(before, metric)
    if (this.#variant === 'continue' && before.cooldown + before.warmup > 0) {
      const falls = before.cooldown > 0
      const rates = falls ? this.#moves.lowered(memory.rates, lower) : this.#moves.raised(memory.rates, upper)
      const left = falls ? { cooldown: before.cooldown - 1 } : { warmup: before.warmup - 1 }
      return { ...memory, ...left, rates, good: 0, bad: 0 }
    }
    if (memory.cooldown > 0) memory = { ...memory, cooldown: memory.cooldown - 1, bad: 0 }
    if (memory.warmup > 0) memory = { ...memory, warmup: memory.warmup - 1, good: 0 }
    if (memory.bad > this.#patience) {
      memory = { ...memory, rates: this.#moves.lowered(memory.rates, lower), cooldown: this.#cooldown, bad: 0 }
    } else if (memory.good > this.#patience) {
      memory = { ...memory, rates: this.#moves.raised(memory.rates, upper), warmup: this.#warmup, good: 0 }
    }
    if (memory.resetIn === 0) memory = this.#forgetful(memory)
    // The authors' code says "all at the lower bound" here and looks whether all are alike.
    const alike = memory.rates.every(rate => rate === memory.rates[0])
    return alike ? { ...memory, resetIn: memory.resetIn - 1 } : memory
  }

  #simple(memory: GreedyMemory, metric: number, upper: readonly number[]): GreedyMemory {
    const rates = this.#metric.isAhead(metric, memory.best)
      ? this.#moves.raised(memory.rates, upper)
      : this.#moves.lowered(memory.rates, this.#bounds.lower(upper))
    return { ...memory, rates, best: Number.isNaN(metric) ? memory.best : metric }
  }

  #forgetful(memory: GreedyMemory): GreedyMemory {
    return { ...memory, ...NOTHING_COUNTED, best: this.#metric.worst, resetIn: this.#resetStart }
  }
}
