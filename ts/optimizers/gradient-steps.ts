import type { OptimizerSpec, Sums, Vectors } from '../backends/vectors.js'
import { finite } from '../core/checks.js'
import type { Dims } from '../kernels/spec.js'
import type { VectorKernel } from '../kernels/vector_kernel.js'
import type { Observation, Scheduler } from '../schedulers/scheduler.js'
import { type Hypergradient, hypergradientOf, MovedRates, weightsAt } from './hypergradient.js'
import type { Setup } from './kind.js'
import type { Method, MethodReport, StepContext } from './method.js'
import { fillRates, type Measured, ratesOf, totalOf } from './rates.js'
import { numberIn, numbersIn } from './saved.js'
import { pick } from './scalars.js'

/** What tells the kinds apart that step along a direction made of gradients. */
export interface Recipe {
  /** The step with the rate that it is given. */
  readonly plain: VectorKernel
  /** The same, keeping what the direction of this step is found by in the next. */
  readonly remembering: VectorKernel
  /** Sums gu, gg and uu of the gradient and that direction. */
  readonly products: VectorKernel
  /** The step with a rate for every parameter, which it moves. */
  readonly moving: VectorKernel
  /** All scalars of these kernels but for rates, of group k in step t = 1, 2, …; each kernel takes those that it has. */
  scalars(group: number, step: number): Dims
  /** By which the direction that `products` sees is to be multiplied for step t. Default 1. */
  factor?(group: number, step: number): number
  /** Whether the authors' code adds hypergradients up tensor by tensor: `compat: 'official-loop'`. */
  readonly loops?: boolean
}

/** Whether a scheduler looks at more than the loss, which costs a pass over gradient and direction. */
function readsGradients(scheduler: Scheduler | undefined): boolean {
  if (!scheduler?.observes) return false
  return scheduler.reads?.some(name => MEASURED.includes(name)) ?? true
}

const MEASURED: readonly (keyof Observation)[] = ['squaredGradient', 'alignment', 'squaredDirection']

/** Steps with rates from the options, from a scheduler, or moved by hypergradients in one of three granularities. */
export class GradientSteps implements Method {
  readonly needs: OptimizerSpec
  readonly #recipe: Recipe
  readonly #groups: readonly number[]
  /** Of each group, as the options have it. */
  readonly #starts: readonly number[]
  readonly #hypergradient: Hypergradient | undefined
  /** Those that hypergradients move, unless every parameter has its own. */
  readonly #rates: MovedRates | undefined
  /** A scheduler chooses rates by the gradient, so that it and the direction are measured before each step. */
  readonly #observes: boolean
  /** ‖g‖² of the last step. */
  #squaredGradient: number | undefined

  constructor(setup: Setup, recipe: Recipe) {
    this.#recipe = recipe
    this.#groups = setup.groups
    this.#starts = setup.each.map(({ learningRate }) => finite('learningRate', learningRate))
    const how = hypergradientOf(setup, recipe.loops ?? false)
    this.#hypergradient = how
    const { plain, remembering, products, moving } = recipe
    const moves = how !== undefined && how.granularity !== 'parameter'
    this.#rates = moves ? new MovedRates(how, this.#starts) : undefined
    this.#observes = readsGradients(setup.options.scheduler)
    const measured = moves || this.#observes
    const kernels = measured ? [products, remembering] : how ? [moving] : [plain]
    this.needs = { kernels, groups: setup.groups }
    // what they refuse they refuse now
    setup.groups.forEach((_, k) => {
      recipe.scalars(k, 1)
    })
  }

  async begin(vectors: Vectors): Promise<void> {
    if (vectors.arrays.includes('rates')) await fillRates(vectors, this.#groups, this.#starts)
  }

  async step(context: StepContext): Promise<MethodReport> {
    const { plain, remembering } = this.#recipe
    const { vectors, done } = context
    const step = done + 1
    if (this.#rates) {
      const rates = this.#rates.move(await this.#measure(vectors, step), step)
      return this.#report(await this.#run(vectors, remembering, step, rates), rates)
    }
    if (this.#hypergradient) return await this.#moveEach(vectors, this.#hypergradient, step)
    const seen = this.#observes ? this.#told(context, await this.#measure(vectors, step)) : this.#squaredGradient
    const rates = ratesOf(context, this.#starts, seen)
    return this.#report(await this.#run(vectors, this.#observes ? remembering : plain, step, rates), rates)
  }

  /** The sums gu, gg and uu of each group, of the gradient and the direction of the step before. */
  async #measure(vectors: Vectors, step: number): Promise<readonly Sums[]> {
    const sums = await this.#run(vectors, this.#recipe.products, step)
    return sums.map(({ gu, gg, uu }, k) => {
      const factor = this.#recipe.factor?.(k, step) ?? 1
      return { gu: factor * gu, gg, uu: factor ** 2 * uu }
    })
  }

  /** What a scheduler is told of them: for each group where it has several rates. */
  #told({ scheduler }: StepContext, sums: readonly Sums[]): Measured {
    const hasSeveral = (scheduler?.learningRates.length ?? 1) > 1
    const list = (name: string) => (hasSeveral ? sums.map(sum => sum[name]) : totalOf(sums, name))
    return { squaredGradient: totalOf(sums, 'gg'), alignment: list('gu'), squaredDirection: list('uu') }
  }

  /** A step with a rate for every parameter. */
  async #moveEach(vectors: Vectors, how: Hypergradient, step: number): Promise<MethodReport> {
    const { rate, rule, lowest, highest } = how
    const weights = weightsAt(how, step)
    const rules: Dims = rule === 'additive' ? { hyperRate: rate } : { up: 1 + rate, down: 1 - rate }
    const sums = await this.#run(vectors, this.#recipe.moving, step, undefined, {
      ...rules,
      lowest,
      highest,
      ...weights,
    })
    const mean = (total: number, count: number) => (weights.share * total) / count + weights.base
    const rates = sums.map((sum, k) => mean(sum.rates, this.#groups[k]))
    return { ...this.#report(sums, rates), learningRate: mean(totalOf(sums, 'rates'), vectors.length) }
  }

  async #run(
    vectors: Vectors,
    kernel: VectorKernel,
    step: number,
    rates?: readonly number[],
    further: Dims = {},
  ): Promise<readonly Sums[]> {
    const scalars = this.#groups.map((_, k) => {
      const own = { ...this.#recipe.scalars(k, step), ...further, ...(rates && { rate: rates[k] }) }
      return pick(kernel, own)
    })
    return await vectors.run(kernel, scalars)
  }

  #report(sums: readonly Sums[], learningRates: readonly number[]): MethodReport {
    const squaredGradient = totalOf(sums, 'gg')
    this.#squaredGradient = Number.isFinite(squaredGradient) ? squaredGradient : undefined
    return { learningRate: learningRates[0], learningRates, squaredGradient }
  }

  state(): Readonly<Record<string, unknown>> {
    return {
      ...(this.#rates && { rates: [...this.#rates.values] }),
      ...(this.#squaredGradient !== undefined && { squaredGradient: this.#squaredGradient }),
    }
  }

  restore(state: Readonly<Record<string, unknown>>): void {
    if (this.#rates) this.#rates.values = numbersIn(state, 'rates', this.#rates.values.length)
    this.#squaredGradient = state.squaredGradient === undefined ? undefined : numberIn(state, 'squaredGradient')
  }
}
