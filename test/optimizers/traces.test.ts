import { describe, expect, it } from 'vitest'
import type { OptimizerOptions } from '../../ts/optimizers/options.js'
import { Drive } from './drive.js'
import { logistic, scaled } from './losses.js'
import * as oracle from './oracle.js'

const PROBLEM = scaled(logistic(5), 3)
const STEPS = 40

type Begin = Parameters<typeof oracle.trace>[2]

const CASES: readonly [options: OptimizerOptions, begin: Begin][] = [
  [{ kind: 'sps' }, oracle.polyak(PROBLEM, {})],
  [
    { kind: 'sps', c: 0.8, growth: 3, batchesPerEpoch: 5, learningRate: 0.02 },
    oracle.polyak(PROBLEM, { c: 0.8, growth: 3, batches: 5, rate: 0.02 }),
  ],
  [
    { kind: 'sps', rule: 'constant', maxLearningRate: 0.3, leastLoss: 0.05 },
    oracle.polyak(PROBLEM, { bound: 0.3, least: 0.05 }),
  ],
  [{ kind: 'schedule-free-sgd' }, oracle.scheduleFreeSgd({})],
  [
    {
      kind: 'schedule-free-sgd',
      learningRate: 0.3,
      momentum: 0.6,
      weightDecay: 0.1,
      warmupSteps: 7,
      averagingPower: 1,
      ratePower: 1.5,
    },
    oracle.scheduleFreeSgd({ rate: 0.3, beta: 0.6, decay: 0.1, warmup: 7, r: 1, power: 1.5 }),
  ],
  [{ kind: 'schedule-free-adamw' }, oracle.scheduleFreeAdamW({})],
  [
    { kind: 'schedule-free-adamw', learningRate: 0.05, betas: [0.8, 0.95], epsilon: 1e-4, weightDecay: 0.2 },
    oracle.scheduleFreeAdamW({ rate: 0.05, beta1: 0.8, beta2: 0.95, epsilon: 1e-4, decay: 0.2 }),
  ],
  [{ kind: 'prodigy' }, oracle.prodigy({})],
  [
    {
      kind: 'prodigy',
      learningRate: 0.7,
      betas: [0.8, 0.99],
      weightDecay: 0.1,
      initialDistance: 1e-3,
      distanceFactor: 2,
      growthRate: 1.3,
      biasCorrection: true,
      safeguardWarmup: true,
    },
    oracle.prodigy({
      rate: 0.7,
      beta1: 0.8,
      beta2: 0.99,
      decay: 0.1,
      d0: 1e-3,
      coefficient: 2,
      growth: 1.3,
      corrects: true,
      safeguards: true,
    }),
  ],
  [{ kind: 'd-adapt-sgd' }, oracle.dAdaptSgd({})],
  [
    { kind: 'd-adapt-sgd', learningRate: 0.5, momentum: 0.5, weightDecay: 0.1, initialDistance: 1e-2, growthRate: 1.2 },
    oracle.dAdaptSgd({ rate: 0.5, momentum: 0.5, decay: 0.1, d0: 1e-2, growth: 1.2 }),
  ],
  [{ kind: 'd-adapt-adam' }, oracle.dAdaptAdam({})],
  [
    {
      kind: 'd-adapt-adam',
      learningRate: 0.5,
      betas: [0.8, 0.99],
      epsilon: 1e-5,
      weightDecay: 0.1,
      initialDistance: 1e-2,
      growthRate: 1.2,
    },
    oracle.dAdaptAdam({ rate: 0.5, beta1: 0.8, beta2: 0.99, epsilon: 1e-5, decay: 0.1, d0: 1e-2, growth: 1.2 }),
  ],
  [{ kind: 'dog' }, oracle.dog({})],
  [
    {
      kind: 'dog',
      groups: [2, 3],
      learningRate: 0.5,
      weightDecay: 0.1,
      initialDistance: 0.1,
      averaging: 0,
      epsilon: 1,
    },
    oracle.dog({ rate: 0.5, decay: 0.1, relative: 0.1, gamma: 0, epsilon: 1 }),
  ],
  [{ kind: 'ldog', groups: [2, 3], initialDistance: 0.05 }, oracle.dog({ relative: 0.05, layers: [2, 3] })],
]

function furthest(a: ArrayLike<number>, b: readonly number[]): number {
  return Math.max(...b.map((entry, i) => Math.abs(a[i] - entry)))
}

describe('steps as the papers write them', () => {
  it.each(CASES.map(([options, begin]) => [JSON.stringify(options), options, begin] as const))(
    '%s',
    async (_name, options, begin) => {
      await using drive = await Drive.begin(PROBLEM, options)
      for (const { p, x, d } of oracle.trace(PROBLEM, STEPS, begin)) {
        await drive.step()
        // the same float64 formulas with sums in another order; distances grow to 1 from 1e-6 on the way
        expect(furthest(drive.parameters, p)).toBeLessThan(1e-10)
        expect(furthest(await drive.optimizer.evaluated(), x)).toBeLessThan(1e-10)
        if (d === undefined) continue
        const { distance } = (await drive.optimizer.state()).scalars.method as { distance: number }
        expect(Math.abs(distance / d - 1)).toBeLessThan(1e-8)
      }
    },
  )

  it('does not estimate, and does not move, before there is a gradient', async () => {
    const flat = { ...PROBLEM, gradient: () => new Float64Array(PROBLEM.start.length) }
    for (const kind of ['prodigy', 'd-adapt-sgd', 'd-adapt-adam'] as const) {
      await using drive = await Drive.begin(flat, { kind })
      expect(await drive.step()).toMatchObject({ learningRate: 0 })
      expect([...drive.parameters]).toEqual(PROBLEM.start)
      const [first] = oracle.trace(
        PROBLEM,
        1,
        { prodigy: oracle.prodigy({}), 'd-adapt-sgd': oracle.dAdaptSgd({}), 'd-adapt-adam': oracle.dAdaptAdam({}) }[
          kind
        ],
      )
      await drive.step(PROBLEM)
      expect(furthest(drive.parameters, first.p)).toBeLessThan(1e-15)
    }
  })
})
