import type { OptimizerSpec, Sums, Vectors } from '../backends/vectors.js'
import { finite } from '../core/checks.js'
import type { Dims } from '../kernels/spec.js'
import type { VectorKernel } from '../kernels/vector_kernel.js'
import { type Hypergradient, hypergradientOf, MovedRates, weightsAt } from './hypergradient.js'
import type { Setup } from './kind.js'
import type { Method, MethodReport, StepContext } from './method.js'
import { fillRates, ratesOf } from './rates.js'
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
    const kernels = how === undefined ? [plain] : moves ? [products, remembering] : [moving]
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
    const step = context.done + 1
    if (!this.#hypergradient) {
      const rates = ratesOf(context, this.#starts, this.#squaredGradient)
      return this.#report(await this.#run(context.vectors, plain, step, rates), rates)
    }
    if (!this.#rates) return await this.#moveEach(context.vectors, this.#hypergradient, step)
    const sums = await this.#run(context.vectors, this.#recipe.products, step)
    const factors = sums.map((_, k) => this.#recipe.factor?.(k, step) ?? 1)
    const rates = this.#rates.move(sums, factors, step)
    return this.#report(await this.#run(context.vectors, remembering, step, rates), rates)
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
    const total = sums.reduce((all, sum) => all + sum.rates, 0)
    return { ...this.#report(sums, rates), learningRate: mean(total, vectors.length) }
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
    const squaredGradient = sums.reduce((sum, { gg }) => sum + gg, 0)
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
