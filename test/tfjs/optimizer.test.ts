import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import type { OptimizerOptions } from '../../ts/optimizers/options.js'
import { tfOptimizer } from '../../ts/tfjs/index.js'
import { Halving } from '../optimizers/halving.js'
import { FEATURES, linearModel, plane, weightsOf } from './models.js'

const quiet = { epochs: 3, batchSize: 16, shuffle: false, verbose: 0 as const }

async function fitted(optimizer: tf.Optimizer, callbacks?: { onBatchEnd(): Promise<void> }): Promise<number[]> {
  const { x, y } = plane(1)
  const model = linearModel()
  model.compile({ optimizer, loss: 'meanSquaredError' })
  await model.fit(x, y, { ...quiet, callbacks })
  return weightsOf(model)
}

const PAIRS: readonly (readonly [options: OptimizerOptions, own: () => tf.Optimizer])[] = [
  [{ kind: 'sgd', learningRate: 0.1 }, () => tf.train.sgd(0.1)],
  [{ kind: 'momentum', learningRate: 0.05, momentum: 0.8 }, () => tf.train.momentum(0.05, 0.8)],
  [{ kind: 'nesterov', learningRate: 0.05, momentum: 0.8 }, () => tf.train.momentum(0.05, 0.8, true)],
]

describe('tfOptimizer', () => {
  it.each(PAIRS)('%j fits as the optimizer of TensorFlow.js does', async (options, own) => {
    const optimizer = tfOptimizer(tf, { ...options, backend: 'wasm' })
    const weights = await fitted(optimizer, optimizer.callback)
    const wanted = await fitted(own())
    expect(weights).toHaveLength(FEATURES + 1)
    weights.forEach((weight, i) => {
      expect(Math.abs(weight - wanted[i])).toBeLessThan(1e-5)
    })
    expect(optimizer.iterations).toBe(12)
    optimizer.dispose()
    await optimizer.settled()
  })

  it.each(['adam', 'prodigy', 'schedule-free-sgd', 'dog', 'd-adapt-sgd', 'sps', 'rprop'] as const)(
    '%s lowers the loss of a model',
    async kind => {
      const { x, y } = plane(2)
      const model = linearModel()
      const rates = { adam: { learningRate: 0.1 }, rprop: {}, dog: { initialDistance: 0.01 } }
      const optimizer = tfOptimizer(tf, { kind, backend: 'reference', ...(rates as Record<string, object>)[kind] })
      model.compile({ optimizer, loss: 'meanSquaredError' })
      const loss = () => (model.evaluate(x, y, { verbose: 0 }) as tf.Scalar).dataSync()[0]
      const before = loss()
      await model.fit(x, y, { ...quiet, epochs: 30, callbacks: optimizer.callback })
      expect(await optimizer.withEvaluated(loss)).toBeLessThan(before / 10)
      optimizer.dispose()
    },
  )

  it('asks its scheduler with the loss of every batch', async () => {
    const scheduler = new Halving(0.1)
    const optimizer = tfOptimizer(tf, { kind: 'sgd', scheduler, backend: 'reference' })
    await fitted(optimizer, optimizer.callback)
    expect(scheduler.seen).toHaveLength(12)
    expect(scheduler.seen.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, t) => t))
    expect(scheduler.seen.every(({ loss }) => loss! > 0)).toBe(true)
    expect(await optimizer.settled()).toMatchObject({ step: 12, learningRate: scheduler.learningRate })
  })

  it("steps in a loop of one's own, and leaves no tensors behind", async () => {
    const weight = tf.variable(tf.tensor1d([1, 1]), true)
    const optimizer = tfOptimizer(tf, { kind: 'momentum', learningRate: 0.1, backend: 'reference' })
    const loss = () => tf.sum(tf.mul(tf.square(weight), tf.tensor1d([0.5, 2]))) as tf.Scalar
    const step = () => tf.tidy(() => optimizer.minimize(loss, true, [weight])!.dataSync()[0])
    expect(await optimizer.settled()).toBeUndefined()
    expect(step()).toBe(2.5)
    expect(await optimizer.settled()).toMatchObject({ step: 1, loss: 2.5 })
    expect([...weight.dataSync()]).toEqual([Math.fround(0.9), Math.fround(0.6)])
    const { numTensors } = tf.memory()
    for (let t = 0; t < 20; t++) {
      step()
      await optimizer.settled()
    }
    expect(tf.memory().numTensors).toBe(numTensors)
    expect(step()).toBeLessThan(0.1)
    await optimizer.settled()
    optimizer.dispose()
    weight.dispose()
  })

  it('judges with averages, and trains on from where it was', async () => {
    const weight = tf.variable(tf.tensor1d([1, -1]), true)
    const optimizer = tfOptimizer(tf, { kind: 'schedule-free-sgd', learningRate: 0.3, backend: 'reference' })
    const loss = () => tf.sum(tf.square(weight)) as tf.Scalar
    for (let t = 0; t < 5; t++) {
      optimizer.minimize(loss, false, [weight])
      await optimizer.settled()
    }
    const training = [...weight.dataSync()]
    const averages = await optimizer.withEvaluated(() => [...weight.dataSync()])
    expect(averages).not.toEqual(training)
    expect([...weight.dataSync()]).toEqual(training)
    await expect(
      optimizer.withEvaluated(() => {
        throw new Error('no judge')
      }),
    ).rejects.toThrow('no judge')
    expect([...weight.dataSync()]).toEqual(training)
    optimizer.dispose()
    weight.dispose()
  })

  it('takes what the caller has set by reload', async () => {
    const weight = tf.variable(tf.tensor1d([1]), true)
    const optimizer = tfOptimizer(tf, { kind: 'sgd', learningRate: 0.5, backend: 'reference' })
    const step = async () => {
      optimizer.minimize(() => tf.sum(weight) as tf.Scalar, false, [weight])
      await optimizer.settled()
    }
    await step()
    weight.assign(tf.tensor1d([8]))
    await optimizer.reload()
    await step()
    expect([...weight.dataSync()]).toEqual([7.5])
    optimizer.dispose()
    weight.dispose()
  })

  it('says how to wait where a batch begins before the step before is done', async () => {
    const optimizer = tfOptimizer(tf, { kind: 'sgd', backend: 'reference' })
    const fit = fitted(optimizer)
    await expect(fit).rejects.toMatchObject({ code: 'ERR_NONNEG_BACKEND', fix: expect.stringContaining('callback') })
    await optimizer.settled()
    optimizer.dispose()
  })

  it('hands on what a step fails of: line searches need losses at other points', async () => {
    const optimizer = tfOptimizer(tf, { kind: 'sls', backend: 'reference' })
    await expect(fitted(optimizer, optimizer.callback)).rejects.toMatchObject({ code: 'ERR_NONNEG_OPTION' })
    const none = tfOptimizer(tf, { kind: 'adam', learningRate: -1, backend: 'reference' })
    await expect(fitted(none, none.callback)).rejects.toMatchObject({ code: 'ERR_NONNEG_OPTION' })
  })

  it('ends after the step under way, and refuses another', async () => {
    const weight = tf.variable(tf.tensor1d([1]), true)
    const optimizer = tfOptimizer(tf, { kind: 'sgd', learningRate: 0.5, backend: 'reference' })
    const step = () => optimizer.minimize(() => tf.sum(weight) as tf.Scalar, false, [weight])
    step()
    optimizer.dispose()
    expect(await optimizer.settled()).toMatchObject({ step: 1 })
    expect([...weight.dataSync()]).toEqual([0.5])
    step()
    await expect(optimizer.settled()).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
    weight.dispose()
  })

  it('refuses gradients of variables that it does not know', async () => {
    const [a, b] = [tf.variable(tf.scalar(1)), tf.variable(tf.scalar(2))]
    const optimizer = tfOptimizer(tf, { kind: 'sgd', backend: 'reference' })
    optimizer.minimize(() => tf.square(a) as tf.Scalar, false, [a])
    await optimizer.settled()
    expect(() => optimizer.minimize(() => tf.mul(a, b) as tf.Scalar, false, [a, b])).toThrow(
      expect.objectContaining({ code: 'ERR_NONNEG_OPTION', detail: { variable: b.name } }),
    )
    optimizer.dispose()
    tf.dispose([a, b])
  })

  it('is an optimizer to TensorFlow.js', () => {
    const optimizer = tfOptimizer(tf, { kind: 'adam', learningRate: 0.5 })
    expect(optimizer).toBeInstanceOf(tf.Optimizer)
    expect(optimizer.getClassName()).toBe('NonnegOptimizer')
    expect(optimizer.getConfig()).toEqual({ kind: 'adam', learningRate: 0.5 })
  })
})
