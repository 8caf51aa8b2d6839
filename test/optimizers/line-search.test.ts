import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../ts/core/random.js'
import type { LineSearchOptions } from '../../ts/optimizers/line-search.js'
import type { OptimizerOptions } from '../../ts/optimizers/options.js'
import { Drive, type Problem, type Step } from './drive.js'
import { GOLDEN, logistic, quadratic } from './losses.js'

interface Golden {
  readonly name: string
  readonly options: Partial<OptimizerOptions>
  readonly rates: readonly number[]
  readonly forwards: readonly number[]
  /** f after some of the steps, by step. */
  readonly losses: Readonly<Record<number, number>>
}

const KEPT: Omit<Golden, 'name' | 'options'> = {
  rates: [0.166771816997, 0.166771816997, 0.166771816997, 0.166771816997],
  forwards: [19, 2, 2, 2],
  losses: { 4: 0.3137342146 },
}

// computed in float64 from the pseudo-code of Vaswani et al.
const GOLDENS: readonly Golden[] = [
  {
    name: 'armijo, one batch an epoch',
    options: { batchesPerEpoch: 1 },
    rates: [0.177258762393, 0.169564633101, 0.18022719636, 0.172404218629],
    forwards: [25, 9, 8, 9],
    losses: { 1: 3.322909755, 2: 1.677654352, 3: 1.086431629, 4: 0.5947506694 },
  },
  {
    name: 'armijo, ten batches an epoch',
    options: { batchesPerEpoch: 10 },
    rates: [0.178741607756, 0.17241346066, 0.166309354547, 0.178245952775],
    forwards: [19, 3, 3, 2],
    losses: { 4: 0.5460185032 },
  },
  { name: 'armijo, rates kept', options: { reset: 'keep' }, ...KEPT },
  {
    name: 'armijo, restarts',
    options: { reset: 'restart' },
    rates: [0.166771816997, 0.166771816997, 0.166771816997, 0.185302018885],
    forwards: [19, 19, 19, 18],
    losses: { 4: 0.4334964365 },
  },
  { name: 'goldstein, rates kept', options: { condition: 'goldstein', reset: 'keep' }, ...KEPT },
]

const begin = (problem: Problem, options: Partial<OptimizerOptions> = {}) =>
  Drive.begin(problem, { ...options, kind: 'sls' })

/** All losses that the steps asked for. */
const passes = ({ forwards, backwards }: Step) => forwards + backwards

describe('line search', () => {
  it.each(GOLDENS.map(golden => [golden.name, golden] as const))('%s', async (_name, golden) => {
    await using drive = await begin(GOLDEN, golden.options)
    for (let t = 1; t <= 4; t++) {
      const step = await drive.step()
      const { learningRate, backwards } = step
      expect(Math.abs(learningRate - golden.rates[t - 1])).toBeLessThan(1e-12)
      expect(passes(step)).toBe(golden.forwards[t - 1])
      expect(backwards).toBe(1)
      const loss = golden.losses[t]
      if (loss !== undefined) expect(Math.abs((await drive.loss()) - loss)).toBeLessThan(1e-9)
    }
  })

  it('accepts what meets the condition alone, on batches that change', async () => {
    const batches = [1, 2, 3].map(seed => logistic(seed))
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          c: fc.double({ min: 0.05, max: 0.45, noNaN: true }),
          learningRate: fc.double({ min: 0.1, max: 100, noNaN: true }),
          reset: fc.constantFrom('keep' as const, 'grow' as const, 'restart' as const),
          condition: fc.constantFrom('armijo' as const, 'goldstein' as const),
          batchesPerEpoch: fc.integer({ min: 1, max: 20 }),
        }),
        async options => {
          await using drive = await begin(batches[0], options)
          for (let t = 0; t < 6; t++) {
            const batch = batches[t % batches.length]
            const { learningRate, squaredGradient, loss, forwards } = await drive.step(batch)
            const after = batch.loss(drive.parameters)
            // no trial was accepted
            if (forwards === 100) continue
            const slope = learningRate * squaredGradient!
            // the same numbers, added up in another order
            const slack = 1e-12 * loss
            expect(after).toBeLessThanOrEqual(loss - options.c * slope + slack)
            if (options.condition === 'armijo') continue
            expect(after).toBeGreaterThanOrEqual(loss - (1 - options.c) * slope - slack)
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('ends no lower than theory says on quadratics', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.double({ min: 0.01, max: 50, noNaN: true }), { minLength: 1, maxLength: 6 }),
        fc.double({ min: 1e-3, max: 20, noNaN: true }),
        fc.double({ min: 0.05, max: 0.9, noNaN: true }),
        async (curvatures, learningRate, c) => {
          await using drive = await begin(quadratic(curvatures), { learningRate, c, reset: 'restart' })
          const floor = Math.min(learningRate, (0.9 * 2 * (1 - c)) / Math.max(...curvatures))
          for (const step of await drive.steps(4)) {
            if (Math.sqrt(step.squaredGradient!) < 1e-8) continue
            expect(step.learningRate).toBeGreaterThanOrEqual(floor * (1 - 1e-9))
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('asks about the same batch again: with the dropout of the step, a step of nothing changes nothing', async () => {
    const whole = logistic(4)
    let seed = 1
    const asked: number[] = []
    // every entry is dropped or doubled, by the seed of the step
    const mask = () => {
      const random = new Random(seed)
      return whole.start.map(() => (random.uniform() < 0.5 ? 0 : 2))
    }
    const dropped: Problem = {
      start: whole.start,
      loss(x) {
        const kept = mask()
        const loss = whole.loss(Float64Array.from(x, (entry, i) => entry * kept[i]))
        asked.push(loss)
        return loss
      },
      gradient(x) {
        const kept = mask()
        return whole.gradient(Float64Array.from(x, (entry, i) => entry * kept[i])).map((entry, i) => entry * kept[i])
      },
    }
    // trials so short that they move nothing at all, until the last
    await using still = await begin(dropped, { learningRate: 1e-300, reset: 'keep' })
    for (seed = 1; seed <= 5; seed++) {
      asked.length = 0
      await still.step()
      expect(new Set(asked).size).toBe(1)
      expect(asked.length).toBeGreaterThan(1)
    }
    await using drive = await begin(dropped, { batchesPerEpoch: 1 })
    for (seed = 1; seed <= 20; seed++) {
      const { loss, learningRate, squaredGradient } = await drive.step()
      if (learningRate === 0) continue
      expect(dropped.loss(drive.parameters)).toBeLessThanOrEqual(loss - 0.1 * learningRate * squaredGradient!)
    }
  })

  it('takes a step of 1e-6 where the loss lies, and goes on from the rate as it has shrunk', async () => {
    let honest = 1
    const lying: Problem = { ...GOLDEN, loss: x => (honest-- > 0 ? GOLDEN.loss(x) : 1000) }
    await using drive = await begin(lying, { reset: 'keep' })
    expect(await drive.step()).toMatchObject({ learningRate: 1e-6, forwards: 100, backwards: 1 })
    expect([...drive.parameters]).toEqual([1 - 1e-6, 1 - 1e-6 * 10])
    honest = 1
    expect(await drive.step()).toMatchObject({ learningRate: 1e-6, forwards: 100 })
    const { scalars } = await drive.optimizer.state()
    expect((scalars.method as { rate: number }).rate).toBeCloseTo(0.9 ** 200, 20)
  })

  it('takes what is not a number for too high, under both conditions', async () => {
    for (const condition of ['armijo', 'goldstein'] as const) {
      const walled: Problem = { ...GOLDEN, loss: x => (x[1] < -0.5 ? Number.NaN : GOLDEN.loss(x)) }
      await using drive = await begin(walled, { condition })
      const { learningRate } = await drive.step()
      expect(learningRate).toBeLessThan(0.15)
      expect(learningRate).toBeGreaterThan(0.9 * 0.15)
    }
  })

  it('moves nothing where the gradient is zero, and saves the rate it would have started from', async () => {
    await using drive = await begin(quadratic([1, 10], [0, 1e-10]), { batchesPerEpoch: 2 })
    expect(await drive.step()).toMatchObject({ learningRate: 0, forwards: 0, backwards: 1 })
    expect([...drive.parameters]).toEqual([0, 1e-10])
    expect((await drive.optimizer.state()).scalars.method).toEqual({ rate: Math.SQRT2 })
  })

  it("finds no trial that meets neither of Goldstein's conditions for c below ½", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.double({ min: 0.001, max: 0.499, noNaN: true }),
        fc.infiniteStream(fc.double({ min: -1e6, max: 1e6 })),
        async (c, losses) => {
          const random: Problem = { ...GOLDEN, loss: () => losses.next().value }
          await using drive = await begin(random, { c, condition: 'goldstein' })
          await drive.step()
        },
      ),
      { numRuns: 100 },
    )
  })

  it('says so where c above ½ leaves no rate to accept, with the parameters as they were', async () => {
    await using drive = await begin(GOLDEN, { c: 0.9, condition: 'goldstein' })
    await expect(drive.steps(5)).rejects.toMatchObject({
      code: 'ERR_NONNEG_OPTION',
      detail: { option: 'c', value: 0.9 },
    })
    expect([...drive.parameters]).toEqual([1, 1])
  })

  it('puts the parameters back where a loss cannot be had', async () => {
    let honest = 3
    const failing: Problem = {
      ...GOLDEN,
      loss(x) {
        if (honest-- > 0) return GOLDEN.loss(x)
        throw new Error('out of data')
      },
    }
    await using drive = await begin(failing)
    await expect(drive.step()).rejects.toThrow('out of data')
    expect([...drive.parameters]).toEqual([1, 1])
    expect([...(await drive.optimizer.evaluated())]).toEqual([1, 1])
  })

  it('lets Goldstein lengthen a rate that is too short, up to its bound', async () => {
    const short = { condition: 'goldstein', learningRate: 1e-3, reset: 'keep' } as const
    await using drive = await begin(GOLDEN, short)
    expect((await drive.step()).learningRate).toBeGreaterThan(0.01)
    await using bounded = await begin(GOLDEN, { ...short, maxLearningRate: 4e-3 })
    expect(await bounded.step()).toMatchObject({ learningRate: 4e-3, forwards: 3 })
  })

  it.each([
    { learningRate: 0 },
    { learningRate: Number.POSITIVE_INFINITY },
    { c: 1 },
    { shrink: 1 },
    { expand: 1 },
    { growth: 0 },
    { batchesPerEpoch: 0 },
    { maxLearningRate: Number.NaN },
    { condition: 'wolfe' as 'armijo' },
    { reset: 'never' as 'keep' },
  ] satisfies (LineSearchOptions & { learningRate?: number })[])('refuses %j', async options => {
    const [option] = Object.keys(options)
    await expect(begin(GOLDEN, options)).rejects.toMatchObject({ code: 'ERR_NONNEG_OPTION', detail: { option } })
  })

  it('needs a closure', async () => {
    await using drive = await begin(GOLDEN)
    await expect(drive.optimizer.step(Float64Array.of(1, 10))).rejects.toMatchObject({ code: 'ERR_NONNEG_OPTION' })
  })
})
