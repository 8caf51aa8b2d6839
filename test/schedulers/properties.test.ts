import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  GreedyLR,
  type GreedyOptions,
  type Observation,
  SCHEDULER_NAMES,
  SCHEDULERS,
  type Scheduler,
} from '../../ts/schedulers/api.js'
import { rates, throughJson } from './traces.js'

const run = { learningRate: 0.5, totalSteps: 40 }

/** What a loop may see, odd numbers included; the fields of every scheduler at once. */
const losses = fc.oneof(
  { weight: 8, arbitrary: fc.double({ min: -10, max: 10, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY) },
)
const positive = fc.double({ min: 0, max: 100, noNaN: true })
const observations: fc.Arbitrary<Observation> = fc.record({
  loss: losses,
  batchLoss: losses,
  squaredGradient: positive,
  alignment: fc.double({ min: -50, max: 50, noNaN: true }),
  squaredDirection: positive,
})
const seen = fc.array(observations, { maxLength: 60 })

describe.for(SCHEDULER_NAMES)('%s', name => {
  const entry = SCHEDULERS[name]

  it('goes on from its state, through JSON, as if nothing had happened', () => {
    fc.assert(
      fc.property(seen, seen, (before, then) => {
        const first = entry.make(run)
        rates(first, before)
        const second = entry.make(run)
        second.restore(throughJson(first.state()))
        expect(second.learningRate).toBe(first.learningRate)
        expect(second.learningRates).toEqual(first.learningRates)
        expect(rates(second, then)).toEqual(rates(first, then))
        expect(second.state()).toEqual(first.state())
      }),
    )
  })

  it('has clones that are at the same place and go their own way', () => {
    fc.assert(
      fc.property(seen, seen, (before, then) => {
        const first = entry.make(run)
        rates(first, before)
        const place = first.state()
        const clone = first.clone()
        expect(clone.state()).toEqual(place)
        const gone = rates(clone, then)
        expect(first.state()).toEqual(place)
        expect(rates(first, then)).toEqual(gone)
      }),
    )
  })

  it('answers for a step what it answers when it counts', () => {
    fc.assert(
      fc.property(seen, given => {
        const counted = rates(entry.make(run), given)
        const named = given.map((observation, step) => ({ ...observation, step }))
        expect(rates(entry.make(run), named)).toEqual(counted)
      }),
    )
  })

  it('has rates that are finite and ≥ 0, and tells the last one', () => {
    fc.assert(
      fc.property(seen, given => {
        const scheduler = entry.make(run)
        expect(scheduler.learningRate).toBe(entry.make(run).next())
        for (const observation of given) {
          const rate = scheduler.next(observation)
          expect(rate).toBeGreaterThanOrEqual(0)
          expect(rate).toBeLessThan(Number.POSITIVE_INFINITY)
          expect(scheduler.learningRate).toBe(rate)
          expect(scheduler.learningRates).toEqual([rate])
        }
      }),
    )
  })

  it('says truly whether it observes', () => {
    const scheduler = entry.make(run)
    expect(scheduler.observes).toBe(entry.reads.length > 0)
    if (scheduler.observes) return
    fc.assert(
      fc.property(fc.nat({ max: 100 }), observations, (step, observation) => {
        expect(scheduler.next({ ...observation, step })).toBe(entry.make(run).next({ step }))
      }),
    )
  })

  it('can be made for a run of one step', () => {
    expect(entry.make({ learningRate: 0.5, totalSteps: 1 }).next()).toBeGreaterThanOrEqual(0)
  })
})

const greedyOptions: fc.Arbitrary<GreedyOptions> = fc.record(
  {
    variant: fc.constantFrom('hf', 'paper', 'continue', 'simple'),
    compat: fc.constantFrom('hf', undefined),
    factor: fc.constantFrom(0.5, 0.9, 0.95),
    patience: fc.nat({ max: 3 }),
    cooldown: fc.nat({ max: 3 }),
    warmup: fc.nat({ max: 3 }),
    smooth: fc.boolean(),
    windowSize: fc.integer({ min: 1, max: 5 }),
    resetStart: fc.integer({ min: 1, max: 6 }),
  },
  { requiredKeys: ['variant'] },
)
const metrics = fc.array(losses, { maxLength: 80 })

describe('GreedyLR', () => {
  it('keeps within its bounds once it is inside', () => {
    fc.assert(
      fc.property(greedyOptions, metrics, (options, given) => {
        const found = rates(new GreedyLR({ ...options, learningRate: 0.2, minLr: 0.05, maxLr: 0.7 }), given)
        for (const rate of found) {
          expect(rate).toBeGreaterThanOrEqual(0.05)
          expect(rate).toBeLessThanOrEqual(0.7)
        }
      }),
    )
  })

  it('moves at most once for each metric: up by the factor, down by it, to a bound, or to where it began', () => {
    fc.assert(
      fc.property(greedyOptions, metrics, (options, given) => {
        const scheduler = new GreedyLR({ ...options, learningRate: 0.2, minLr: 0.05, maxLr: 0.7 })
        const { factor = 0.95 } = options
        for (const metric of given) {
          const before = scheduler.learningRate
          const wanted = [before, Math.min(before / factor, 0.7), Math.max(before * factor, 0.05), 0.2]
          expect(wanted).toContain(scheduler.next(metric))
        }
      }),
    )
  })

  it('does in mode max of −m what it does in mode min of m', () => {
    fc.assert(
      fc.property(greedyOptions, metrics, (options, given) => {
        const down = new GreedyLR({ ...options, mode: 'min' })
        const up = new GreedyLR({ ...options, mode: 'max' })
        expect(
          rates(
            up,
            given.map(metric => -metric),
          ),
        ).toEqual(rates(down, given))
      }),
    )
  })

  it('goes on from its state in every variant', () => {
    fc.assert(
      fc.property(greedyOptions, metrics, metrics, (options, before, then) => {
        const first = new GreedyLR(options)
        rates(first, before)
        const second = new GreedyLR(options)
        second.restore(throughJson(first.state()))
        expect(rates(second, then)).toEqual(rates(first, then))
      }),
    )
  })

  it('is one rate many times over for groups that start alike', () => {
    fc.assert(
      fc.property(greedyOptions, metrics, (options, given) => {
        const groups = new GreedyLR({ ...options, learningRates: [0.2, 0.2, 0.2] })
        const one = new GreedyLR({ ...options, learningRate: 0.2 })
        for (const metric of given) {
          groups.next(metric)
          const rate = one.next(metric)
          expect(groups.learningRates).toEqual([rate, rate, rate])
        }
      }),
    )
  })

  it('is never above a function for maxLr, whatever that says', () => {
    const bounds = fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { minLength: 80, maxLength: 80 })
    fc.assert(
      fc.property(greedyOptions, metrics, bounds, (options, given, upper) => {
        let step = 0
        const scheduler = new GreedyLR({ ...options, learningRate: 0.5, maxLr: () => upper[step] })
        for (const metric of given) {
          expect(scheduler.next(metric)).toBeLessThanOrEqual(upper[step])
          step++
        }
      }),
    )
  })

  it('without a metric answers the rate and changes nothing but its count', () => {
    fc.assert(
      fc.property(greedyOptions, metrics, (options, given) => {
        const scheduler: Scheduler = new GreedyLR(options)
        rates(scheduler, given)
        const { step: _, ...before } = scheduler.state()
        expect(scheduler.next()).toBe(scheduler.learningRate)
        const { step: __, ...after } = scheduler.state()
        expect(after).toEqual(before)
      }),
    )
  })
})
