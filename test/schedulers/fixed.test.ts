import { describe, expect, it } from 'vitest'
import {
  Chained,
  Constant,
  Cosine,
  CosineRestarts,
  Cyclic,
  Exponential,
  GreedyLR,
  InverseSqrt,
  InverseTime,
  Linear,
  MultiStep,
  OneCycle,
  Polynomial,
  ReduceOnPlateau,
  type Scheduler,
  Sequential,
  Step,
  WarmupStableDecay,
} from '../../ts/schedulers/api.js'
import { rates, times } from './traces.js'

function expectCourse(scheduler: Scheduler, wanted: readonly number[], digits = 12): void {
  const found = rates(scheduler, new Array(wanted.length).fill(undefined))
  for (const [step, rate] of found.entries()) expect(rate, `step ${step}`).toBeCloseTo(wanted[step], digits)
}

const TEN = { totalSteps: 10, warmupSteps: 2 }
/** Ten steps after a warm-up of 2, at a share of the eight that are left. */
const warmed = (course: (p: number) => number) => [0, 0.5, ...Array.from({ length: 9 }, (_, i) => course(i / 8))]

describe('known values, T = 10 with a warm-up of 2', () => {
  it('linear', () => {
    expectCourse(new Linear(TEN), [0, 0.5, 1, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0])
  })

  it('cosine', () => {
    const wanted = [0, 0.5, 1, 0.9619398, 0.8535534, 0.6913417, 0.5, 0.3086583, 0.1464466, 0.0380602, 0]
    expectCourse(new Cosine(TEN), wanted, 7)
    expectCourse(
      new Cosine(TEN),
      warmed(p => 0.5 * (1 + Math.cos(Math.PI * p))),
    )
  })
})

// The formulas of Hugging Face's optimization.py and of PyTorch's lr_scheduler.py, written out for each step.
describe('formulas', () => {
  it('constant', () => {
    expectCourse(new Constant({ learningRate: 3 }), [3, 3, 3])
    expectCourse(new Constant({ warmupSteps: 4 }), [0, 0.25, 0.5, 0.75, 1, 1])
  })

  it('cosine with a lowest rate: f(1 − ρ) + ρ', () => {
    const schedule = new Cosine({ ...TEN, learningRate: 2, finalLearningRate: 0.2 })
    const f = (p: number) => 0.5 * (1 + Math.cos(Math.PI * p))
    expectCourse(schedule, [0, 1, ...warmed(p => 2 * (f(p) * 0.9 + 0.1)).slice(2)])
  })

  it('cosine with hard restarts is 0 at the end', () => {
    const f = (p: number) => (p >= 1 ? 0 : 0.5 * (1 + Math.cos(Math.PI * ((2 * p) % 1))))
    expectCourse(new CosineRestarts({ ...TEN, cycles: 2 }), warmed(f))
  })

  it('polynomial ends at 1e-7', () => {
    const f = (p: number) => (1 - 1e-7) * (1 - p) ** 3 + 1e-7
    expectCourse(new Polynomial({ ...TEN, power: 3 }), warmed(f))
    expect(new Polynomial(TEN).next({ step: 99 })).toBe(1e-7)
  })

  it('inverse square root, from the warm-up or a time of its own', () => {
    const course = [0, 0.5, ...[2, 3, 4, 5].map(t => 1 / Math.sqrt(t / 2))]
    expectCourse(new InverseSqrt({ warmupSteps: 2 }), course)
    const shift = 16 - 2
    expectCourse(new InverseSqrt({ warmupSteps: 2, timescale: 16 }), [
      0,
      0.5,
      ...[2, 3, 4].map(t => 1 / Math.sqrt((t + shift) / 16)),
    ])
    expect(new InverseSqrt().next({ step: 30_000 })).toBeCloseTo(0.5, 12)
  })

  it('inverse time, and its power 1.5', () => {
    expectCourse(new InverseTime({ gamma: 0.5 }), [1, 1 / 1.5, 1 / 2, 1 / 2.5])
    expectCourse(new InverseTime({ timescale: 2, power: 1.5 }), [1, 1.5 ** -1.5, 2 ** -1.5])
  })

  it('step and multi-step', () => {
    expectCourse(new Step({ stepSize: 2 }), [1, 1, 0.1, 0.1, 0.01])
    expectCourse(new Step({ stepSize: 1, gamma: 0.5, warmupSteps: 2 }), [0, 0.5, 1, 0.5, 0.25])
    expectCourse(new MultiStep({ milestones: [1, 4], gamma: 0.5 }), [1, 0.5, 0.5, 0.5, 0.25, 0.25])
  })

  it('exponential, by its factor or its end', () => {
    expectCourse(new Exponential({ gamma: 0.5 }), [1, 0.5, 0.25])
    const schedule = new Exponential({ learningRate: 2, totalSteps: 8, finalLearningRate: 0.5 })
    expect(schedule.next({ step: 4 })).toBeCloseTo(1, 12)
    expect(schedule.next()).toBeCloseTo(2 * 0.25 ** (5 / 8), 12)
    expect(new Exponential({ totalSteps: 8 }).next({ step: 8 })).toBeCloseTo(0.01, 12)
  })

  it('one cycle: PyTorch’s two phases', () => {
    const cosine = (from: number, to: number, p: number) => to + ((from - to) / 2) * (1 + Math.cos(Math.PI * p))
    // 30 % of 10 steps: the peak is at step 2
    const rise = [0, 1].map(t => cosine(0.04, 1, t / 2))
    const fall = Array.from({ length: 8 }, (_, i) => cosine(1, 4e-6, i / 7))
    expectCourse(new OneCycle({ totalSteps: 10 }), [...rise, ...fall, 4e-6])
    const linear = new OneCycle({
      learningRate: 0.5,
      maxLearningRate: 2,
      totalSteps: 6,
      warmupSteps: 3,
      finalLearningRate: 0.2,
      shape: 'linear',
    })
    expectCourse(linear, [0.5, 1.25, 2, 1.4, 0.8, 0.2, 0.2])
  })

  it('without maxLearningRate, learningRate is the peak', () => {
    expect(Math.max(...rates(new OneCycle({ learningRate: 0.5, totalSteps: 20 }), times(20, 0)))).toBe(0.5)
    expect(Math.max(...rates(new Cyclic({ learningRate: 0.5, stepSize: 4 }), times(20, 0)))).toBe(0.5)
    expect(new Cyclic({ learningRate: 0.5, stepSize: 4 }).learningRate).toBe(0.125)
  })

  it('cyclic: PyTorch’s three modes', () => {
    const range = { learningRate: 1, maxLearningRate: 3, stepSize: 2 }
    expectCourse(new Cyclic(range), [1, 2, 3, 2, 1, 2, 3, 2, 1])
    expectCourse(new Cyclic({ ...range, mode: 'triangular2' }), [1, 2, 3, 2, 1, 1.5, 2, 1.5, 1, 1.25, 1.5])
    const wanted = [0, 0.5, 1, 0.5, 0, 0.5, 1].map((height, t) => 1 + 2 * height * 0.9 ** t)
    expectCourse(new Cyclic({ ...range, mode: 'exp-range', gamma: 0.9 }), wanted)
    const two = new Cyclic({ learningRate: 1, maxLearningRate: 3, totalSteps: 8, cycles: 2 })
    expectCourse(two, [1, 2, 3, 2, 1, 2, 3, 2, 1])
  })

  it('warm-up, stable, decay', () => {
    const options = { totalSteps: 10, warmupSteps: 2, decaySteps: 4 }
    const start = [0, 0.5, 1, 1, 1, 1]
    const decayed = (f: (p: number) => number) => [...start, ...[0, 0.25, 0.5, 0.75].map(f), 0, 0]
    expectCourse(
      new WarmupStableDecay(options),
      decayed(p => 0.5 * (1 + Math.cos(Math.PI * p))),
    )
    expectCourse(
      new WarmupStableDecay({ ...options, decay: 'linear' }),
      decayed(p => 1 - p),
    )
    expectCourse(
      new WarmupStableDecay({ ...options, decay: '1-sqrt' }),
      decayed(p => 1 - Math.sqrt(p)),
    )
    // the warm-up, too, begins at the final rate
    const raised = new WarmupStableDecay({ ...options, decay: 'linear', finalLearningRate: 0.2 })
    expectCourse(raised, [0.2, 0.6, 1, 1, 1, 1, 1, 0.8, 0.6, 0.4, 0.2])
  })

  it('groups follow the first in proportion', () => {
    const schedule = new Cosine({ ...TEN, learningRates: [2, 0.5], finalLearningRate: 0.4 })
    schedule.next({ step: 6 })
    expect(schedule.learningRates).toEqual([1.2, 0.3])
    const cycle = new OneCycle({ learningRates: [2, 1], maxLearningRate: 8, totalSteps: 10 })
    expect(cycle.learningRates).toEqual([2, 1])
    cycle.next({ step: 2 })
    expect(cycle.learningRates).toEqual([8, 4])
  })

  it('after the end the rate stays', () => {
    for (const schedule of [new Linear(TEN), new Cosine(TEN), new CosineRestarts({ ...TEN, cycles: 3 })]) {
      expect(schedule.next({ step: 10 })).toBe(0)
      expect(schedule.next({ step: 15 })).toBe(0)
    }
  })
})

describe('reduce on plateau', () => {
  it('falls after patience + 1 metrics without improvement, and not in the cooldown', () => {
    const scheduler = new ReduceOnPlateau({ patience: 1, factor: 0.5, cooldown: 2 })
    const wanted = [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25]
    expect(rates(scheduler, [5, 6, 6, 6, 6, 6, 6])).toEqual(wanted)
  })

  it('takes one part in ten thousand for an improvement, and no less', () => {
    const options = { patience: 0, factor: 0.5 }
    expect(rates(new ReduceOnPlateau(options), [1, 0.99989])).toEqual([1, 1])
    expect(rates(new ReduceOnPlateau(options), [1, 0.99995])).toEqual([1, 0.5])
  })

  it('has a lowest rate for each group', () => {
    const scheduler = new ReduceOnPlateau({ learningRates: [1, 0.5], patience: 0, factor: 0.1, minLr: [0.5, 0] })
    rates(scheduler, [1, 1])
    expect(scheduler.learningRates).toEqual([0.5, 0.05])
  })
})

describe('composition', () => {
  it('one after another, each from its own first step', () => {
    const parts = [new Linear({ totalSteps: 4 }), new Exponential({ gamma: 0.5 }), new Constant({ learningRate: 7 })]
    const scheduler = new Sequential({ schedulers: parts, milestones: [2, 5] })
    expect(scheduler.observes).toBe(false)
    expectCourse(scheduler, [1, 0.75, 1, 0.5, 0.25, 7, 7])
  })

  it('a scheduler sees what is observed in its turn alone', () => {
    const greedy = new GreedyLR({ learningRate: 1, factor: 0.5, patience: 0 })
    const scheduler = new Sequential({ schedulers: [new Constant(), greedy], milestones: [3] })
    expect(scheduler.observes).toBe(true)
    expect(rates(scheduler, [9, 8, 7, 6, 5, 9])).toEqual([1, 1, 1, 2, 4, 2])
  })

  it('the product of several, as PyTorch documents it', () => {
    // ConstantLR(0.1 for 2 steps) and ExponentialLR(0.9), from 1: 0.1 0.09 0.81 0.729 0.6561
    const start = new Sequential({ schedulers: [new Constant({ learningRate: 0.1 }), new Constant()], milestones: [2] })
    const scheduler = new Chained({ schedulers: [start, new Exponential({ gamma: 0.9 })] })
    expectCourse(scheduler, [0.1, 0.09, 0.81, 0.729, 0.6561])
  })

  it('the product for groups', () => {
    const greedy = new GreedyLR({ learningRates: [1, 2], factor: 0.5, patience: 0 })
    const scheduler = new Chained({ schedulers: [greedy, new Step({ stepSize: 1, gamma: 0.5 })], learningRate: 3 })
    scheduler.next(5)
    scheduler.next(4)
    expect(scheduler.learningRates).toEqual([6, 12])
  })

  it('copies what it is made of', () => {
    const part = new Linear({ totalSteps: 4 })
    const scheduler = new Chained({ schedulers: [part] })
    rates(scheduler, [0, 0, 0])
    expect(part.next()).toBe(1)
  })
})
