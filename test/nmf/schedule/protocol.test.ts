import { setTimeout as wait } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bestRate, compete, rateGrid } from '../../../ts/nmf/schedule/protocol.js'
import { spreadOf, standings } from '../../../ts/nmf/schedule/standing.js'
import type { Course, Runner, Trial } from '../../../ts/nmf/schedule/trial.js'

const course = (losses: readonly number[], ended: Course['ended'] = 'done'): Course => ({
  losses,
  seconds: losses.map((_, i) => i),
  rates: [],
  every: 1,
  steps: 10 * (losses.length - 1),
  forwards: 11 * (losses.length - 1),
  ended,
})

/** Runs whose loss depends on how near the rate is to the scheduler's own best, and which are written down. */
function fake(best: Readonly<Record<string, number>>): { run: Runner; trials: Trial[] } {
  const trials: Trial[] = []
  const run: Runner = async (trial, signal, epochDone) => {
    await wait(1)
    if (signal.aborted) return course([9], 'cut')
    trials.push(trial)
    const { contestant, rate, seed, epochs } = trial
    for (let i = 0; i < epochs; i++) epochDone()
    const miss = rate === undefined ? 0.5 : Math.abs(Math.log(rate / best[contestant]))
    return course(Array.from({ length: epochs + 1 }, (_, i) => seed + miss + 1 / (i + 1)))
  }
  return { run, trials }
}

const budget = { rates: [0.1, 0.3, 0.9], tuningEpochs: 2, repeats: 3, epochs: 4, seed: 7 }

describe('the rates that are tried', () => {
  it('lie at even ratios between the ends', () => {
    expect(rateGrid(3, 0.1, 0.9).map(rate => rate.toFixed(12))).toEqual([
      '0.100000000000',
      '0.300000000000',
      '0.900000000000',
    ])
    for (let count = 2; count < 40; count++) expect(rateGrid(count, 0.02, 0.95).at(-1)).toBeLessThanOrEqual(0.95)
    expect(rateGrid(1, 0.1, 0.9)[0]).toBeCloseTo(0.3, 14)
  })

  it('are judged by the last loss; a run that diverged by none, and of equals the smallest goes on', () => {
    const runs = (losses: readonly (readonly number[])[]) =>
      losses.map((list, i) => ({ rate: i, course: course(list) }))
    expect(
      bestRate(
        runs([
          [9, 3],
          [9, 1, 2],
          [9, 2.5],
        ]),
      ),
    ).toBe(1)
    expect(
      bestRate(
        runs([
          [9, 2],
          [9, 2],
          [9, 3],
        ]),
      ),
    ).toBe(0)
    expect(
      bestRate(
        runs([
          [9, Number.NaN],
          [9, 4],
          [9, 0 / 0],
        ]),
      ),
    ).toBe(1)
    expect(
      bestRate([
        { rate: 1, course: course([9, 1], 'diverged') },
        { rate: 2, course: course([9, 8]) },
      ]),
    ).toBe(2)
    expect(
      bestRate(
        runs([
          [9, Number.NaN],
          [9, Number.POSITIVE_INFINITY],
        ]),
      ),
    ).toBe(0)
  })
})

describe('a comparison', () => {
  it('gives every scheduler the same rates, epochs and seeds, whatever it does with them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1 }),
        fc.subarray(['r', 's']),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.double({ min: 0.01, max: 1, noNaN: true })),
        async (schedulers, references, tuningRuns, repeats, best) => {
          const { run, trials } = fake({ a: 0.1, b: 0.2, c: 0.5, d: 0.9, ...best })
          const asked = { ...budget, rates: rateGrid(tuningRuns, 0.02, 0.95), repeats }
          const { contestants, seeds, ended } = await compete(schedulers, references, asked, run, {})
          expect(ended).toBe('done')
          const tried = (name: string, epochs: number) =>
            trials.filter(trial => trial.contestant === name && trial.epochs === epochs)
          for (const name of schedulers) {
            expect(tried(name, 2).map(({ rate, seed }) => [rate, seed])).toEqual(asked.rates.map(rate => [rate, 7]))
          }
          for (const name of references) expect(tried(name, 2)).toEqual([])
          for (const { name, rate, runs } of contestants) {
            expect(tried(name, 4)).toEqual(seeds.map(seed => ({ contestant: name, rate, seed, epochs: 4 })))
            expect(runs).toHaveLength(repeats)
          }
          expect(seeds).toEqual(Array.from({ length: repeats }, (_, i) => 8 + i))
          expect(trials).toHaveLength(schedulers.length * tuningRuns + contestants.length * repeats)
        },
      ),
      { numRuns: 25 },
    )
  })

  it('goes on with the best rate of each, and tells of every epoch', async () => {
    const { run } = fake({ a: 0.3, b: 0.9 })
    const seen: number[] = []
    const { contestants } = await compete(['a', 'b'], ['mu'], budget, run, {
      onEpoch: (done, total) => {
        expect(total).toBe(2 * 3 * 2 + 3 * 3 * 4)
        seen.push(done)
      },
    })
    expect(contestants.map(({ name, rate, isReference }) => [name, rate, isReference])).toEqual([
      ['a', 0.3, false],
      ['b', 0.9, false],
      ['mu', undefined, true],
    ])
    expect(seen).toEqual(Array.from({ length: 48 }, (_, i) => i + 1))
  })

  it('that is broken off keeps whole rounds alone', async () => {
    for (const [after, rounds] of [
      [0, 0],
      [5, 0],
      [6 + 2, 0],
      [6 + 3, 1],
      [6 + 8, 2],
    ]) {
      const { run, trials } = fake({ a: 0.3, b: 0.9 })
      const controller = new AbortController()
      const counted: Runner = async (trial, signal, epochDone) => {
        if (trials.length === after) controller.abort()
        return await run(trial, signal, epochDone)
      }
      const contest = await compete(['a', 'b'], ['mu'], budget, counted, { signal: controller.signal })
      expect(contest.ended).toBe('aborted')
      expect(contest.seeds).toEqual([8, 9, 10].slice(0, rounds))
      expect(contest.contestants.map(({ runs }) => runs.length)).toEqual([rounds, rounds, rounds])
      expect(trials).toHaveLength(after)
      expect(standings(contest)).toHaveLength(rounds === 0 ? 0 : 3)
    }
  })

  it('ends when its time is over', async () => {
    const run: Runner = async (trial, signal) => {
      while (trial.seed === 8 && !signal.aborted) await wait(1)
      return course([9, 1], signal.aborted ? 'cut' : 'done')
    }
    const contest = await compete(['a'], [], budget, run, { timeBudgetMs: 20 })
    expect(contest).toMatchObject({ ended: 'time-budget', seeds: [] })
    expect(contest.contestants[0].tuning).toHaveLength(3)
  })
})

describe('the standings', () => {
  it('take the middle of the seeds, and compare runs of one seed', async () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 })
    expect(spreadOf([4, 1, 2, 8])).toEqual({ median: 3, least: 1, most: 8 })
    expect(spreadOf([1, Number.POSITIVE_INFINITY])).toEqual({
      median: Number.POSITIVE_INFINITY,
      least: 1,
      most: Number.POSITIVE_INFINITY,
    })
    const finals: Readonly<Record<string, readonly number[]>> = { a: [10, 20, 30], b: [11, 19, 33], mu: [5, 5, 5] }
    const run: Runner = async ({ contestant, seed, epochs }) => {
      if (epochs === 2) return course([99, 50])
      if (contestant === 'c') return course([99, 7], 'diverged')
      return course([99, 4, finals[contestant][seed - 8]])
    }
    const { contestants, ...rest } = await compete(['a', 'b', 'c'], ['mu'], budget, run, {})
    const rows = standings({ contestants, ...rest })
    expect(rows.map(({ name }) => name)).toEqual(['mu', 'b', 'a', 'c'])
    const [mu, b, a, c] = rows
    expect(a).toMatchObject({ finalLoss: { median: 20, least: 10, most: 30 }, bestLoss: { median: 4 }, diverged: 0 })
    // seed by seed it lost to a twice by a tenth, though the middle of its losses is lower
    expect(b.excess).toBeCloseTo(0.1, 12)
    expect(a.excess).toBeCloseTo(0, 12)
    expect(mu).toMatchObject({ learningRate: null, isReference: true, isAtEnd: false, tuningSeconds: 0, steps: 20 })
    expect(c).toMatchObject({ diverged: 3, excess: Number.POSITIVE_INFINITY, learningRate: 0.1, isAtEnd: true })
    expect(a).toMatchObject({ epochs: 2, forwards: 22, seconds: 2, tuningSeconds: 3 })
  })
})
