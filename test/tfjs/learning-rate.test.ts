import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { learningRateCallback } from '../../ts/tfjs/index.js'
import { Halving } from '../optimizers/halving.js'
import { linearModel, plane, weightsOf } from './models.js'

const rateOf = (optimizer: tf.Optimizer) => (optimizer as unknown as { learningRate: number }).learningRate

const OPTIMIZERS: Readonly<Record<string, () => tf.Optimizer>> = {
  sgd: () => tf.train.sgd(1),
  momentum: () => tf.train.momentum(1, 0.5),
  adam: () => tf.train.adam(1),
  adamax: () => tf.train.adamax(1),
  adagrad: () => tf.train.adagrad(1),
  adadelta: () => tf.train.adadelta(1),
  rmsprop: () => tf.train.rmsprop(1),
}

describe('a scheduler in model.fit', () => {
  it.each(Object.keys(OPTIMIZERS))('sets the rate of %s before every batch', async name => {
    const { x, y } = plane(1)
    const optimizer = OPTIMIZERS[name]()
    const model = linearModel()
    model.compile({ optimizer, loss: 'meanSquaredError' })
    const scheduler = new Halving(0.01)
    const rates: number[] = []
    const watch = { onBatchBegin: async () => void rates.push(rateOf(optimizer)) }
    const callbacks = [learningRateCallback(model, scheduler), watch]
    await model.fit(x, y, { epochs: 2, batchSize: 16, shuffle: false, callbacks, verbose: 0 })
    expect(rates).toEqual([0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025, 0.00125, 0.00125])
  })

  it('makes the steps of the rate that it sets', async () => {
    const { x, y } = plane(2)
    const fixed = linearModel()
    fixed.compile({ optimizer: tf.train.sgd(0.05), loss: 'meanSquaredError' })
    const steered = linearModel()
    steered.compile({ optimizer: tf.train.sgd(7), loss: 'meanSquaredError' })
    const callbacks = learningRateCallback(steered, new Halving(0.05), { every: 'epoch' })
    await fixed.fit(x, y, { epochs: 2, shuffle: false, verbose: 0 })
    await steered.fit(x, y, { epochs: 2, shuffle: false, verbose: 0, callbacks })
    expect(weightsOf(steered)).toEqual(weightsOf(fixed))
  })

  it('shows the scheduler the metric of the batch, or of the epoch, before', async () => {
    const { x, y } = plane(3)
    for (const every of ['batch', 'epoch'] as const) {
      const model = linearModel()
      model.compile({ optimizer: tf.train.sgd(1), loss: 'meanSquaredError' })
      const scheduler = new Halving(0.01)
      const metric = every === 'epoch' ? 'val_loss' : 'loss'
      const logged: number[] = []
      const watch = {
        onBatchEnd: async (_: number, logs?: tf.TensorContainer) =>
          void (every === 'batch' && logged.push(lossOf(logs, metric))),
        onEpochEnd: async (_: number, logs?: tf.TensorContainer) =>
          void (every === 'epoch' && logged.push(lossOf(logs, metric))),
      }
      const callbacks = [learningRateCallback(model, scheduler, { every, metric }), watch]
      await model.fit(x, y, { epochs: 3, batchSize: 32, validationData: [x, y], callbacks, verbose: 0 })
      const seen = scheduler.seen.map(({ loss }) => loss)
      expect(seen).toEqual([undefined, ...logged.slice(0, -1)])
      expect(logged).toHaveLength(every === 'batch' ? 6 : 3)
    }
  })

  it('refuses optimizers without a rate, and metrics that are not logged', async () => {
    const { x, y } = plane(4)
    const none = learningRateCallback({ optimizer: {} }, new Halving(0.1))
    await expect(none.onBatchBegin(0)).rejects.toMatchObject({ code: 'ERR_NONNEG_OPTION' })
    const model = linearModel()
    model.compile({ optimizer: tf.train.sgd(0.01), loss: 'meanSquaredError' })
    const callbacks = learningRateCallback(model, new Halving(0.1), { metric: 'val_loss' })
    const fit = model.fit(x, y, { callbacks, verbose: 0 })
    await expect(fit).rejects.toMatchObject({ code: 'ERR_NONNEG_OPTION', detail: { value: 'val_loss' } })
    expect(() => learningRateCallback(model, new Halving(0.1), { every: 'step' as 'batch' })).toThrow(/every/)
    expect(() => learningRateCallback(model, 'cosine' as unknown as Halving)).toThrow('scheduler is "cosine"')
  })
})

function lossOf(logs: unknown, metric: string): number {
  return (logs as Record<string, number>)[metric]
}
