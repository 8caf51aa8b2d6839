import type { OptimizerSpec, Vectors } from '../backends/vectors.js'
import { NonnegError } from '../core/errors.js'
import { axpby } from '../kernels/axpby.js'
import { gradient_products } from '../kernels/gradient_products.js'
import { above, between, choice, numberOf } from './checks.js'
import type { Method, StepContext } from './method.js'
import { combine, copy, total } from './passes.js'

export interface LineSearchOptions {
  /** The rate that the first search starts from. Default 1. */
  readonly learningRate?: number
  /** When a trial is accepted. Default 'armijo'. */
  readonly condition?: 'armijo' | 'goldstein'
  /** Share of the decrease that the slope promises which a trial must bring. Default 0.1. */
  readonly c?: number
  /** Factor on a rate that was too large (β_b). Default 0.9. */
  readonly shrink?: number
  /** Factor on a rate that was too small (β_f), Goldstein alone. Default 2. */
  readonly expand?: number
  /**
   * Where the next search starts: 'keep', at the rate that was accepted last; 'grow', at that rate times
   * growth^(1/batchesPerEpoch); 'restart', at `learningRate`. Default 'grow'.
   */
  readonly reset?: 'keep' | 'grow' | 'restart'
  /** By how much a rate may grow in one epoch (γ), with reset: 'grow'. Default 2. */
  readonly growth?: number
  /** Default 500. */
  readonly batchesPerEpoch?: number
  /** What Goldstein's growth stops at; Infinity for no bound. Default 10. */
  readonly maxLearningRate?: number
}

/** Trials of one step. */
const MOST_TRIALS = 100
/** The rate of the step that is taken where no trial was accepted. */
const FALLBACK = 1e-6
/** A gradient shorter than this is taken for zero. */
export const SHORTEST_GRADIENT = 1e-8
/** The least rate that Goldstein's condition shrinks to. */
const LEAST = 1e-8

/**
 * Stochastic line search (Vaswani et al., "Painless stochastic gradient", NeurIPS 2019, and the code of its authors): tries
 * x − η·g until the loss f of the same batch is low enough, then keeps the trial.
 *
 * - Armijo: f(x − ηg) ≤ f(x) − c·η·‖g‖², else η ← shrink·η. After 100 refusals the step is 1e-6·g, and the next search starts
 *   from the rate as it has shrunk.
 * - Goldstein: also f(x − ηg) ≥ f(x) − (1 − c)·η·‖g‖², else η ← min(expand·η, maxLearningRate); after 100 refusals the last
 *   trial stays, and so does one at its bound, which the authors' code tries again until then. For c < ½ at least one of the
 *   two always holds.
 *
 * A trial whose loss is not a number counts as too high; in the authors' code it is an error for Goldstein. Armijo accepts
 * every η ≤ 2(1 − c)/L where the gradient is L-Lipschitz, so that no search ends below the smaller of its start and
 * shrink·2(1 − c)/L (ours; the theorems of the paper ask for interpolation besides). Every step costs a gradient and as many
 * losses as it tries rates, so compare it with others at equal forward passes. The rate depends on the batch it steps on:
 * bounds for rates that are chosen before the batch is drawn do not cover it.
 *
 * @throws NonnegError ERR_NONNEG_OPTION where an option is out of its range, and from a step where a trial meets neither of
 * Goldstein's conditions, which happens for c > ½ alone; the parameters are then as they were
 */
export class LineSearch implements Method {
  readonly needs: OptimizerSpec = { kernels: [gradient_products, axpby], arrays: ['p', 'g', 'start'] }
  readonly needsClosure = true
  readonly #options: Required<LineSearchOptions>
  #rate: number

  constructor(options: LineSearchOptions = {}) {
    this.#options = {
      learningRate: above('learningRate', options.learningRate ?? 1, 0),
      condition: choice('condition', options.condition ?? 'armijo', ['armijo', 'goldstein']),
      c: between('c', options.c ?? 0.1, 0, 1),
      shrink: between('shrink', options.shrink ?? 0.9, 0, 1),
      expand: above('expand', options.expand ?? 2, 1),
      reset: choice('reset', options.reset ?? 'grow', ['keep', 'grow', 'restart']),
      growth: above('growth', options.growth ?? 2, 0),
      batchesPerEpoch: above('batchesPerEpoch', options.batchesPerEpoch ?? 500, 0),
      maxLearningRate: above('maxLearningRate', options.maxLearningRate ?? 10, 0, Number.POSITIVE_INFINITY),
    }
    this.#rate = this.#options.learningRate
  }

  async step(context: StepContext): Promise<{ learningRate: number; squaredGradient: number }> {
    const { vectors } = context
    const squaredGradient = total(await vectors.run(gradient_products, {}, { arrays: { u: 'g' } }), 'gg')
    this.#rate = this.#start()
    if (!(Math.sqrt(squaredGradient) >= SHORTEST_GRADIENT)) return { learningRate: 0, squaredGradient }
    await copy(vectors, 'p', 'start')
    try {
      return { learningRate: await this.#search(context, context.loss!, squaredGradient), squaredGradient }
    } catch (error) {
      await copy(vectors, 'start', 'p')
      throw error
    }
  }

  state(): Readonly<Record<string, unknown>> {
    return { rate: this.#rate }
  }

  restore(state: Readonly<Record<string, unknown>>): void {
    this.#rate = numberOf(state, 'rate', this.#rate)
  }

  #start(): number {
    const { reset, learningRate, growth, batchesPerEpoch } = this.#options
    if (reset === 'restart') return learningRate
    return reset === 'grow' ? this.#rate * growth ** (1 / batchesPerEpoch) : this.#rate
  }

  /** Leaves the parameters at the point that was taken and answers its rate. */
  async #search(context: StepContext, loss: number, squared: number): Promise<number> {
    const { vectors } = context
    let tried = this.#rate
    for (let trial = 0; trial < MOST_TRIALS; trial++) {
      tried = this.#rate
      await moveTo(vectors, tried)
      this.#rate = this.#next(tried, loss, await context.lossNow(), squared)
      if (this.#rate === tried) return tried
    }
    if (this.#options.condition === 'goldstein') return tried
    await moveTo(vectors, FALLBACK)
    return FALLBACK
  }

  /** The rate to try next; the same where it is to stay, because it was accepted or is at its bound. */
  #next(tried: number, loss: number, reached: number, squared: number): number {
    const { condition, c, shrink, expand, maxLearningRate } = this.#options
    const isLow = reached <= loss - c * tried * squared
    if (condition === 'armijo') return isLow ? tried : shrink * tried
    // what is not a number is not low enough
    const isHigh = !(reached < loss - (1 - c) * tried * squared)
    if (isLow && isHigh) return tried
    if (isLow) return Math.min(expand * tried, maxLearningRate)
    if (isHigh) return Math.max(shrink * tried, LEAST)
    throw new NonnegError('ERR_NONNEG_OPTION', `no rate can meet both of Goldstein's conditions with c = ${c}`, {
      detail: { option: 'c', value: c, rate: tried, loss, reached, squaredGradient: squared },
      fix: 'use a c below 0.5',
    })
  }
}

function moveTo(vectors: Vectors, rate: number): Promise<void> {
  return combine(vectors, [1, 'start'], [-rate, 'g'], 'p')
}
