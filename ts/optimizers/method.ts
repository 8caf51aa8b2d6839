import type { OptimizerSpec, Vectors } from '../backends/vectors.js'
import type { Scheduler } from '../schedulers/scheduler.js'

/** What the gradient of a loss is asked for: the parameters as they are when it is called. */
export interface Evaluation {
  readonly loss: number
  /** As long as the parameters; absent where only the loss was asked for. */
  readonly gradient?: Float32Array | Float64Array
}

/**
 * The loss of the batch at hand at the parameters as they are, and its gradient where `withGradient`. Asked several times
 * within one step it must speak of the same batch, with the same random numbers (dropout).
 */
export type Closure = (withGradient: boolean) => Evaluation | Promise<Evaluation>

/** What one step has done. */
export interface StepReport {
  /** Counted from 1. */
  readonly step: number
  /** The rate that was used, of the first group; for a rate per parameter their mean. */
  readonly learningRate: number
  /** ‖g‖², weight decay included, where the method needed it. */
  readonly squaredGradient?: number
  /** Of the batch, where a closure was given. */
  readonly loss?: number
  /** Evaluations of the loss alone, and of loss and gradient, since the optimizer was made. */
  readonly forwards: number
  readonly backwards: number
  /** Under `nonFinite: 'skip'`: the gradient was not finite, nothing has moved, and the step does not count. */
  readonly skipped?: boolean
}

/** How a step gets at what it works with. */
export interface StepContext {
  /** The resident arrays; `p` are the parameters, `g` holds the gradient of the batch. */
  readonly vectors: Vectors
  /** Steps done before this one. */
  readonly done: number
  /** The loss of the batch before the step, where the caller gave a closure. */
  readonly loss: number | undefined
  /** The loss of the batch at the parameters as `p` has them now; rejects with ERR_NONNEG_OPTION where there is no closure. */
  lossNow(): Promise<number>
  /** What steers the rate, if anything does. */
  readonly scheduler: Scheduler | undefined
}

/** What a method says of one step; see `StepReport`. */
export interface MethodReport {
  readonly learningRate: number
  /** The rate of each group; default: `learningRate` for all. */
  readonly learningRates?: readonly number[]
  readonly squaredGradient?: number
}

/** One kind of optimizer: how it steps arrays that live on a device. It holds numbers; the arrays hold all else. */
export interface Method {
  /** The kernels and arrays that it needs beside `p` and `g`. */
  readonly needs: OptimizerSpec
  /** Whether a step asks for the loss at other points, and so needs a closure. */
  readonly needsClosure?: boolean
  /** Once, after the parameters are on the device. */
  begin?(vectors: Vectors): Promise<void>
  step(context: StepContext): Promise<MethodReport>
  /**
   * The array with the parameters that a model is used with where they are not those that gradients are taken at (averages
   * of iterates); absent: `p`.
   */
  readonly evaluated?: string
  /** Numbers that the next step needs, as JSON. */
  state(): Readonly<Record<string, unknown>>
  restore(state: Readonly<Record<string, unknown>>): void
}
