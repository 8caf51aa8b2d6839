import { checkObject, optionalFunction, refuse, whole } from '../core/checks.js'
import { abortError, NonnegError } from '../core/errors.js'
import type { FloatArray } from '../core/matrix.js'
import { createOptimizer } from './create-optimizer.js'
import type { Evaluation, StepReport } from './method.js'
import { Optimizer } from './optimizer.js'
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
  checkObject('options', options, 'an object')
  const { optimizer, parameters } = options
  checkObject('optimizer', optimizer, 'an optimizer or the options of one')
  if (optimizer instanceof Optimizer) return await loop(optimizer, options)
  if (parameters === undefined) {
    throw new NonnegError('ERR_NONNEG_OPTION', 'an optimizer is to be made, and there are no parameters', {
      detail: { option: 'parameters' },
      fix: 'give parameters, or an optimizer that createOptimizer made',
    })
  }
  const own = await createOptimizer(parameters, optimizer)
  try {
    return await loop(own, options)
  } finally {
    await own[Symbol.asyncDispose]()
  }
}

async function loop(optimizer: Optimizer, options: TrainOptions): Promise<Training> {
  const { evaluate, onStep, onEpoch, signal } = options
  if (typeof evaluate !== 'function') throw refuse('evaluate', evaluate, 'a function')
  const batches = whole('batches', options.batches ?? 1, 1)
  const epochs = whole('epochs', options.epochs ?? 1, 1)
  const most = whole('maxSteps', options.maxSteps ?? Number.MAX_SAFE_INTEGER, 1)
  optionalFunction('onStep', onStep)
  optionalFunction('onEpoch', onEpoch)
  const losses: number[] = []
  let [step, epoch, goesOn] = [0, 0, true]
  let counts = { forwards: 0, backwards: 0 }
  for (; epoch < epochs && goesOn && step < most; epoch++) {
    let sum = 0
    let batch = 0
    for (; batch < batches && goesOn && step < most; batch++) {
      if (signal?.aborted) throw abortError(signal)
      const place = { batch, epoch, step }
      const report = await optimizer.step(withGradient => evaluate({ ...place, withGradient }))
      const loss = finiteLoss(report.loss, place)
      sum += loss
      step++
      counts = report
      goesOn = (await onStep?.({ ...report, batch, epoch, loss })) !== false
    }
    losses.push(sum / batch)
    if (batch < batches) break
    if ((await onEpoch?.({ epoch, loss: sum / batch, step })) === false) goesOn = false
  }
  return {
    steps: step,
    epochs: epoch,
    losses,
    forwards: counts.forwards,
    backwards: counts.backwards,
    reason: goesOn ? 'done' : 'stopped',
    parameters: await optimizer.evaluated(),
  }
}

/** The loss of a step, which has been taken: gradients that are not finite the optimizer itself refuses before. */
function finiteLoss(loss: number | undefined, place: { batch: number; epoch: number }): number {
  if (loss !== undefined && Number.isFinite(loss)) return loss
  const message = `the loss of batch ${place.batch} in epoch ${place.epoch} is ${loss}`
  throw new NonnegError('ERR_NONNEG_NOT_FINITE', message, { detail: place, fix: 'use a smaller learning rate' })
}
