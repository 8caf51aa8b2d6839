import type { OptimizerSpec, Vectors } from '../backends/vectors.js'
import { between, finite } from '../core/checks.js'
import { adam_products } from '../kernels/adam_products.js'
import { adam_step } from '../kernels/adam_step.js'
import { dual_average } from '../kernels/dual_average.js'
import { gradient_products } from '../kernels/gradient_products.js'
import type { Dims } from '../kernels/spec.js'
import { adamScalars } from './adam.js'
import type { Kind, Setup } from './kind.js'
import type { Method, MethodReport, StepContext } from './method.js'
import { combine, copy, needing, scale } from './passes.js'
import { ratesOf, totalOf } from './rates.js'
import { numberIn } from './saved.js'
import { share, stepScalars } from './scalars.js'
import { boundAbove, oneRate } from './settings.js'

/** Options of the kinds that estimate the distance from the start to the solution. */
export interface DistanceOptions {
  /** `'prodigy'`, `'d-adapt-…'`: the first estimate d₀, above 0. `'dog'`, `'ldog'`: the same as a share of 1 + ‖p₀‖. */
  readonly initialDistance?: number
  /** `'prodigy'`, `'d-adapt-…'`: how much an estimate may grow in one step, above 1. Values like 1.02 warm up. */
  readonly growthRate?: number
}

/** The estimate d of the distance from the start to the solution. It never falls. */
class Distance {
  /** Factor on the rate. */
  readonly learningRate: number
  readonly weightDecay: number
  readonly #growthRate: number
  #value: number
  /** Σ λ⟨g, s⟩, or its running average. */
  numerator = 0

  constructor(setup: Setup) {
    oneRate(setup)
    const { learningRate, weightDecay, initialDistance, growthRate } = setup.options
    this.learningRate = finite('learningRate', learningRate)
    this.weightDecay = finite('weightDecay', weightDecay)
    this.#value = between('initialDistance', initialDistance, 0, Number.POSITIVE_INFINITY)
    this.#growthRate = boundAbove('growthRate', growthRate, 1)
  }

  get value(): number {
    return this.#value
  }

  grow(estimate: number): void {
    this.#value = Math.max(this.#value, Math.min(estimate, this.#value * this.#growthRate))
  }

  state(): Record<string, number> {
    return { distance: this.#value, numerator: this.numerator }
  }

  restore(state: Readonly<Record<string, unknown>>): void {
    this.#value = numberIn(state, 'distance')
    this.numerator = numberIn(state, 'numerator')
  }
}

/**
 * D-Adaptation for SGD (Defazio & Mishchenko, "Learning-rate-free learning by D-adaptation", ICML 2023, in the form of the
 * authors' code): with λ = d·learningRate/‖g₀‖ and the first gradient g₀ that is not zero,
 *
 *     N ← N + λ⟨g, s⟩;   s ← s + λ·g;   d ← max(d, min(2N/‖s‖, growthRate·d));   x ← μ·x + (1 − μ)·(x₀ − s)
 *
 * where λ is that from before the update. The iterates do not depend on the scale of the loss. For convex losses and μ = 0,
 * N/‖s‖ is at most ‖x₀ − x*‖ and d at most twice that (the paper's argument for dual averaging; the factor 2 is its choice
 * for SGD). ‖s‖ is taken from
 * ‖s‖² + 2λ⟨g, s⟩ + λ²‖g‖² with the s before, which saves a pass.
 */
class DAdaptSgd implements Method {
  readonly needs: OptimizerSpec = needing([gradient_products], ['p', 'g', 'start', 's'])
  readonly #distance: Distance
  readonly #momentum: number
  /** ‖g₀‖; 0 as long as no gradient was other than zero. */
  #first = 0

  constructor(distance: Distance, momentum: number) {
    this.#distance = distance
    this.#momentum = momentum
  }

  async begin(vectors: Vectors): Promise<void> {
    await copy(vectors, 'p', 'start')
  }

  async step(context: StepContext): Promise<MethodReport> {
    const { vectors } = context
    const distance = this.#distance
    const decay = distance.weightDecay
    const sums = await vectors.run(gradient_products, { decay }, { arrays: { u: 's' } })
    const along = totalOf(sums, 'gu')
    const squaredGradient = totalOf(sums, 'gg')
    const [rate] = ratesOf(context, [distance.learningRate], squaredGradient)
    if (squaredGradient === 0) return { learningRate: 0, squaredGradient }
    if (this.#first === 0) this.#first = Math.sqrt(squaredGradient)
    const weight = (distance.value * rate) / this.#first

    await combine(vectors, [1, 's'], [weight, 'g'], 's')
    if (decay > 0) await combine(vectors, [1, 's'], [weight * decay, 'p'], 's')
    const squaredSum = totalOf(sums, 'uu') + 2 * weight * along + weight * weight * squaredGradient
    distance.numerator += weight * along
    if (rate > 0 && squaredSum > 0) distance.grow((2 * distance.numerator) / Math.sqrt(squaredSum))

    const fresh = 1 - this.#momentum
    await combine(vectors, [this.#momentum, 'p'], [fresh, 'start'], 'p')
    await combine(vectors, [1, 'p'], [-fresh, 's'], 'p')
    return { learningRate: weight, squaredGradient }
  }

  state(): Readonly<Record<string, unknown>> {
    return { ...this.#distance.state(), first: this.#first }
  }

  restore(state: Readonly<Record<string, unknown>>): void {
    this.#distance.restore(state)
    this.#first = numberIn(state, 'first')
  }
}

/**
 * D-Adaptation for Adam (the same paper, in the form of version 3 of the authors' code): with η = d·learningRate and
 * κ = √β₂,
 *
 *     N ← κ·N + (1 − κ)·η·⟨g, s/(√v + epsilon)⟩ with the s and v before;   s ← κ·s + (1 − κ)·η·g
 *     d ← max(d, min(N/((1 − κ)·‖s‖₁), growthRate·d))
 *     m ← β₁·m + (1 − β₁)·η·g;   v ← β₂·v + (1 − β₂)·g²;   x ← x − m/(√v + epsilon)
 *
 * where η is that from before the update. Without epsilon the iterates would not depend on the scale of the loss.
 */
class DAdaptAdam implements Method {
  readonly needs: OptimizerSpec = needing([adam_products, dual_average, adam_step], ['p', 'g', 's', 'm', 'squares'])
  readonly #distance: Distance
  readonly #averages: { readonly beta1: number; readonly beta2: number; readonly epsilon: number }
  readonly #scalars: Dims

  constructor(setup: Setup) {
    this.#distance = new Distance(setup)
    this.#averages = adamScalars(setup.options)
    this.#scalars = { ...stepScalars({ ...setup.options, clip: Number.POSITIVE_INFINITY }), decay: 0 }
  }

  async step(context: StepContext): Promise<MethodReport> {
    const { vectors } = context
    const distance = this.#distance
    const [rate] = ratesOf(context, [distance.learningRate], undefined)
    if (!(rate > 0)) return { learningRate: 0 }
    const { beta1, beta2, epsilon } = this.#averages
    const learningRate = distance.value * rate
    const keep = Math.sqrt(beta2)
    const fresh = 1 - keep
    const products = await vectors.run(adam_products, { epsilon }, { arrays: { m: 's' } })
    const squaredGradient = totalOf(products, 'gg')
    const scalars = { keep, weight: fresh * learningRate }
    const absolute = totalOf(await vectors.run(dual_average, scalars, { arrays: { start: 'p' } }), 'absolute')
    if (absolute === 0) return { learningRate: 0, squaredGradient }

    distance.numerator = keep * distance.numerator + fresh * learningRate * totalOf(products, 'gu')
    distance.grow(distance.numerator / (fresh * absolute))
    if (distance.weightDecay > 0) await scale(vectors, 1 - distance.weightDecay * learningRate, 'p')
    await combine(vectors, [beta1, 'm'], [(1 - beta1) * learningRate, 'g'], 'm')
    // beta1 = 1: m stays as it was just made
    await vectors.run(adam_step, { ...this.#scalars, rate: 1, beta1: 1, beta2, epsilon, correction: 1 })
    return { learningRate, squaredGradient }
  }

  state(): Readonly<Record<string, unknown>> {
    return this.#distance.state()
  }

  restore(state: Readonly<Record<string, unknown>>): void {
    this.#distance.restore(state)
  }
}

const DISTANCE = {
  learningRate: 1,
  weightDecay: 0,
  initialDistance: 1e-6,
  growthRate: Number.POSITIVE_INFINITY,
  scheduler: undefined,
}

export const dAdaptSgd: Kind = {
  summary: 'D-Adaptation for SGD',
  formula: [
    'λ = d·α/‖g₀‖, ĝ = g + weightDecay·p',
    'N ← N + λ⟨ĝ, s⟩',
    's ← s + λ·ĝ',
    'd ← max(d, min(2N/‖s‖, growthRate·d))',
    'p ← momentum·p + (1 − momentum)·(p₀ − s)',
  ],
  source: 'Defazio & Mishchenko, ICML 2023',
  options: { ...DISTANCE, momentum: 0.9 },
  make(setup) {
    return new DAdaptSgd(new Distance(setup), share('momentum', setup.options.momentum))
  },
}

export const dAdaptAdam: Kind = {
  summary: 'D-Adaptation for Adam',
  formula: [
    'η = d·α, κ = √β₂',
    'N ← κ·N + (1 − κ)·η·⟨g, s/(√v + ε)⟩',
    's ← κ·s + (1 − κ)·η·g',
    'd ← max(d, min(N/((1 − κ)·‖s‖₁), growthRate·d))',
    'm ← β₁·m + (1 − β₁)·η·g; v ← β₂·v + (1 − β₂)·g²',
    'p ← (1 − weightDecay·η)·p − clamp(m/(√v + ε), ±limit)',
  ],
  source: 'Defazio & Mishchenko, ICML 2023',
  options: {
    ...DISTANCE,
    betas: [0.9, 0.999],
    epsilon: 1e-8,
    limit: Number.POSITIVE_INFINITY,
    nonNegative: false,
  },
  make: setup => new DAdaptAdam(setup),
}
