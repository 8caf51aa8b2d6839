import { describe, expect, it } from 'vitest'
import { Constant, Cosine, GreedyLR, type GreedyOptions, Linear, schedulerFrom } from '../../ts/schedulers/api.js'
import { rates, throughJson, times } from './traces.js'

// What the 30 cases of Hugging Face's tests of its GreedyLR ask for, said anew for this class; each is named for what it asks.

const greedy = (options: GreedyOptions = {}) => {
  const start = { learningRate: 0.1, factor: 0.9, patience: 3, minLr: 1e-6, maxLr: 1 }
  const rate = options.learningRates ? { learningRate: undefined } : {}
  return new GreedyLR({ ...start, compat: 'hf', ...rate, ...options })
}

/** So many metrics, each the one before times the factor. */
function course(count: number, factor: number, start = 10): number[] {
  return Array.from({ length: count }, (_, i) => start * factor ** (i + 1))
}

const OPTION = expect.objectContaining({ code: 'ERR_NONNEG_OPTION' })
const refused = (options: unknown) => expect(() => new GreedyLR(options as GreedyOptions)).toThrow(OPTION)

describe('making one', () => {
  it('1 starts at the rate it is given', () => {
    expect(greedy().learningRate).toBe(0.1)
    expect(greedy().learningRates).toEqual([0.1])
  })

  it('2 begins without a best, which in mode max is −∞', () => {
    expect(greedy({ mode: 'max' }).state().best).toBe('-Infinity')
    expect(greedy().state().best).toBe('Infinity')
  })

  it.for([1, 1.5, 0, -0.5, Number.NaN])('3 refuses a factor of %d', factor => refused({ factor }))

  it('4 refuses a mode that it does not know', () => refused({ mode: 'unknown' }))

  it('5 refuses a threshold mode that it does not know', () => refused({ thresholdMode: 'unknown' }))

  it.for(['not options', 7, null])('6 refuses %o in place of options', given => {
    refused(given)
  })
})

describe('moving the rate', () => {
  it('7 lowers it on a plateau', () => {
    expect(rates(greedy(), [5, ...times(4, 10)]).at(-1)).toBeCloseTo(0.1 * 0.9, 12)
  })

  it('8 raises it while the metric gets better', () => {
    expect(rates(greedy(), course(4, 0.8)).at(-1)).toBeCloseTo(0.1 / 0.9, 12)
  })

  it('9 never lowers it below minLr', () => {
    const found = rates(greedy({ patience: 1, minLr: 0.01, factor: 0.5 }), [1, ...times(50, 10)])
    expect(Math.min(...found)).toBe(0.01)
  })

  it('10 never raises it above maxLr', () => {
    const found = rates(greedy({ patience: 1, maxLr: 0.2, factor: 0.5 }), course(50, 0.8))
    expect(Math.max(...found)).toBe(0.2)
  })

  it('11 does not lower it again in the cooldown', () => {
    const found = rates(greedy({ patience: 2, cooldown: 3 }), [5, ...times(6, 10)])
    expect(found.slice(3)).toEqual(times(4, found[3]))
    expect(found[3]).toBeLessThan(0.1)
  })

  it('12 does not raise it again in the warmup', () => {
    const found = rates(greedy({ patience: 2, warmup: 3 }), course(6, 0.8))
    expect(found.slice(2)).toEqual(times(4, found[2]))
    expect(found[2]).toBeGreaterThan(0.1)
  })

  it('23 lowers it in mode max when the metric falls', () => {
    expect(rates(greedy({ mode: 'max', patience: 2 }), [10, 1, 1, 1]).at(-1)).toBeCloseTo(0.09, 12)
  })

  it('24 raises it in mode max when the metric rises', () => {
    expect(rates(greedy({ mode: 'max', patience: 2 }), course(3, 1.5, 1)).at(-1)).toBeCloseTo(0.1 / 0.9, 12)
  })

  it('25 counts by a relative threshold: 9.5 is not better than 10 by a tenth', () => {
    const scheduler = greedy({ thresholdMode: 'rel', threshold: 0.1, patience: 2 })
    rates(scheduler, [10, 9.5])
    expect(scheduler.state()).toMatchObject({ best: 10, bad: 1, good: 0 })
  })

  it('22 is back at its first rate after a reset at minLr', () => {
    const found = rates(greedy({ patience: 1, minLr: 0.01, factor: 0.5, resetStart: 2 }), [1, ...times(100, 10)])
    expect(found.at(-1)).toBeCloseTo(0.1, 12)
    expect(Math.min(...found)).toBe(0.01)
  })

  it('26 moves all groups together', () => {
    const scheduler = greedy({ learningRates: [0.1, 0.01], patience: 2 })
    rates(scheduler, [5, 10, 10, 10])
    expect(scheduler.learningRates[0]).toBeCloseTo(0.1 * 0.9, 12)
    expect(scheduler.learningRates[1]).toBeCloseTo(0.01 * 0.9, 12)
  })

  it('21 tells the rate of every group', () => {
    const scheduler = greedy({ learningRates: [0.1, 0.01, 0.2] })
    scheduler.next(10)
    expect(scheduler.learningRates).toEqual([0.1, 0.01, 0.2])
  })
})

describe('smoothing', () => {
  it('13 keeps the last windowSize metrics', () => {
    const scheduler = greedy({ smooth: true, windowSize: 3, patience: 10 })
    rates(scheduler, [10, 8, 6, 4])
    expect(scheduler.state()).toMatchObject({ window: [8, 6, 4], sum: 18 })
  })

  it('14 is off unless asked for', () => {
    const scheduler = greedy()
    rates(scheduler, [10, 8])
    expect(scheduler.state()).toMatchObject({ window: [], best: 8 })
  })

  // metrics that rise would leave the best where it is, so the mean is read as the best of a maximum
  it.for([{ compat: 'hf' }, { compat: undefined }] as const)('27 means of 1 2 3 4 in a window of 3 with %o', compat => {
    const scheduler = greedy({ mode: 'max', smooth: true, windowSize: 3, patience: 10, ...compat })
    const means = [1, 2, 3, 4].map(metric => {
      scheduler.next(metric)
      return scheduler.state().best
    })
    expect(means).toEqual([1, 1.5, 2, 3])
  })

  it('28 hands its window on with the state', () => {
    const first = greedy({ smooth: true, windowSize: 3 })
    rates(first, [1, 2, 3])
    const second = greedy({ smooth: true, windowSize: 3 })
    second.restore(throughJson(first.state()))
    expect(second.state()).toEqual(first.state())
  })
})

describe('state', () => {
  it('15 goes on as the one that it was taken from', () => {
    const options = { smooth: true, windowSize: 5 }
    const first = greedy(options)
    rates(first, [10, 9, 8, 7, 6, 5, 6, 7])
    const second = greedy(options)
    second.restore(throughJson(first.state()))
    expect(second.state()).toEqual(first.state())
    expect(second.learningRate).toBe(first.learningRate)
    expect(rates(second, [5, 4, 3])).toEqual(rates(first, [5, 4, 3]))
  })

  it('16 holds all that is remembered', () => {
    const scheduler = greedy({ smooth: true })
    scheduler.next(10)
    const names = ['step', 'rates', 'best', 'good', 'bad', 'cooldown', 'warmup', 'resetIn', 'window', 'sum']
    expect(Object.keys(scheduler.state()).sort()).toEqual(names.sort())
  })

  it('17 leaves as it is what a state does not hold', () => {
    const scheduler = greedy()
    scheduler.restore({ best: 5, bad: 3 })
    expect(scheduler.state()).toMatchObject({ best: 5, bad: 3, cooldown: 0, rates: [0.1] })
    expect(scheduler.next(6)).toBeCloseTo(0.09, 12)
  })
})

describe('making one by name', () => {
  const run = { learningRate: 0.1, totalSteps: 100 }

  it('18 gives one of the class', () => {
    expect(schedulerFrom('greedy', run)).toBeInstanceOf(GreedyLR)
  })

  it('19 takes one with options of its own as it is', () => {
    const scheduler = new GreedyLR({ mode: 'max', smooth: true, windowSize: 10 })
    expect(schedulerFrom(scheduler, run)).toBe(scheduler)
  })

  it('20 starts it at the rate of the run', () => {
    expect(schedulerFrom('greedy', run).learningRate).toBe(0.1)
  })

  it('29 is asked for, not what a run gets by itself: a schedule stays what it was', () => {
    expect(schedulerFrom('linear', run)).toBeInstanceOf(Linear)
  })

  it.for([
    ['linear', new Linear({ totalSteps: 100, warmupSteps: 5 })],
    ['cosine', new Cosine({ totalSteps: 100, warmupSteps: 5 })],
    ['constant', new Constant()],
    ['constant with warmup', new Constant({ warmupSteps: 5 })],
  ] as const)('30 other schedules work beside it: %s', ([, schedule]) => {
    for (const rate of rates(schedule.clone(), times(5, 3))) expect(rate).toBeGreaterThanOrEqual(0)
  })
})
