import { checkObject, oneOf, refuse } from '../core/checks.js'
import { NonnegError } from '../core/errors.js'
import { isScheduler } from '../schedulers/composed.js'
import type { Scheduler } from '../schedulers/scheduler.js'

export interface LearningRateOptions {
  /** When the scheduler is asked. Default 'batch'. */
  readonly every?: 'batch' | 'epoch'
  /**
   * The entry of the logs that the scheduler observes: of the batch before, or of the epoch before. Default 'loss'; with every:
   * 'epoch' also 'val_loss' and the like.
   */
  readonly metric?: string
}

/** The optimizers of TensorFlow.js keep their rate where its types do not show it. */
interface Rated {
  learningRate?: unknown
  setLearningRate?: (rate: number) => void
}

type Logs = Readonly<Record<string, unknown>> | undefined

/** The callbacks of `model.fit` that steer the rate. */
export interface LearningRateCallback {
  onBatchBegin(batch: number, logs?: Logs): Promise<void>
  onBatchEnd(batch: number, logs?: Logs): Promise<void>
  onEpochBegin(epoch: number, logs?: Logs): Promise<void>
  onEpochEnd(epoch: number, logs?: Logs): Promise<void>
}

/**
 * A callback for `model.fit(x, y, { callbacks: learningRateCallback(model, scheduler) })` of TensorFlow.js, which sets the rate of the
 * model's optimizer to what a scheduler answers: before every batch (or epoch), with the metric of the batch (or epoch) before.
 *
 * @param model compiled with any optimizer of TensorFlow.js that has a learning rate: sgd, momentum, adam, adamax, adagrad,
 * adadelta, rmsprop
 * @throws NonnegError ERR_NONNEG_OPTION where the optimizer has no learning rate, or the logs lack the metric
 */
export function learningRateCallback(
  model: { readonly optimizer: object },
  scheduler: Scheduler,
  options: LearningRateOptions = {},
): LearningRateCallback {
  checkObject('model', model, 'a model of TensorFlow.js')
  if (!isScheduler(scheduler)) throw refuse('scheduler', scheduler, 'a scheduler')
  const every = oneOf('every', options.every ?? 'batch', ['batch', 'epoch'])
  const { metric = 'loss' } = options
  let seen: number | undefined
  const begin = async (): Promise<void> => {
    setRate(model.optimizer, seen === undefined ? scheduler.next() : scheduler.next(seen))
  }
  const end = async (_index: number, logs: Logs): Promise<void> => {
    if (scheduler.observes) seen = metricOf(logs, metric)
  }
  const nothing = async (): Promise<void> => {}
  return every === 'batch'
    ? { onBatchBegin: begin, onBatchEnd: end, onEpochBegin: nothing, onEpochEnd: nothing }
    : { onBatchBegin: nothing, onBatchEnd: nothing, onEpochBegin: begin, onEpochEnd: end }
}

function setRate(optimizer: Rated, rate: number): void {
  // plain gradient descent keeps a tensor of it, and has a method for that reason
  if (typeof optimizer.setLearningRate === 'function') optimizer.setLearningRate(rate)
  else if (typeof optimizer.learningRate === 'number') optimizer.learningRate = rate
  else {
    throw new NonnegError('ERR_NONNEG_OPTION', 'the optimizer of this model has no learning rate to set', {
      fix: 'compile the model with an optimizer of TensorFlow.js; a tfOptimizer takes a scheduler of its own',
    })
  }
}

function metricOf(logs: Logs, metric: string): number {
  const value = logs?.[metric]
  if (typeof value === 'number') return value
  const names = Object.keys(logs ?? {}).join(', ')
  throw new NonnegError('ERR_NONNEG_OPTION', `metric "${metric}" is not in the logs, only ${names}`, {
    detail: { option: 'metric', value: metric },
  })
}
