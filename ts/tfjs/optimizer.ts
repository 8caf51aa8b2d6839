// by the name of the package: the entry for this world, Node or a browser, registers its backends
import { createOptimizer, type Optimizer, type OptimizerOptions, type StepReport } from 'nonneg'
import { NonnegError } from '../core/errors.js'
import { gradientsOf, type NamedTensors, type TensorFlow, type TensorLike, type VariableLike } from './tensorflow.js'

/** The variables of a model in one array, in the order in which they came with their first gradients. */
class Flat {
  readonly variables: readonly VariableLike[]
  readonly parameters: Float32Array
  readonly gradient: Float32Array
  readonly #offsets: readonly number[]

  constructor(variables: readonly VariableLike[]) {
    let length = 0
    this.#offsets = variables.map(({ size }) => {
      length += size
      return length - size
    })
    this.variables = variables
    this.parameters = new Float32Array(length)
    this.gradient = new Float32Array(length)
  }

  readVariables(): void {
    this.variables.forEach((variable, k) => {
      this.parameters.set(variable.dataSync(), this.#offsets[k])
    })
  }

  /** Variables that have no gradient this time have one of zero. */
  readGradients(gradients: ReadonlyMap<string, TensorLike>): void {
    this.gradient.fill(0)
    this.variables.forEach(({ name }, k) => {
      const tensor = gradients.get(name)
      if (tensor) this.gradient.set(tensor.dataSync(), this.#offsets[k])
    })
  }

  writeVariables(tf: TensorFlow, values: ArrayLike<number>): void {
    this.variables.forEach((variable, k) => {
      const begin = this.#offsets[k]
      const own = Float32Array.from({ length: variable.size }, (_, i) => values[begin + i])
      const tensor = tf.tensor(own, variable.shape, 'float32')
      variable.assign(tensor)
      tensor.dispose()
    })
  }
}

/** What a `tfOptimizer` has beside all that a `tf.Optimizer` has. */
export interface SteppingOptimizer {
  /**
   * The callback that `model.fit` needs, as the first of its `callbacks`: steps are asynchronous, and the next batch must not
   * begin before the variables have moved.
   */
  readonly callback: { onBatchEnd(): Promise<void> }
  /** The last step, once it is done; undefined before the first. Rejects with what a step failed of. */
  settled(): Promise<StepReport | undefined>
  /**
   * Does `work` with the variables as the model is to be used: averages of iterates, for kinds that average. Training goes on
   * from the variables as they were.
   */
  withEvaluated<T>(work: () => T | Promise<T>): Promise<T>
  /** Takes the variables as they are now, where the caller has set them since the last step. */
  reload(): Promise<void>
}

/**
 * An optimizer for TensorFlow.js that steps as `createOptimizer` does: all kinds but line searches, schedulers,
 * hypergradients, backends. Every variable is a group. To be given to `model.compile`, with its callback to `model.fit`:
 *
 *     const optimizer = tfOptimizer(tf, { kind: 'prodigy' })
 *     model.compile({ optimizer, loss: 'meanSquaredError' })
 *     await model.fit(x, y, { epochs: 10, callbacks: optimizer.callback })
 *
 * In a loop of one's own: `optimizer.minimize(f)`, then `await optimizer.settled()`. Gradients come to the host and variables
 * go back, in float32; the variables are those that have gradients in the first step.
 *
 * @param tf `@tensorflow/tfjs` or `@tensorflow/tfjs-core`, the one that the model is made with
 * @throws NonnegError what `createOptimizer` throws, from the first step; ERR_NONNEG_BACKEND from `applyGradients` where the
 * step before is not done; ERR_NONNEG_OPTION where gradients come for variables that the first step had none for
 */
export function tfOptimizer<T extends TensorFlow>(
  tf: T,
  options: OptimizerOptions,
): InstanceType<T['Optimizer']> & SteppingOptimizer {
  return new (optimizerClass(tf))(options) as unknown as InstanceType<T['Optimizer']> & SteppingOptimizer
}

// biome-ignore lint/suspicious/noExplicitAny: extends a class that is known at run time alone
type OptimizerClass = new (options: OptimizerOptions) => any

function optimizerClass(tf: TensorFlow): OptimizerClass {
  return class NonnegOptimizer extends tf.Optimizer implements SteppingOptimizer {
    static readonly className: string = 'NonnegOptimizer'
    readonly callback: { onBatchEnd(): Promise<void> }
    readonly #options: OptimizerOptions
    #flat: Flat | undefined
    #optimizer: Optimizer | undefined
    #loss: number | undefined
    #isRunning = false
    #last: Promise<StepReport | undefined> = Promise.resolve(undefined)

    constructor(options: OptimizerOptions) {
      super()
      this.#options = options
      this.callback = {
        onBatchEnd: async () => {
          await this.settled()
        },
      }
    }

    computeGradients(f: () => TensorLike, variables?: readonly VariableLike[]): { value: TensorLike } {
      const computed = super.computeGradients(f, variables)
      this.#loss = computed.value.dataSync()[0]
      return computed
    }

    applyGradients(given: NamedTensors): void {
      if (this.#isRunning) {
        throw new NonnegError('ERR_NONNEG_BACKEND', 'the step before is not done', {
          fix: 'give callbacks: optimizer.callback to model.fit, or await optimizer.settled() after each step',
        })
      }
      const gradients = gradientsOf(given)
      const flat = this.#flatFor([...gradients.keys()])
      flat.readGradients(gradients)
      this.#isRunning = true
      this.#last = this.#step(flat, this.#loss).finally(() => {
        this.#isRunning = false
      })
      // whoever waits for the step hears of its failure
      this.#last.catch(() => {})
      this.#loss = undefined
      this.incrementIterations()
    }

    settled(): Promise<StepReport | undefined> {
      return this.#last
    }

    async withEvaluated<R>(work: () => R | Promise<R>): Promise<R> {
      await this.#last
      const flat = this.#flat
      if (!flat || !this.#optimizer) return await work()
      flat.writeVariables(tf, await this.#optimizer.evaluated())
      try {
        return await work()
      } finally {
        flat.writeVariables(tf, flat.parameters)
      }
    }

    async reload(): Promise<void> {
      await this.#last
      this.#flat?.readVariables()
      await this.#optimizer?.reload()
    }

    dispose(): void {
      const last = this.#last
      const ended = async () => {
        await this.#optimizer?.[Symbol.asyncDispose]()
        return await last
      }
      this.#last = last.then(ended, ended)
      this.#last.catch(() => {})
    }

    getConfig(): Record<string, unknown> {
      const { scheduler: _, signal: __, ...plain } = this.#options
      return plain
    }

    #flatFor(names: readonly string[]): Flat {
      if (!this.#flat) {
        const variables = tf.engine().registeredVariables as Readonly<Record<string, VariableLike>>
        this.#flat = new Flat(names.map(name => variables[name]))
        this.#flat.readVariables()
      }
      const known = this.#flat.variables
      const strange = names.find(name => !known.some(variable => variable.name === name))
      if (strange === undefined) return this.#flat
      throw new NonnegError('ERR_NONNEG_OPTION', `the first step had no gradient for the variable ${strange}`, {
        detail: { variable: strange },
        fix: 'make another optimizer for other variables',
      })
    }

    async #step(flat: Flat, loss: number | undefined): Promise<StepReport> {
      if (!this.#optimizer) {
        const groups = flat.variables.map(({ size }) => size)
        this.#optimizer = await createOptimizer(flat.parameters, { groups, ...this.#options })
      }
      const report = await this.#optimizer.step(flat.gradient, loss === undefined ? {} : { loss })
      flat.writeVariables(tf, flat.parameters)
      return report
    }
  }
}
