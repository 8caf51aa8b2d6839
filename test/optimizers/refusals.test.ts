import { describe, expect, it } from 'vitest'
import { createOptimizer, type OptimizerOptions, train } from '../../ts/node.js'
import type { TrainOptions } from '../../ts/optimizers/train.js'
import { Halving } from './halving.js'

const NAN = Number.NaN
const INFINITE = Number.POSITIVE_INFINITY

/** Values that make no sense, by kind and option. */
const WRONG: readonly (readonly [
  kinds: readonly OptimizerOptions['kind'][],
  options: Readonly<Record<string, readonly unknown[]>>,
])[] = [
  [
    ['sps'],
    {
      learningRate: [0, -1, INFINITE],
      rule: ['steady'],
      c: [0, NAN],
      leastLoss: [INFINITE, '0'],
      growth: [0],
      batchesPerEpoch: [0],
      maxLearningRate: [0, NAN],
      epsilon: [-1],
      clip: [0],
    },
  ],
  [
    ['schedule-free-sgd', 'schedule-free-adamw'],
    { learningRate: [-1, NAN], warmupSteps: [-1, 0.5], averagingPower: [-1], ratePower: [NAN], weightDecay: [-1] },
  ],
  [['schedule-free-sgd', 'd-adapt-sgd'], { momentum: [1, -0.1] }],
  [['schedule-free-adamw', 'prodigy', 'd-adapt-adam'], { betas: [0.9, [1, 0.9], [0.9]], epsilon: [0] }],
  [
    ['prodigy', 'd-adapt-sgd', 'd-adapt-adam'],
    { learningRate: [-1], initialDistance: [0, INFINITE], growthRate: [1, NAN], weightDecay: [INFINITE] },
  ],
  [['prodigy'], { beta3: [1], biasCorrection: [1], safeguardWarmup: ['yes'], distanceFactor: [0] }],
  [['dog', 'ldog'], { learningRate: [-1], initialDistance: [0], epsilon: [0], averaging: [-1], limit: [0] }],
]

const CASES = WRONG.flatMap(([kinds, options]) =>
  kinds.flatMap(kind =>
    Object.entries(options).flatMap(([option, values]) => values.map(value => [kind, option, value] as const)),
  ),
)

const make = (options: object) =>
  createOptimizer(new Float32Array(4), { backend: 'reference', ...options } as OptimizerOptions)

describe('values that make no sense', () => {
  it('a signal that is none, for an optimizer, a step and a training', async () => {
    const wanted = { code: 'ERR_NONNEG_OPTION', message: expect.stringContaining('signal') }
    const signal = 'now' as unknown as AbortSignal
    await expect(make({ kind: 'sgd', signal })).rejects.toMatchObject(wanted)
    await using optimizer = await make({ kind: 'sgd' })
    await expect(optimizer.step(new Float32Array(4), { signal })).rejects.toMatchObject(wanted)
    const evaluate = () => ({ loss: 1, gradient: new Float32Array(4) })
    await expect(train({ optimizer, evaluate, signal })).rejects.toMatchObject(wanted)
  })

  it('an option that training does not have', async () => {
    const options = { optimizer: { kind: 'sgd' }, parameters: new Float32Array(4), evaluate: () => {}, epoch: 3 }
    await expect(train(options as unknown as TrainOptions)).rejects.toMatchObject({
      code: 'ERR_NONNEG_OPTION',
      message: 'there is no option of train "epoch"',
    })
  })

  it.each(CASES)('%s: %s %j', async (kind, option, value) => {
    await expect(make({ kind, [option]: value })).rejects.toMatchObject({
      code: 'ERR_NONNEG_OPTION',
      message: expect.stringContaining(option),
    })
  })
})

const GLOBAL = [
  'sls',
  'sps',
  'schedule-free-sgd',
  'schedule-free-adamw',
  'prodigy',
  'd-adapt-sgd',
  'd-adapt-adam',
  'dog',
  'ldog',
] as const

it.each(GLOBAL)('%s refuses groups with settings of their own, and takes groups without', async kind => {
  const groups = [1, { length: 3, learningRate: 0.125 }]
  await expect(make({ kind, groups })).rejects.toMatchObject({
    code: 'ERR_NONNEG_OPTION',
    detail: { option: 'learningRate', group: 1, value: 0.125 },
  })
  await using optimizer = await make({ kind, groups: [1, { length: 3 }] })
  expect(optimizer.learningRates).toHaveLength(2)
})

it.each(GLOBAL)('%s takes a scheduler with a rate for every group, or says why not', async kind => {
  const made = make({ kind, groups: [1, 3], scheduler: new Halving(1, 0.5) })
  if (kind !== 'dog' && kind !== 'ldog') {
    await expect(made).rejects.toMatchObject({ code: 'ERR_NONNEG_OPTION' })
    return
  }
  await using optimizer = await made
  await optimizer.step(Float32Array.of(1, 1, 1, 1))
  const [first, second] = optimizer.learningRates
  // from zero, so that r₀ is 1e-6 in both
  expect(second / first).toBeCloseTo(kind === 'dog' ? 0.5 : 0.5 / Math.sqrt(3), 6)
})

it('Polyak steps want a loss', async () => {
  await using optimizer = await make({ kind: 'sps' })
  const gradient = Float32Array.of(1, 1, 1, 1)
  await expect(optimizer.step(gradient)).rejects.toMatchObject({ code: 'ERR_NONNEG_OPTION' })
  expect(await optimizer.step(gradient, { loss: 0.5 })).toMatchObject({ step: 1 })
  // below the least loss there is nowhere to go, and where to was is not forgotten
  expect(await optimizer.step(gradient, { loss: -1 })).toMatchObject({ step: 2, learningRate: 0 })
  expect((await optimizer.step(gradient, { loss: 0.5 })).learningRate).toBeGreaterThan(0)
})

it.each(['cosine', {}, null, () => 0.1, { ...new Halving(1), learningRates: 1 }])(
  'refuses %j for a scheduler, and says how to make one',
  async scheduler => {
    await expect(make({ kind: 'sgd', scheduler })).rejects.toMatchObject({
      code: 'ERR_NONNEG_OPTION',
      detail: { option: 'scheduler' },
      fix: expect.stringContaining('schedulerFrom'),
    })
  },
)

it('says what the options of a kind are', async () => {
  await expect(make({ kind: 'sgd', momentum: 0.9 })).rejects.toMatchObject({
    fix: expect.stringMatching(/^the options of the kind sgd are kind, /),
  })
})

it('trains nothing without options', async () => {
  await expect(train(undefined as unknown as TrainOptions)).rejects.toMatchObject({ code: 'ERR_NONNEG_OPTION' })
})
