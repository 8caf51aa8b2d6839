import { describe, expect, it } from 'vitest'
import { GreedyLR } from '../../ts/schedulers/api.js'
import { rates, times } from './traces.js'

const swift = { learningRate: 1, factor: 0.5, patience: 0 }
const falling = (count: number) => Array.from({ length: count }, (_, i) => count - i)

describe('bounds', () => {
  it('are a tenth and ten times the first rate unless given, in each group', () => {
    const scheduler = new GreedyLR({ learningRates: [1, 0.02], factor: 0.5, patience: 0 })
    rates(scheduler, falling(9))
    expect(scheduler.learningRates).toEqual([10, 0.2])
    rates(scheduler, times(20, 99))
    expect(scheduler.learningRates).toEqual([0.1, 0.002])
  })

  it('leave a rate above maxLr where it is until it falls', () => {
    expect(rates(new GreedyLR({ ...swift, maxLr: 0.4 }), [3, 2, 9, 9, 1, 0.5])).toEqual([1, 1, 0.5, 0.25, 0.4, 0.4])
  })

  it('as a function are asked for each group at each step, and hold at once', () => {
    let bound = 4
    const asked: number[] = []
    const maxLr = (group: number) => {
      asked.push(group)
      return group === 0 ? bound : bound / 10
    }
    const scheduler = new GreedyLR({ learningRates: [1, 1], factor: 0.5, patience: 0, minLr: 0.5, maxLr })
    scheduler.next()
    expect(scheduler.learningRates).toEqual([1, 0.4])
    rates(scheduler, [3, 2])
    expect(scheduler.learningRates).toEqual([4, 0.4])
    bound = 0.3
    scheduler.next(9)
    expect(scheduler.learningRates).toEqual([0.3, 0.03])
    bound = 100
    rates(scheduler, [1, 0.5])
    expect(scheduler.learningRates[0]).toBeCloseTo(1.2, 12)
    expect(asked).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
  })
})

describe('small moves', () => {
  it('are left out by a share of the rate, so that small rates move too', () => {
    expect(rates(new GreedyLR({ ...swift, learningRate: 1e-9 }), [1])).toEqual([2e-9])
    expect(rates(new GreedyLR({ ...swift, learningRate: 1e-9, epsMode: 'abs' }), [1])).toEqual([1e-9])
    expect(rates(new GreedyLR({ ...swift, learningRate: 1e-9, minLr: 0, compat: 'hf' }), [1])).toEqual([1e-9])
    expect(rates(new GreedyLR({ ...swift, eps: 2 }), [1])).toEqual([1])
  })
})

describe("variant 'simple'", () => {
  it('compares with the metric before and moves every time, whatever the patience', () => {
    const scheduler = new GreedyLR({ ...swift, patience: 10, cooldown: 5, warmup: 5, variant: 'simple' })
    expect(rates(scheduler, [5, 7, 6, 6, 5])).toEqual([2, 1, 2, 1, 2])
  })

  it('takes a metric that is not a number for a bad one, and compares the next with the last that was', () => {
    const scheduler = new GreedyLR({ ...swift, variant: 'simple' })
    expect(rates(scheduler, [5, Number.NaN, 6, 4])).toEqual([2, 1, 0.5, 1])
  })
})

describe('metrics that are not finite', () => {
  it('count as bad and stay out of the mean', () => {
    const scheduler = new GreedyLR({ ...swift, patience: 9, smooth: true, windowSize: 2 })
    rates(scheduler, [4, 2, Number.NaN, Number.NEGATIVE_INFINITY])
    expect(scheduler.state()).toMatchObject({ window: [4, 2], best: 3, bad: 2 })
  })

  it('may be refused', () => {
    const scheduler = new GreedyLR({ ...swift, nonFinite: 'throw' })
    const refusal = expect.objectContaining({ code: 'ERR_NONNEG_NOT_FINITE' })
    expect(() => scheduler.next(Number.POSITIVE_INFINITY)).toThrow(refusal)
  })

  it('−∞ is a best for Hugging Face’s, and bad for ours', () => {
    expect(new GreedyLR({ ...swift, compat: 'hf', maxLr: 4 }).next(Number.NEGATIVE_INFINITY)).toBe(2)
    expect(new GreedyLR(swift).next(Number.NEGATIVE_INFINITY)).toBe(0.5)
  })
})

describe('reset', () => {
  it('never comes with resetStart: Infinity', () => {
    const scheduler = new GreedyLR({ ...swift, resetStart: Number.POSITIVE_INFINITY })
    expect(rates(scheduler, times(2000, 1)).at(-1)).toBe(0.1)
    expect(scheduler.state().resetIn).toBe('Infinity')
  })

  it('empties the window of means, and the cooldown after a fall stands', () => {
    const scheduler = new GreedyLR({ ...swift, minLr: 0.5, resetStart: 1, smooth: true, cooldown: 2 })
    expect(rates(scheduler, [1, 9, 9, 9, 9])).toEqual([2, 1, 1, 1, 1])
    expect(scheduler.state()).toMatchObject({ best: 'Infinity', cooldown: 2, resetIn: 1, window: [] })
    // two that do not count, then the first that does is better than none
    expect(rates(scheduler, [9, 9, 9, 9])).toEqual([1, 1, 2, 1])
  })
})
