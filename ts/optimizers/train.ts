import type { FloatArray } from '../core/matrix.js'
import type { Evaluation, StepReport } from './method.js'
import type { Optimizer } from './optimizer.js'
import type { OptimizerOptions } from './options.js'

/** What a loss is asked for. */
export interface Batch {
  /** Which batch of the epoch, from 0. */
  readonly batch: number
  /** From 0. */
  readonly epoch: number
  /** Counted over all epochs, from 0. */
  readonly step: number
  /** False where only the loss is wanted, by a line search; it must be that of the same batch, with the same dropout. */
  readonly withGradient: boolean
}

/** Told after every step. */
export interface TrainingProgress extends StepReport {
  readonly batch: number
  readonly epoch: number
  readonly loss: number
}

export interface TrainOptions {
  /** What steps: an optimizer, or the options to make one with for `parameters`, which is disposed of in the end. */
  readonly optimizer: Optimizer | OptimizerOptions
  /** What an optimizer made here steps in place. */
  readonly parameters?: FloatArray
  /** Loss and gradient of a batch at the parameters as they are now. */
  readonly evaluate: (batch: Batch) => Evaluation | Promise<Evaluation>
  /** Steps that make one epoch. Default 1. */
  readonly batches?: number
  /** Default 1. */
  readonly epochs?: number
  /** After so many steps training ends, wherever the epoch is. Default: none. */
  readonly maxSteps?: number
  /** Ends the training when it answers false. */
  readonly onStep?: (progress: TrainingProgress) => unknown
  /** The mean loss of the epoch's batches. Ends the training when it answers false. */
  readonly onEpoch?: (progress: { readonly epoch: number; readonly loss: number; readonly step: number }) => unknown
  /** Ends the training between two steps; it rejects with ERR_NONNEG_ABORTED, with the parameters as they are. */
  readonly signal?: AbortSignal
}

export interface Training {
  readonly steps: number
  /** Whole epochs. */
  readonly epochs: number
  /** Mean loss of the batches of each epoch that was begun, before their steps. */
  readonly losses: readonly number[]
  readonly forwards: number
  readonly backwards: number
  readonly reason: 'done' | 'stopped'
  /** A copy of the parameters that the model is to be used with: averages, for kinds that average. */
  readonly parameters: FloatArray
}

/**
 * The loop around an optimizer: for every batch of every epoch one step with the closure over `evaluate`, so that all kinds,
 * line searches among them, get what they need. The scheduler is the optimizer's own and is asked before each step.
 *
 * @throws NonnegError ERR_NONNEG_OPTION for counts that are none, ERR_NONNEG_NOT_FINITE where the loss of a batch is not a
 * finite number, ERR_NONNEG_ABORTED; what `evaluate`, `onStep` and the optimizer throw
 */
export async function train(options: TrainOptions): Promise<Training> {
  const { runTraining } = await import('./training.js')
  return await runTraining(options)
}
