import type { OptimizerSpec, Sums, Vectors } from '../backends/vectors.js'
import { finite, whole } from '../core/checks.js'
import { adam_step } from '../kernels/adam_step.js'
import { sgd_step } from '../kernels/sgd_step.js'
import type { Dims } from '../kernels/spec.js'
import { adamScalars } from './adam.js'
import type { Kind, Setup } from './kind.js'
import type { Method, MethodReport, StepContext } from './method.js'
import type { OptimizerOptions } from './options.js'
import { combine, copy, needing } from './passes.js'
import { ratesOf, totalOf } from './rates.js'
import { numberIn } from './saved.js'
import { STEP_OPTIONS, share, stepScalars } from './scalars.js'
import { oneRate } from './settings.js'

export interface ScheduleFreeOptions {
  /** `'schedule-free-sgd'`, `'schedule-free-adamw'`: steps over which the rate rises linearly to its full size. */
  readonly warmupSteps?: number
  /** The same: the average weighs step k by k^averagingPower … */
  readonly averagingPower?: number
  /** … and by the largest rate so far to this power. */
  readonly ratePower?: number
}

interface Settings extends Required<ScheduleFreeOptions> {
  readonly learningRate: number
  readonly momentum: number
  readonly weightDecay: number
}

/** How z is stepped. */
interface Inner {
  readonly needs: OptimizerSpec
  /** What the rate of step k = 1, 2, … is multiplied by. */
  correction(k: number): number
  move(vectors: Vectors, rate: number): Promise<readonly Sums[]>
}

/**
 * Schedule-Free learning (Defazio et al., "The road less scheduled", NeurIPS 2024, and the simple form of its authors' code).
 * z is stepped, x is the average of all z, and gradients are taken at y between the two:
 *
 *     y = (1 − β)·z + β·x;   z ← z − η·g(y);   x ← (1 − w/Σw)·x + (w/Σw)·z
 *
 * with w = k^averagingPower·(largest η so far)^ratePower in step k = 1, 2, … The parameters of the optimizer are y; a model is
 * used, and judged, with x. No horizon is needed; a schedule that decays would undo what the average does, a warm-up does not.
 */
class ScheduleFree implements Method {
  readonly needs: OptimizerSpec
  readonly evaluated = 'x'
  readonly #settings: Settings
  readonly #inner: Inner
  #largestRate = 0
  #weights = 0

  constructor(settings: Settings, inner: Inner) {
    this.#settings = settings
    this.#inner = inner
    this.needs = inner.needs
  }

  async begin(vectors: Vectors): Promise<void> {
    await copy(vectors, 'p', 'z')
    await copy(vectors, 'p', 'x')
  }

  async step(context: StepContext): Promise<MethodReport> {
    const { vectors } = context
    const { learningRate, momentum, weightDecay, warmupSteps, averagingPower, ratePower } = this.#settings
    const [scheduled] = ratesOf(context, [learningRate], undefined)
    const k = context.done + 1
    const rate = scheduled * (k < warmupSteps ? k / warmupSteps : 1) * this.#inner.correction(k)
    const largestRate = Math.max(this.#largestRate, rate)
    const weight = k ** averagingPower * largestRate ** ratePower
    const weights = this.#weights + weight

    if (weightDecay > 0) await combine(vectors, [1, 'z'], [-rate * weightDecay, 'p'], 'z')
    const squaredGradient = totalOf(await this.#inner.move(vectors, rate), 'gg')
    // where all rates were 0 so far, z is where it began, and so is the average
    const fresh = weights > 0 ? weight / weights : 0
    await combine(vectors, [1 - fresh, 'x'], [fresh, 'z'], 'x')
    await combine(vectors, [momentum, 'x'], [1 - momentum, 'z'], 'p')
    this.#largestRate = largestRate
    this.#weights = weights
    return { learningRate: rate, squaredGradient }
  }

  state(): Readonly<Record<string, unknown>> {
    return { largestRate: this.#largestRate, weights: this.#weights }
  }

  restore(state: Readonly<Record<string, unknown>>): void {
    this.#largestRate = numberIn(state, 'largestRate')
    this.#weights = numberIn(state, 'weights')
  }
}

const OPTIONS: Partial<OptimizerOptions> = {
  ...STEP_OPTIONS,
  warmupSteps: 0,
  averagingPower: 0,
  ratePower: 2,
  scheduler: undefined,
}

function settingsOf(setup: Setup, momentum: number): Settings {
  oneRate(setup)
  const { options } = setup
  return {
    learningRate: finite('learningRate', options.learningRate),
    momentum,
    weightDecay: finite('weightDecay', options.weightDecay),
    warmupSteps: whole('warmupSteps', options.warmupSteps, 0),
    averagingPower: finite('averagingPower', options.averagingPower),
    ratePower: finite('ratePower', options.ratePower),
  }
}

/** The weights decay at y, where the gradient is taken, and not at z, which the step moves. */
function scalarsOf({ options }: Setup): Dims {
  return { ...stepScalars(options), decay: 0 }
}

export const scheduleFreeSgd: Kind = {
  summary: 'Schedule-Free SGD',
  formula: [
    'ĝ = clamp(g, ±clip) + weightDecay·p',
    'z ← z − clamp(α·ĝ, ±limit)',
    'w = t^averagingPower·(largest α so far)^ratePower',
    'x ← (1 − w/Σw)·x + (w/Σw)·z',
    'p ← (1 − momentum)·z + momentum·x; the model is x',
  ],
  source: 'Defazio et al., NeurIPS 2024',
  options: { learningRate: 1, momentum: 0.9, ...OPTIONS },
  make(setup) {
    const scalars = scalarsOf(setup)
    return new ScheduleFree(settingsOf(setup, share('momentum', setup.options.momentum)), {
      needs: needing([sgd_step], ['p', 'g', 'z', 'x']),
      correction: () => 1,
      move: (vectors, rate) => vectors.run(sgd_step, { ...scalars, rate }, { arrays: { p: 'z' } }),
    })
  },
}

/** β₁ of Adam is the momentum here, and m, kept with beta1 = 0, the gradient itself. */
export const scheduleFreeAdamW: Kind = {
  summary: 'Schedule-Free AdamW',
  formula: [
    'ĝ = clamp(g, ±clip)',
    'v ← β₂·v + (1 − β₂)·ĝ²',
    'z ← z − clamp(α·√(1 − β₂ᵗ)·ĝ/(√v + ε), ±limit) − α·√(1 − β₂ᵗ)·weightDecay·p',
    'x and p as in schedule-free-sgd, with α·√(1 − β₂ᵗ) for α and β₁ for momentum; the model is x',
  ],
  source: 'Defazio et al., NeurIPS 2024',
  options: { learningRate: 0.0025, betas: [0.9, 0.999], epsilon: 1e-8, ...OPTIONS },
  make(setup) {
    const { beta1, beta2, epsilon } = adamScalars(setup.options)
    const scalars = { ...scalarsOf(setup), beta1: 0, beta2, epsilon, correction: 1 }
    return new ScheduleFree(settingsOf(setup, beta1), {
      needs: needing([adam_step], ['p', 'g', 'z', 'x', 'm', 'squares']),
      correction: k => Math.sqrt(1 - beta2 ** k),
      move: (vectors, rate) => vectors.run(adam_step, { ...scalars, rate }, { arrays: { p: 'z' } }),
    })
  },
}
