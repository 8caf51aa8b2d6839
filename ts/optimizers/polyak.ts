import type { OptimizerSpec } from '../backends/vectors.js'
import { between, finite, oneOf } from '../core/checks.js'
import { NonnegError } from '../core/errors.js'
import { gradient_products } from '../kernels/gradient_products.js'
import { sgd_step } from '../kernels/sgd_step.js'
import type { Dims } from '../kernels/spec.js'
import type { Kind } from './kind.js'
import { type LineSearchOptions, SHORTEST_GRADIENT } from './line-search.js'
import type { Method, MethodReport, StepContext } from './method.js'
import { totalOf } from './rates.js'
import { numberIn } from './saved.js'
import { pick, stepScalars } from './scalars.js'
import { boundAbove, sameEverywhere } from './settings.js'

export interface PolyakOptions extends Pick<LineSearchOptions, 'c' | 'growth' | 'batchesPerEpoch' | 'maxLearningRate'> {
  /** `'sps'`: `'smooth'` bounds a rate by that of the step before, `'constant'` by `maxLearningRate`. */
  readonly rule?: 'smooth' | 'constant'
  /** `'sps'`: the least loss that a batch can have, f*. With 0 it is that of models which interpolate. */
  readonly leastLoss?: number
}

interface Settings extends Required<PolyakOptions> {
  readonly learningRate: number
  readonly epsilon: number
  /** What the step does to gradients and parameters beside. */
  readonly scalars: Dims
}

/**
 * Stochastic Polyak step size (Loizou et al., "Stochastic Polyak step-size for SGD", AISTATS 2021, and the code of its
 * authors): η = (f − f*)/(c·‖g‖² + epsilon) of the batch at hand, bounded by growth^(1/batchesPerEpoch) times the rate before
 * ('smooth') or by maxLearningRate ('constant'). A gradient shorter than 1e-8 moves nothing. It costs no evaluation beyond
 * the gradient and its loss.
 *
 * Ours: a loss below f* gives the rate 0 for both rules, as the authors' 'constant' does (their 'smooth' would step uphill),
 * and rates of 0 are not what 'smooth' grows from, which would keep them at 0 for ever.
 *
 * A step that is given no loss rejects with ERR_NONNEG_OPTION.
 */
class PolyakStep implements Method {
  readonly needs: OptimizerSpec = { kernels: [gradient_products, sgd_step], unused: ['u'] }
  readonly #settings: Settings
  #rate: number

  constructor(settings: Settings) {
    this.#settings = settings
    this.#rate = settings.learningRate
  }

  async step({ vectors, loss }: StepContext): Promise<MethodReport> {
    if (loss === undefined) {
      throw new NonnegError('ERR_NONNEG_OPTION', 'Polyak steps follow from the loss of the batch, and there is none', {
        fix: 'step with a closure that answers loss and gradient',
      })
    }
    const { scalars } = this.#settings
    const products = await vectors.run(gradient_products, pick(gradient_products, scalars), { arrays: { u: 'g' } })
    const squaredGradient = totalOf(products, 'gg')
    const learningRate = this.#rateOf(loss, squaredGradient)
    if (learningRate > 0) {
      this.#rate = learningRate
      await vectors.run(sgd_step, { ...scalars, rate: learningRate })
    }
    return { learningRate, squaredGradient }
  }

  state(): Readonly<Record<string, unknown>> {
    return { rate: this.#rate }
  }

  restore(state: Readonly<Record<string, unknown>>): void {
    this.#rate = numberIn(state, 'rate')
  }

  #rateOf(loss: number, squared: number): number {
    const { rule, c, leastLoss, growth, batchesPerEpoch, maxLearningRate, epsilon } = this.#settings
    const above = loss - leastLoss
    const isUsable = Number.isFinite(above) && above > 0 && Math.sqrt(squared) >= SHORTEST_GRADIENT
    if (!isUsable) return 0
    const bound = rule === 'smooth' ? this.#rate * growth ** (1 / batchesPerEpoch) : maxLearningRate
    return Math.min(bound, above / (c * squared + epsilon))
  }
}

export const sps: Kind = {
  summary: 'stochastic Polyak step size',
  formula: [
    'η ← min(growth^(1/batchesPerEpoch)·η, (f(p) − leastLoss)/(c·‖ĝ‖² + epsilon))',
    'p ← p − clamp(η·ĝ, ±limit), ĝ = clamp(g, ±clip)',
  ],
  source: 'Loizou et al., AISTATS 2021',
  options: {
    learningRate: 1,
    rule: 'smooth',
    c: 0.5,
    leastLoss: 0,
    growth: 2,
    batchesPerEpoch: 500,
    maxLearningRate: Number.POSITIVE_INFINITY,
    epsilon: 1e-8,
    clip: Number.POSITIVE_INFINITY,
    limit: Number.POSITIVE_INFINITY,
    nonNegative: false,
  },
  make(setup) {
    sameEverywhere(setup)
    const { options } = setup
    const infinity = Number.POSITIVE_INFINITY
    return new PolyakStep({
      learningRate: between('learningRate', options.learningRate, 0, infinity),
      rule: oneOf('rule', options.rule, ['smooth', 'constant']),
      c: between('c', options.c, 0, infinity),
      leastLoss: between('leastLoss', options.leastLoss, -infinity, infinity),
      growth: between('growth', options.growth, 0, infinity),
      batchesPerEpoch: between('batchesPerEpoch', options.batchesPerEpoch, 0, infinity),
      maxLearningRate: boundAbove('maxLearningRate', options.maxLearningRate, 0),
      epsilon: finite('epsilon', options.epsilon),
      scalars: stepScalars({ ...options, weightDecay: 0 }),
    })
  },
}
