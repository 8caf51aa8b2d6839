import type { OptimizerSpec, Sums, Vectors } from '../backends/vectors.js'
import { between, finite } from '../core/checks.js'
import { gradient_products } from '../kernels/gradient_products.js'
import { sgd_step } from '../kernels/sgd_step.js'
import type { Dims } from '../kernels/spec.js'
import type { DistanceOptions } from './d-adaptation.js'
import type { Kind, Setup } from './kind.js'
import type { Method, MethodReport, StepContext } from './method.js'
import type { OptimizerOptions } from './options.js'
import { combine, copy, needing } from './passes.js'
import { ratesOf, totalOf } from './rates.js'
import { numbersIn } from './saved.js'
import { pick, STEP_OPTIONS, stepScalars } from './scalars.js'
import { sameEverywhere } from './settings.js'

export interface DogOptions extends Pick<DistanceOptions, 'initialDistance'> {
  /** `'dog'`, `'ldog'`: how much more the average weighs late iterates (γ of polynomial decay averaging); 0 is the plain mean. */
  readonly averaging?: number
}

/**
 * DoG, distance over gradients (Ivgi, Hinder & Carmon, "DoG is SGD's best friend", ICML 2023): SGD with
 *
 *     η = learningRate · r / √(Σ‖g‖² + epsilon),   r = max over all iterates of ‖x − x₀‖, at first initialDistance·(1 + ‖x₀‖)
 *
 * and under `'ldog'` the same for each group (L-DoG). There is no decay, so the average of the iterates is what a model is
 * used with: x̄ ← (1 − w)·x̄ + w·x, w = (1 + γ)/(k + γ) after step k = 1, 2, … (Shamir & Zhang, ICML 2013, as the authors of
 * DoG use it).
 */
class Dog implements Method {
  readonly needs: OptimizerSpec = needing([gradient_products, sgd_step], ['p', 'g', 'start', 'moved', 'average'])
  readonly evaluated = 'average'
  readonly #setup: Setup
  readonly #isLayerwise: boolean
  readonly #settings: Required<DogOptions> & { readonly learningRate: number; readonly epsilon: number }
  /** What the step does to gradients and parameters beside. */
  readonly #scalars: Dims
  /** r and Σ‖g‖² + epsilon: of all parameters, or of each group. None before the first step. */
  #distances: readonly number[] = []
  #gradients: readonly number[] = []

  constructor(setup: Setup, isLayerwise: boolean) {
    sameEverywhere(setup)
    const { options } = setup
    const infinity = Number.POSITIVE_INFINITY
    this.#setup = setup
    this.#isLayerwise = isLayerwise
    this.#scalars = stepScalars(options)
    this.#settings = {
      learningRate: finite('learningRate', options.learningRate),
      initialDistance: between('initialDistance', options.initialDistance, 0, infinity),
      epsilon: between('epsilon', options.epsilon, 0, infinity),
      averaging: finite('averaging', options.averaging),
    }
  }

  async begin(vectors: Vectors): Promise<void> {
    await copy(vectors, 'p', 'start')
    await copy(vectors, 'p', 'average')
  }

  async step(context: StepContext): Promise<MethodReport> {
    const { vectors, done } = context
    const { learningRate, averaging } = this.#settings
    const sums = await this.#look(vectors)
    const squaredGradient = totalOf(sums, 'gg')
    const factors = ratesOf(context, Array<number>(sums.length).fill(learningRate), squaredGradient)
    const rates = sums.map((_, k) => {
      const own = this.#isLayerwise ? k : 0
      return (factors[k] * this.#distances[own]) / Math.sqrt(this.#gradients[own])
    })
    await vectors.run(
      sgd_step,
      rates.map(rate => ({ ...this.#scalars, rate })),
    )
    const fresh = (1 + averaging) / (1 + done + averaging)
    await combine(vectors, [1 - fresh, 'average'], [fresh, 'p'], 'average')
    return { learningRate: rates[0], learningRates: rates, squaredGradient }
  }

  state(): Readonly<Record<string, unknown>> {
    return { distances: this.#distances, gradients: this.#gradients }
  }

  restore(state: Readonly<Record<string, unknown>>): void {
    const isNew = Array.isArray(state.distances) && state.distances.length === 0
    const count = isNew ? 0 : this.#isLayerwise ? this.#setup.groups.length : 1
    this.#distances = numbersIn(state, 'distances', count)
    this.#gradients = numbersIn(state, 'gradients', count)
  }

  /** Takes in the gradient and how far the parameters are from the start. */
  async #look(vectors: Vectors): Promise<readonly Sums[]> {
    const { initialDistance, epsilon } = this.#settings
    const [distances, gradients] = [this.#distances, this.#gradients]
    const isFirst = distances.length === 0
    if (!isFirst) await combine(vectors, [1, 'p'], [-1, 'start'], 'moved')
    const scalars = pick(gradient_products, this.#scalars)
    const sums = await vectors.run(gradient_products, scalars, { arrays: { u: isFirst ? 'p' : 'moved' } })
    const parts = this.#isLayerwise ? sums : [{ gg: totalOf(sums, 'gg'), uu: totalOf(sums, 'uu') }]
    this.#distances = parts.map(({ uu }, k) => {
      return isFirst ? initialDistance * (1 + Math.sqrt(uu)) : Math.max(distances[k], Math.sqrt(uu))
    })
    this.#gradients = parts.map(({ gg }, k) => (isFirst ? epsilon : gradients[k]) + gg)
    return sums
  }
}

const OPTIONS: Partial<OptimizerOptions> = {
  learningRate: 1,
  ...STEP_OPTIONS,
  initialDistance: 1e-6,
  epsilon: 1e-8,
  averaging: 8,
  scheduler: undefined,
}

export const dog: Kind = {
  summary: 'DoG: SGD with distance over gradients for a rate',
  formula: [
    'ĝ = clamp(g, ±clip) + weightDecay·p',
    'r = max ‖p − p₀‖ over all steps, at first initialDistance·(1 + ‖p₀‖)',
    'p ← p − clamp(α·r/√(Σ‖ĝ‖² + epsilon)·ĝ, ±limit)',
    'x ← (1 − w)·x + w·p with w = (1 + averaging)/(t + averaging); the model is x',
  ],
  source: 'Ivgi, Hinder & Carmon, ICML 2023',
  options: OPTIONS,
  make: setup => new Dog(setup, false),
}

export const ldog: Kind = {
  summary: 'L-DoG: DoG for each group',
  formula: ['as dog, with r and Σ‖ĝ‖² of each group'],
  source: 'Ivgi, Hinder & Carmon, ICML 2023',
  options: OPTIONS,
  make: setup => new Dog(setup, true),
}
