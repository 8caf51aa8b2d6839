import { between, finite, oneOf, refuse } from '../core/checks.js'
import type { GroupRates } from './groups.js'
import { forGroups } from './observed.js'
import type { Observation } from './scheduler.js'
import { type Bounds, boundsOf, Watcher } from './watcher.js'

export interface HypergradientOptions extends GroupRates {
  /** How far the rate moves, β. Default 1e-3 ('additive'), 0.02 ('multiplicative', where it must be below 1). */
  readonly rate?: number
  /** Default 'additive'. The multiplicative rule does not depend on the unit of the loss. */
  readonly rule?: 'additive' | 'multiplicative'
  /** Default 0; -Infinity lets rates become negative, as the authors' code does. */
  readonly minLr?: number | readonly number[]
  /** Default Infinity. */
  readonly maxLr?: number | readonly number[]
  /** α∞, to which the rates that are answered tend: the variant that is proven to converge. Default: none. */
  readonly limit?: number
}

type HypergradientMemory = {
  readonly step: number
  /** α. */
  readonly rates: readonly number[]
}

/**
 * Moves the rate along the derivative of the loss with respect to it: Baydin, Cornish, Martínez Rubio, Schmidt & Wood, "Online
 * learning rate adaptation with hypergradient descent" (ICLR 2018). With u the direction of the step before and g the gradient
 * now, ⟨g, u⟩ = −∂loss/∂α:
 *
 * - additive: α ← α + β·⟨g, u⟩
 * - multiplicative: α ← α·(1 + β·⟨g, u⟩/(‖g‖·‖u‖)); a norm of 0 leaves α as it is
 *
 * It reads `alignment`, and for the multiplicative rule `squaredGradient` and `squaredDirection`, of the step to come: g has
 * to be known before the rate. Without them α stays. Alignments for each group move the groups' rates apart; one for all
 * parameters moves them alike. ‖g‖ is that of all parameters, so that the cosine of one group among several is an
 * underestimate.
 *
 * With `limit`, step t (from 1) has δα + (1 − δ)·limit with δ = 1/t²: the paper proves convergence for limit < 1/L, convex
 * and smooth losses and bounded gradients. That a rate stays ≥ 0 is ours. The rate comes from the batch that it is used on:
 * bounds for rates that are chosen before the batch is drawn do not hold for it.
 */
export class Hypergradient extends Watcher<HypergradientOptions, HypergradientMemory> {
  readonly #rate: number
  readonly #multiplies: boolean
  readonly #bounds: Bounds
  readonly #limit: number | undefined

  /** @throws NonnegError ERR_NONNEG_OPTION */
  constructor(options: HypergradientOptions = {}) {
    super(options, ['learningRates', 'rate', 'rule', 'minLr', 'maxLr', 'limit'], {}, {})
    this.#multiplies = oneOf('rule', options.rule ?? 'additive', ['additive', 'multiplicative']) === 'multiplicative'
    const rate = options.rate ?? (this.#multiplies ? 0.02 : 1e-3)
    this.#rate = this.#multiplies ? between('rate', rate, 0, 1) : finite('rate', rate)
    const { minLr = 0, maxLr = Number.POSITIVE_INFINITY } = options
    this.#bounds = boundsOf({ minLr, maxLr }, this.startRates.length)
    this.#limit = options.limit === undefined ? undefined : finite('limit', options.limit)
    if (this.#multiplies && this.startRates.includes(0)) {
      throw refuse('learningRate', 0, 'a number above 0: the multiplicative rule never leaves 0')
    }
  }

  override get learningRates(): readonly number[] {
    const { rates, step } = this.memory
    if (this.#limit === undefined) return rates
    const limit = this.#limit
    const share = 1 / Math.max(1, step) ** 2
    return rates.map(rate => share * rate + (1 - share) * limit)
  }

  protected seen(observation: Observation): HypergradientMemory {
    const { memory } = this
    const slopes = this.#slopes(observation)
    const { lower, upper } = this.#bounds
    const rates = memory.rates.map((rate, group) => {
      const slope = slopes?.[group] ?? 0
      // a gradient that is not finite says nothing
      if (slope === 0 || !Number.isFinite(slope)) return rate
      const moved = this.#multiplies ? rate * (1 + this.#rate * slope) : rate + this.#rate * slope
      return Math.min(Math.max(moved, lower[group]), upper[group])
    })
    return { ...memory, rates }
  }

  /** What each rate moves along. */
  #slopes({ alignment, squaredGradient, squaredDirection }: Observation): readonly number[] | undefined {
    const groups = this.startRates.length
    const aligned = forGroups('alignment', alignment, groups)
    if (!this.#multiplies || aligned === undefined) return aligned
    const squares = forGroups('squaredDirection', squaredDirection, groups)
    if (squares === undefined || squaredGradient === undefined) return undefined
    return aligned.map((slope, group) => {
      const norms = Math.sqrt(squaredGradient) * Math.sqrt(squares[group])
      // a cosine, whatever rounding makes of it
      return norms === 0 ? 0 : Math.min(1, Math.max(-1, slope / norms))
    })
  }
}
