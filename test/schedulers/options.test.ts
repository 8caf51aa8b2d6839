import { describe, expect, it } from 'vitest'
import type { Observation, Scheduler } from '../../ts/schedulers/api.js'
import * as schedulers from '../../ts/schedulers/api.js'

const { SCHEDULER_NAMES, SCHEDULERS, schedulerFrom } = schedulers

const coded = (code: string) => expect.objectContaining({ code })
const OPTION = coded('ERR_NONNEG_OPTION')

const T = 10
const linear = new schedulers.Linear({ totalSteps: T })

/** What each class refuses; the message names the option. */
const WRONG: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  Constant: [
    { learningRate: -1 },
    { learningRate: Number.NaN },
    { warmupSteps: 0.5 },
    { warmupSteps: -1 },
    { gamma: 1 },
    { learningRates: [0, 1] },
  ],
  Linear: [{ totalSteps: 0 }, { totalSteps: undefined }, { totalSteps: 2.5 }, { totalSteps: T, warmupSteps: 11 }],
  Cosine: [
    { totalSteps: T, cycles: 0 },
    { totalSteps: T, finalLearningRate: -1 },
    { totalSteps: T, power: 2 },
  ],
  CosineRestarts: [
    { totalSteps: T, cycles: 1.5 },
    { totalSteps: T, cycles: 0 },
  ],
  Polynomial: [
    { totalSteps: T, power: 0 },
    { totalSteps: T, power: '2' },
  ],
  InverseSqrt: [{ timescale: 0 }, { timescale: Number.POSITIVE_INFINITY }],
  InverseTime: [{ timescale: -1 }, { gamma: 0 }, { power: 0 }],
  Step: [{ stepSize: undefined }, { stepSize: 0 }, { stepSize: 1, gamma: 0 }],
  MultiStep: [{ milestones: undefined }, { milestones: [2, 2] }, { milestones: [0] }, { milestones: [1.5] }],
  Exponential: [
    { gamma: undefined },
    { gamma: 0 },
    { gamma: 0.9, totalSteps: T },
    { totalSteps: T, finalLearningRate: 0 },
  ],
  OneCycle: [
    { totalSteps: undefined },
    { totalSteps: T, shape: 'square' },
    { totalSteps: T, warmupSteps: 11 },
    { totalSteps: T, maxLearningRate: 1, learningRate: 2 },
  ],
  Cyclic: [{ stepSize: 0 }, { mode: 'square' }, { totalSteps: T, cycles: 0 }, { maxLearningRate: 0 }],
  WarmupStableDecay: [{ totalSteps: T, decaySteps: 11 }, { totalSteps: T, decay: 'square' }, { totalSteps: undefined }],
  ReduceOnPlateau: [
    { factor: 1 },
    { patience: -1 },
    { minLr: [1, 2] },
    { threshold: 1 },
    { mode: 'mean' },
    { eps: -1 },
  ],
  GreedyLR: [
    { patience: 0.5 },
    { cooldown: -1 },
    { warmup: Number.NaN },
    { minLr: 2, maxLr: 1 },
    { minLr: Number.NaN },
    { maxLr: [1, 2] },
    { maxLr: '1' },
    { windowSize: 0 },
    { resetStart: 0 },
    { variant: 'fork' },
    { nonFinite: 'ignore' },
    { compat: 'torch' },
    { epsMode: 'both' },
    { learningRates: [] },
    { learningRates: [1, -1] },
    { learningRates: [1], learningRate: 1 },
    { minLR: 1 },
  ],
  Hypergradient: [
    { rate: -1 },
    { rule: 'both' },
    { rule: 'multiplicative', rate: 1 },
    { minLr: 2, maxLr: 1 },
    { limit: -1 },
  ],
  PolyakStepSize: [
    { c: 0 },
    { gamma: 0 },
    { batchesPerEpoch: 0 },
    { maxLr: -1 },
    { adapt: 'both' },
    { learningRates: [1] },
  ],
  Sequential: [
    { schedulers: [], milestones: [] },
    { schedulers: [linear, linear], milestones: [] },
    { schedulers: [linear, linear], milestones: [1, 2] },
    { schedulers: [linear, {}], milestones: [1] },
  ],
  Chained: [{ schedulers: 'linear' }, { schedulers: [linear], learningRate: -1 }],
}

type Class = new (options?: unknown) => Scheduler
const CLASSES = Object.entries(schedulers).filter(([, value]) => /^class\b/.test(String(value))) as [string, Class][]

describe('options', () => {
  it('every class has some that it refuses', () => {
    expect(CLASSES.map(([name]) => name).sort()).toEqual(Object.keys(WRONG).sort())
  })

  it.for(CLASSES.flatMap(([name, Type]) => WRONG[name].map(options => ({ name, Type, options }))))(
    '$name refuses $options',
    ({ Type, options }) => {
      const names = Object.keys(options)
      expect(() => new Type(options)).toThrow(OPTION)
      expect(() => new Type(options)).toThrow(new RegExp(names.join('|')))
    },
  )

  it.for(CLASSES)('%s refuses what are no options', ([, Type]) => {
    for (const wrong of [null, 7, 'fast']) expect(() => new Type(wrong)).toThrow(OPTION)
  })

  it('are told apart from mistakes in their names', () => {
    expect(() => new schedulers.Linear({ totalSteps: T, warmupStep: 1 } as never)).toThrow(
      'there is no option "warmupStep"',
    )
  })
})

describe('next', () => {
  it.for(SCHEDULER_NAMES)('%s refuses what is no step or observation', name => {
    const scheduler = SCHEDULERS[name].make({ learningRate: 1, totalSteps: T })
    for (const step of [-1, 0.5, Number.NaN, '1']) {
      expect(() => scheduler.next({ step } as Observation), String(step)).toThrow(OPTION)
    }
    expect(() => scheduler.next('1' as never)).toThrow(OPTION)
    expect(() => scheduler.next(null as never)).toThrow(OPTION)
    expect(scheduler.next()).toBe(SCHEDULERS[name].make({ learningRate: 1, totalSteps: T }).next())
  })

  it('GreedyLR refuses a loss that is no number, and by nonFinite one that is not finite', () => {
    expect(() => new schedulers.GreedyLR().next({ loss: '3' } as never)).toThrow(OPTION)
    const strict = new schedulers.GreedyLR({ nonFinite: 'throw' })
    const before = strict.state()
    expect(() => strict.next(Number.NaN)).toThrow(coded('ERR_NONNEG_NOT_FINITE'))
    expect(strict.state()).toEqual(before)
  })

  it('GreedyLR refuses what a function for maxLr may not say', () => {
    const scheduler = new schedulers.GreedyLR({ maxLr: () => Number.NaN })
    expect(() => scheduler.next(1)).toThrow(OPTION)
  })
})

describe('restore', () => {
  it.for(SCHEDULER_NAMES)('%s refuses what cannot be its state, and stays as it was', name => {
    const scheduler = SCHEDULERS[name].make({ learningRate: 1, totalSteps: T })
    const before = scheduler.state()
    for (const [key, value] of Object.entries(before)) {
      for (const wrong of ['many', {}, Array.isArray(value) ? 1 : [1], Array.isArray(value) ? ['x'] : 'x']) {
        expect(() => scheduler.restore({ [key]: wrong }), `${key} ${wrong}`).toThrow(coded('ERR_NONNEG_FORMAT'))
      }
    }
    expect(() => scheduler.restore({ step: -1 })).toThrow(coded('ERR_NONNEG_FORMAT'))
    expect(() => scheduler.restore(null as never)).toThrow(coded('ERR_NONNEG_FORMAT'))
    expect(scheduler.state()).toEqual(before)
  })

  it('a composition is as it was where one of its parts refuses', () => {
    const scheduler = new schedulers.Chained({ schedulers: [linear, new schedulers.GreedyLR()] })
    const before = scheduler.state()
    const wrong = { schedulers: [{ step: 7 }, { best: 'good' }] }
    expect(() => scheduler.restore(wrong)).toThrow(coded('ERR_NONNEG_FORMAT'))
    expect(scheduler.state()).toEqual(before)
  })
})

describe('schedulerFrom', () => {
  const run = { learningRate: 0.25, totalSteps: T }

  it('refuses what is neither a scheduler nor the name of one', () => {
    for (const wrong of ['fastest', 'toString', 3, null, undefined, { next: () => 1 }]) {
      expect(() => schedulerFrom(wrong as never, run)).toThrow(OPTION)
    }
  })

  it('says what a run is where there is none', () => {
    expect(() => schedulerFrom('cosine', undefined as never)).toThrow(
      'run is undefined, not { learningRate, totalSteps }',
    )
  })

  it('makes each of its names, of the class that the registry tells', () => {
    for (const name of SCHEDULER_NAMES) expect(schedulerFrom(name, run).constructor.name).toBe(SCHEDULERS[name].type)
  })

  it('has every class under a name', () => {
    const types = new Set(SCHEDULER_NAMES.map(name => SCHEDULERS[name].type))
    expect([...types].sort()).toEqual(CLASSES.map(([name]) => name).sort())
  })
})
