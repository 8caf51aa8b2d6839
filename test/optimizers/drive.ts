import type { BackendId } from '../../ts/backends/backend.js'
import type { FloatArray } from '../../ts/core/matrix.js'
import { createOptimizer } from '../../ts/optimizers/create-optimizer.js'
import type { Closure, StepReport } from '../../ts/optimizers/method.js'
import type { Optimizer } from '../../ts/optimizers/optimizer.js'
import type { OptimizerOptions } from '../../ts/optimizers/options.js'
import '../../ts/node.js'

/** A loss over parameters, as optimizers see one. */
export interface Problem {
  readonly start: readonly number[]
  loss(x: ArrayLike<number>): number
  gradient(x: ArrayLike<number>): Float64Array
}

/** What one step did; the evaluations are those of this step. */
export interface Step extends StepReport {
  /** Of the batch, before the step. */
  readonly loss: number
}

/** An optimizer on one problem; on the reference, which keeps float64, unless another backend is asked for. */
export class Drive implements AsyncDisposable {
  readonly parameters: FloatArray
  readonly optimizer: Optimizer
  readonly #problem: Problem

  private constructor(parameters: FloatArray, optimizer: Optimizer, problem: Problem) {
    this.parameters = parameters
    this.optimizer = optimizer
    this.#problem = problem
  }

  static async begin(problem: Problem, options: OptimizerOptions, backend: BackendId = 'reference'): Promise<Drive> {
    const Type = backend === 'reference' ? Float64Array : Float32Array
    const parameters = Type.from(problem.start)
    return new Drive(parameters, await createOptimizer(parameters, { backend, ...options }), problem)
  }

  async step(problem: Problem = this.#problem): Promise<Step> {
    const closure: Closure = withGradient => ({
      loss: problem.loss(this.parameters),
      ...(withGradient && { gradient: problem.gradient(this.parameters) }),
    })
    const counts = this.#counts
    const report = await this.optimizer.step(closure)
    this.#counts = report
    return {
      ...report,
      loss: report.loss!,
      forwards: report.forwards - counts.forwards,
      backwards: report.backwards - counts.backwards,
    }
  }

  async steps(count: number): Promise<readonly Step[]> {
    const all: Step[] = []
    for (let t = 0; t < count; t++) all.push(await this.step())
    return all
  }

  /** The loss where the model is judged. */
  async loss(): Promise<number> {
    return this.#problem.loss(await this.optimizer.evaluated())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.optimizer[Symbol.asyncDispose]()
  }

  #counts: { readonly forwards: number; readonly backwards: number } = { forwards: 0, backwards: 0 }
}
