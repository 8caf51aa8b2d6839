import type { OptimizerSpec, Vectors } from '../backends/vectors.js'
import { between, oneOf } from '../core/checks.js'
import { NonnegError } from '../core/errors.js'
import { gradient_products } from '../kernels/gradient_products.js'
import type { Kind } from './kind.js'
import type { Method, MethodReport, StepContext } from './method.js'
import { combine, copy, needing } from './passes.js'
import { totalOf } from './rates.js'
import { numberIn } from './saved.js'
import { boundAbove, sameEverywhere } from './settings.js'

/** Options of the kinds that follow the loss of the batch. */
export interface LineSearchOptions {
  /**
   * `'sls'`: the share of the decrease that the slope promises which a trial must bring, between 0 and 1. `'sps'`: the factor
   * on ‖g‖²; theory for convex losses asks for at least ½.
   */
  readonly c?: number
  /** `'sls'`: when a trial is accepted. */
  readonly condition?: 'armijo' | 'goldstein'
  /** `'sls'`: factor on a rate that was too large (β_b), between 0 and 1. */
  readonly shrink?: number
  /** `'sls'`: factor on a rate that was too small (β_f), above 1; for Goldstein's condition. */
  readonly expand?: number
  /**
   * `'sls'`: where the next search starts: `'keep'`, at the rate that was accepted last; `'grow'`, at that rate times
   * growth^(1/batchesPerEpoch); `'restart'`, at `learningRate`.
   */
  readonly reset?: 'keep' | 'grow' | 'restart'
  /** By how much a rate may grow in one epoch (γ): `'sls'` with `reset: 'grow'`, `'sps'` with `rule: 'smooth'`. */
  readonly growth?: number
  /** Steps that make one epoch, for `growth`. */
  readonly batchesPerEpoch?: number
  /** No rate goes above: `'sls'` with Goldstein's condition, `'sps'` with `rule: 'constant'`. ∞ for no bound. */
  readonly maxLearningRate?: number
}

type Settings = Required<LineSearchOptions> & { readonly learningRate: number }

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
 * A step rejects with ERR_NONNEG_OPTION where a trial meets neither of Goldstein's conditions, which happens for c > ½ alone;
 * the parameters are then as they were before it.
 */
class LineSearch implements Method {
  readonly needs: OptimizerSpec = needing([gradient_products], ['p', 'g', 'start'])
  readonly needsClosure = true
  readonly #settings: Settings
  #rate: number

  constructor(settings: Settings) {
    this.#settings = settings
    this.#rate = settings.learningRate
  }

  async step(context: StepContext): Promise<MethodReport> {
    const { vectors } = context
    const squaredGradient = totalOf(await vectors.run(gradient_products, {}, { arrays: { u: 'g' } }), 'gg')
    this.#rate = this.#start()
    if (!(Math.sqrt(squaredGradient) >= SHORTEST_GRADIENT)) return { learningRate: 0, squaredGradient }
    await copy(vectors, 'p', 'start')
    return { learningRate: await this.#search(context, context.loss!, squaredGradient), squaredGradient }
  }

  state(): Readonly<Record<string, unknown>> {
    return { rate: this.#rate }
  }

  restore(state: Readonly<Record<string, unknown>>): void {
    this.#rate = numberIn(state, 'rate')
  }

  #start(): number {
    const { reset, learningRate, growth, batchesPerEpoch } = this.#settings
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
    if (this.#settings.condition === 'goldstein') return tried
    await moveTo(vectors, FALLBACK)
    return FALLBACK
  }

  /** The rate to try next; the same where it is to stay, because it was accepted or is at its bound. */
  #next(tried: number, loss: number, reached: number, squared: number): number {
    const { condition, c, shrink, expand, maxLearningRate } = this.#settings
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

export const sls: Kind = {
  summary: 'stochastic line search',
  formula: [
    'η ← η·growth^(1/batchesPerEpoch), or as reset says',
    'until f(p − η·g) ≤ f(p) − c·η·‖g‖²: η ← shrink·η',
    'p ← p − η·g',
  ],
  source: 'Vaswani et al., NeurIPS 2019',
  options: {
    learningRate: 1,
    condition: 'armijo',
    c: 0.1,
    shrink: 0.9,
    expand: 2,
    reset: 'grow',
    growth: 2,
    batchesPerEpoch: 500,
    maxLearningRate: 10,
  },
  make(setup) {
    sameEverywhere(setup)
    const { options } = setup
    const infinity = Number.POSITIVE_INFINITY
    return new LineSearch({
      learningRate: between('learningRate', options.learningRate, 0, infinity),
      condition: oneOf('condition', options.condition, ['armijo', 'goldstein']),
      c: between('c', options.c, 0, 1),
      shrink: between('shrink', options.shrink, 0, 1),
      expand: between('expand', options.expand, 1, infinity),
      reset: oneOf('reset', options.reset, ['keep', 'grow', 'restart']),
      growth: between('growth', options.growth, 0, infinity),
      batchesPerEpoch: between('batchesPerEpoch', options.batchesPerEpoch, 0, infinity),
      maxLearningRate: boundAbove('maxLearningRate', options.maxLearningRate, 0),
    })
  },
}
