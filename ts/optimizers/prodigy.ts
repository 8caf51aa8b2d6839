import type { OptimizerSpec, Vectors } from '../backends/vectors.js'
import { between, finite, flag } from '../core/checks.js'
import { adam_step } from '../kernels/adam_step.js'
import { dual_average } from '../kernels/dual_average.js'
import type { Dims } from '../kernels/spec.js'
import { adamScalars, biasCorrection } from './adam.js'
import type { DistanceOptions } from './d-adaptation.js'
import type { Kind } from './kind.js'
import type { Method, MethodReport, StepContext } from './method.js'
import { combine, copy, needing, scale } from './passes.js'
import { ratesOf, totalOf } from './rates.js'
import { numberIn } from './saved.js'
import { STEP_OPTIONS, share, stepScalars } from './scalars.js'
import { boundAbove, oneRate } from './settings.js'

export interface ProdigyOptions extends DistanceOptions {
  /** `'prodigy'`: the share of the sums that the estimate is made of which one step keeps. Default √β₂. */
  readonly beta3?: number
  /** `'prodigy'`: whether the rate carries Adam's bias correction. */
  readonly biasCorrection?: boolean
  /** `'prodigy'`: leaves the rate out of the denominator of the estimate, which a warm-up would make too small. */
  readonly safeguardWarmup?: boolean
  /** `'prodigy'`: factor on every estimate, the way to ask for shorter or longer steps. */
  readonly distanceFactor?: number
}

interface Settings extends Required<ProdigyOptions> {
  readonly learningRate: number
  readonly weightDecay: number
  readonly averages: { readonly beta1: number; readonly beta2: number; readonly epsilon: number }
  /** What the step does to gradients and parameters beside. */
  readonly scalars: Dims
}

/**
 * Prodigy (Mishchenko & Defazio, "Prodigy: an expeditiously adaptive parameter-free learner", ICML 2024, and the authors'
 * reference code): Adam with the rate d·learningRate, where d estimates the distance from the start to the solution. With
 * η = d·learningRate (times the bias correction where asked for), in every step
 *
 *     N ← β₃·N + (d/d₀)·η·⟨g, x₀ − x⟩;   s ← β₃·s + (d/d₀)·η·g;   d̂ = distanceFactor·N/‖s‖₁
 *     d ← min(largest d̂ so far, growthRate·d);   m and v as in Adam, of d·g
 *     x ← x − η·m/(√v + d·epsilon)
 *
 * where η and the d of d·g are those from before the update. d never falls. A gradient of zero from the start moves nothing.
 * Its authors advise a cosine schedule without restarts, and `safeguardWarmup` where there is a warm-up. Where d₀ is below the
 * spacing of the parameters in float32, they do not move, x₀ − x is zero, and d stays as it is.
 */
class Prodigy implements Method {
  readonly needs: OptimizerSpec = needing([dual_average, adam_step], ['p', 'g', 'start', 's', 'm', 'squares', 'scaled'])
  readonly #settings: Settings
  #distance: number
  #largest: number
  #numerator = 0

  constructor(settings: Settings) {
    this.#settings = settings
    this.#distance = settings.initialDistance
    this.#largest = settings.initialDistance
  }

  async begin(vectors: Vectors): Promise<void> {
    await copy(vectors, 'p', 'start')
  }

  async step(context: StepContext): Promise<MethodReport> {
    const { vectors } = context
    const { averages, beta3, weightDecay, scalars, safeguardWarmup, initialDistance } = this.#settings
    const [rate] = ratesOf(context, [this.#settings.learningRate], undefined)
    if (!(rate > 0)) return { learningRate: 0 }
    const distance = this.#distance
    const learningRate = distance * rate * this.#correction(context.done + 1)
    const unit = distance / initialDistance
    const weight = unit * (safeguardWarmup ? distance : learningRate)
    const sums = await vectors.run(dual_average, { clip: scalars.clip, keep: beta3, weight })
    const squaredGradient = totalOf(sums, 'gg')
    const absolute = totalOf(sums, 'absolute')
    if (absolute === 0) return { learningRate: 0, squaredGradient }

    this.#numerator = beta3 * this.#numerator + unit * learningRate * totalOf(sums, 'gd')
    this.#estimate(this.#numerator / absolute)
    if (weightDecay > 0) await scale(vectors, 1 - weightDecay * learningRate, 'p')
    await combine(vectors, [distance, 'g'], [0, 'g'], 'scaled')
    await vectors.run(
      adam_step,
      {
        ...scalars,
        ...averages,
        clip: distance * scalars.clip,
        rate: learningRate,
        epsilon: this.#distance * averages.epsilon,
        correction: 1,
      },
      { arrays: { g: 'scaled' } },
    )
    return { learningRate, squaredGradient }
  }

  state(): Readonly<Record<string, unknown>> {
    return { distance: this.#distance, largest: this.#largest, numerator: this.#numerator }
  }

  restore(state: Readonly<Record<string, unknown>>): void {
    this.#distance = numberIn(state, 'distance')
    this.#largest = numberIn(state, 'largest')
    this.#numerator = numberIn(state, 'numerator')
  }

  #correction(step: number): number {
    return this.#settings.biasCorrection ? biasCorrection(this.#settings.averages, step) : 1
  }

  #estimate(ratio: number): void {
    const { distanceFactor, initialDistance, growthRate } = this.#settings
    const estimate = distanceFactor * ratio
    // the first estimate above d₀ counts whole, whatever growth is allowed after it
    if (this.#distance === initialDistance) this.#distance = Math.max(this.#distance, estimate)
    this.#largest = Math.max(this.#largest, estimate)
    this.#distance = Math.min(this.#largest, this.#distance * growthRate)
  }
}

export const prodigy: Kind = {
  summary: 'Prodigy: Adam with an estimated distance for a rate',
  formula: [
    'η = d·α, ĝ = clamp(g, ±clip)',
    'N ← β₃·N + (d/d₀)·η·⟨ĝ, p₀ − p⟩',
    's ← β₃·s + (d/d₀)·η·ĝ',
    'm ← β₁·m + (1 − β₁)·d·ĝ; v ← β₂·v + (1 − β₂)·(d·ĝ)²',
    'd ← min(largest distanceFactor·N/‖s‖₁ so far, growthRate·d)',
    'p ← (1 − weightDecay·η)·p − clamp(η·m/(√v + d·ε), ±limit)',
  ],
  source: 'Mishchenko & Defazio, ICML 2024',
  options: {
    learningRate: 1,
    betas: [0.9, 0.999],
    beta3: undefined,
    epsilon: 1e-8,
    ...STEP_OPTIONS,
    biasCorrection: false,
    safeguardWarmup: false,
    initialDistance: 1e-6,
    distanceFactor: 1,
    growthRate: Number.POSITIVE_INFINITY,
    scheduler: undefined,
  },
  make(setup) {
    oneRate(setup)
    const { options } = setup
    const infinity = Number.POSITIVE_INFINITY
    const averages = adamScalars(options)
    return new Prodigy({
      learningRate: finite('learningRate', options.learningRate),
      weightDecay: finite('weightDecay', options.weightDecay),
      averages,
      beta3: share('beta3', options.beta3 ?? Math.sqrt(averages.beta2)),
      scalars: { ...stepScalars(options), decay: 0 },
      biasCorrection: flag('biasCorrection', options.biasCorrection),
      safeguardWarmup: flag('safeguardWarmup', options.safeguardWarmup),
      initialDistance: between('initialDistance', options.initialDistance, 0, infinity),
      distanceFactor: between('distanceFactor', options.distanceFactor, 0, infinity),
      growthRate: boundAbove('growthRate', options.growthRate, 1),
    })
  },
}
