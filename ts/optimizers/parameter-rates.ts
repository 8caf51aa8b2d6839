import type { OptimizerSpec, Vectors } from '../backends/vectors.js'
import { finite, refuse } from '../core/checks.js'
import type { Dims } from '../kernels/spec.js'
import type { VectorKernel } from '../kernels/vector_kernel.js'
import type { Setup } from './kind.js'
import type { Method, MethodReport, StepContext } from './method.js'
import type { OptimizerOptions } from './options.js'
import { fillRates, totalOf } from './rates.js'
import { pair } from './scalars.js'

/** The option `rateBounds` as scalars. */
export function boundScalars({ rateBounds }: OptimizerOptions): Dims {
  const [lowest, highest] = pair('rateBounds', rateBounds)
  if (lowest >= 0 && lowest <= highest) return { lowest, highest }
  throw refuse('rateBounds', `${lowest}, ${highest}`, 'at least 0 and in order')
}

/** Steps of one kernel that keeps a rate for every parameter and moves it by itself. */
export class ParameterRates implements Method {
  readonly needs: OptimizerSpec
  readonly #kernel: VectorKernel
  readonly #groups: readonly number[]
  readonly #starts: readonly number[]
  readonly #scalars: readonly Dims[]

  /** @param scalars of each group */
  constructor({ groups, each }: Setup, kernel: VectorKernel, scalars: readonly Dims[]) {
    this.needs = { kernels: [kernel], groups }
    this.#kernel = kernel
    this.#groups = groups
    this.#starts = each.map(({ learningRate }) => finite('learningRate', learningRate))
    this.#scalars = scalars
  }

  async begin(vectors: Vectors): Promise<void> {
    await fillRates(vectors, this.#groups, this.#starts)
  }

  async step({ vectors }: StepContext): Promise<MethodReport> {
    const sums = await vectors.run(this.#kernel, this.#scalars)
    const learningRates = sums.map(({ rates }, k) => rates / this.#groups[k])
    return {
      learningRate: totalOf(sums, 'rates') / vectors.length,
      learningRates,
      squaredGradient: totalOf(sums, 'gg'),
    }
  }

  state(): Readonly<Record<string, unknown>> {
    return {}
  }

  /** All that it remembers lies in arrays. */
  restore(): void {}
}
