import { expect, it } from 'vitest'
import { type Batch, closeDevices, createOptimizer, type OptimizerOptions, train } from '../../ts/node.js'
import { Halving } from './halving.js'
import { logistic } from './losses.js'

const BATCHES = [logistic(1), logistic(2), logistic(3)]

function setting(changes: Partial<OptimizerOptions> = {}) {
  const parameters = Float64Array.from(BATCHES[0].start)
  const asked: Batch[] = []
  const options = {
    parameters,
    optimizer: { kind: 'sgd', learningRate: 0.5, backend: 'reference', ...changes } as OptimizerOptions,
    batches: BATCHES.length,
    evaluate: (batch: Batch) => {
      asked.push(batch)
      const { loss, gradient } = BATCHES[batch.batch]
      return { loss: loss(parameters), ...(batch.withGradient && { gradient: gradient(parameters) }) }
    },
  }
  return { asked, options }
}

it('asks for every batch of every epoch, and steps the parameters in place', async () => {
  const { asked, options } = setting()
  const told: number[] = []
  const { losses, parameters, ...rest } = await train({ ...options, epochs: 2, onEpoch: ({ loss }) => told.push(loss) })
  expect(rest).toEqual({ steps: 6, epochs: 2, forwards: 0, backwards: 6, reason: 'done' })
  expect(asked.map(({ epoch, batch, step }) => [epoch, batch, step])).toEqual([
    [0, 0, 0],
    [0, 1, 1],
    [0, 2, 2],
    [1, 0, 3],
    [1, 1, 4],
    [1, 2, 5],
  ])
  const x = Float64Array.from(BATCHES[0].start)
  const means: number[] = []
  for (let epoch = 0; epoch < 2; epoch++) {
    let sum = 0
    for (const batch of BATCHES) {
      sum += batch.loss(x)
      const gradient = batch.gradient(x)
      for (let i = 0; i < x.length; i++) x[i] -= 0.5 * gradient[i]
    }
    means.push(sum / BATCHES.length)
  }
  expect([...options.parameters]).toEqual([...x])
  expect([...parameters]).toEqual([...x])
  expect(losses).toEqual(means)
  expect(told).toEqual(means)
})

it('serves line searches, and counts what they ask', async () => {
  const { asked, options } = setting({ kind: 'sls', learningRate: 30, batchesPerEpoch: 3 })
  const { forwards, backwards, steps } = await train({ ...options, epochs: 4 })
  expect(steps).toBe(12)
  expect(backwards).toBe(12)
  expect(forwards).toBeGreaterThan(12)
  expect(asked).toHaveLength(forwards + backwards)
  expect(asked.filter(({ withGradient }) => withGradient)).toHaveLength(backwards)
})

it('answers the averages of kinds that average', async () => {
  const { options } = setting({ kind: 'schedule-free-sgd' })
  const { parameters } = await train({ ...options, epochs: 3 })
  expect([...parameters]).not.toEqual([...options.parameters])
})

it('goes on with an optimizer of the caller, and leaves it open', async () => {
  const { optimizer: kind, ...options } = setting({ scheduler: new Halving(0.5) }).options
  await using optimizer = await createOptimizer(options.parameters, kind)
  await train({ ...options, optimizer, epochs: 1 })
  const second = await train({ ...options, optimizer, epochs: 1 })
  expect(optimizer.steps).toBe(6)
  expect(optimizer.learningRate).toBe(0.125)
  expect(second.backwards).toBe(6)
})

it('stops where it is told to, between two steps', async () => {
  const few = await train({ ...setting().options, epochs: 9, maxSteps: 4 })
  expect(few).toMatchObject({ steps: 4, epochs: 1, reason: 'done' })
  expect(few.losses).toHaveLength(2)
  const early = await train({ ...setting().options, epochs: 9, onStep: ({ step }) => step < 5 })
  expect(early).toMatchObject({ steps: 5, epochs: 1, reason: 'stopped' })
  const patient = await train({ ...setting().options, epochs: 9, onEpoch: ({ epoch }) => epoch < 2 })
  expect(patient).toMatchObject({ steps: 9, epochs: 3, reason: 'stopped' })
  const controller = new AbortController()
  const { asked, options } = setting()
  const aborted = train({
    ...options,
    epochs: 9,
    signal: controller.signal,
    onStep: ({ step }) => {
      if (step === 2) controller.abort(new Error('enough'))
    },
  })
  await expect(aborted).rejects.toMatchObject({ code: 'ERR_NONNEG_ABORTED' })
  expect(asked).toHaveLength(2)
})

it('refuses what it cannot train', async () => {
  const code = (name: string) => ({ code: `ERR_NONNEG_${name}` })
  const { parameters: _, ...without } = setting().options
  await expect(train(without)).rejects.toMatchObject(code('OPTION'))
  for (const wrong of [{ batches: 0 }, { epochs: 1.5 }, { maxSteps: -1 }, { onStep: 3 }, { evaluate: undefined }]) {
    await expect(train({ ...setting().options, ...(wrong as object) })).rejects.toMatchObject(code('OPTION'))
  }
  const { options } = setting()
  const evaluate = (batch: Batch) => ({ ...options.evaluate(batch), loss: Number.NaN })
  await expect(train({ ...options, evaluate })).rejects.toMatchObject({
    ...code('NOT_FINITE'),
    detail: { batch: 0, epoch: 0 },
  })
  await closeDevices()
})
