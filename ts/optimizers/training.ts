import { checkNames, checkObject, checkSignal, optionalFunction, refuse, whole } from '../core/checks.js'
import { abortError, NonnegError } from '../core/errors.js'
import { makeOptimizer } from './make-optimizer.js'
import { Optimizer } from './optimizer.js'
import type { Training, TrainOptions } from './train.js'

const OPTIONS: readonly (keyof TrainOptions)[] = [
  ...(['optimizer', 'parameters', 'evaluate', 'batches', 'epochs'] as const),
  ...(['maxSteps', 'onStep', 'onEpoch', 'signal'] as const),
]

/** `train`. */
export async function runTraining(options: TrainOptions): Promise<Training> {
  checkObject('options', options, 'an object')
  checkNames(options, OPTIONS, 'option of train')
  checkSignal(options.signal)
  const { optimizer, parameters } = options
  checkObject('optimizer', optimizer, 'an optimizer or the options of one')
  if (optimizer instanceof Optimizer) return await loop(optimizer, options)
  if (parameters === undefined) {
    throw new NonnegError('ERR_NONNEG_OPTION', 'an optimizer is to be made, and there are no parameters', {
      detail: { option: 'parameters' },
      fix: 'give parameters, or an optimizer that createOptimizer made',
    })
  }
  const own = await makeOptimizer(parameters, optimizer)
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
