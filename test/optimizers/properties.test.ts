import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../ts/core/random.js'
import type { OptimizerKind } from '../../ts/optimizers/options.js'
import { Drive, type Problem } from './drive.js'
import { leastLoss, logistic, quadratic, scaled } from './losses.js'

const LENGTH = 7

/** Gradients that are nobody's: drawn anew for every point that is asked about. */
function erratic(seed: number): Problem {
  const random = new Random(seed)
  return {
    start: Array.from({ length: LENGTH }, () => 2 * random.uniform() - 1),
    loss: () => random.uniform(),
    gradient: () => Float64Array.from({ length: LENGTH }, () => Math.tan(3 * (random.uniform() - 0.5))),
  }
}

const seeds = fc.integer({ min: 0, max: 2 ** 31 })
const ESTIMATING = ['prodigy', 'd-adapt-sgd', 'd-adapt-adam'] as const

describe('Schedule-Free', () => {
  it.each(['schedule-free-sgd', 'schedule-free-adamw'] as const)(
    '%s: x is the mean of all z by their weights',
    async kind => {
      await fc.assert(
        fc.asyncProperty(
          seeds,
          fc.record({
            averagingPower: fc.double({ min: 0, max: 3, noNaN: true }),
            ratePower: fc.double({ min: 0, max: 3, noNaN: true }),
            warmupSteps: fc.integer({ min: 0, max: 8 }),
            learningRate: fc.double({ min: 1e-3, max: 1, noNaN: true }),
          }),
          async (seed, options) => {
            await using drive = await Drive.begin(erratic(seed), { kind, ...options })
            const sum = new Float64Array(LENGTH)
            let weights = 0
            let largest = 0
            for (let k = 1; k <= 12; k++) {
              const { learningRate } = await drive.step()
              largest = Math.max(largest, learningRate)
              const weight = k ** options.averagingPower * largest ** options.ratePower
              weights += weight
              const { z, x } = (await drive.optimizer.state()).arrays
              const size = Math.max(...z.map(Math.abs))
              for (let i = 0; i < LENGTH; i++) {
                sum[i] += weight * z[i]
                expect(Math.abs(x[i] - sum[i] / weights)).toBeLessThan(1e-12 * (1 + size))
              }
            }
          },
        ),
        { numRuns: 30 },
      )
    },
  )

  it('keeps all points non-negative where it may', async () => {
    await using drive = await Drive.begin(
      { ...erratic(3), start: Array<number>(LENGTH).fill(0.5) },
      { kind: 'schedule-free-sgd', nonNegative: true },
    )
    for (let t = 0; t < 20; t++) {
      await drive.step()
      const { arrays } = await drive.optimizer.state()
      for (const array of [drive.parameters, arrays.x, arrays.z]) expect(Math.min(...array)).toBeGreaterThanOrEqual(0)
    }
  })
})

describe('DoG', () => {
  it.each(['dog', 'ldog'] as const)('%s: takes r₀/√(‖g‖² + ε) first, r₀ = 1e-6·(1 + ‖x₀‖)', async kind => {
    await fc.assert(
      fc.asyncProperty(seeds, async seed => {
        const problem = erratic(seed)
        const gradient = problem.gradient(problem.start)
        await using drive = await Drive.begin({ ...problem, gradient: () => gradient }, { kind, groups: [3, 4] })
        await drive.step()
        let begin = 0
        for (const end of [3, 7]) {
          const part = kind === 'dog' ? { begin: 0, end: LENGTH } : { begin, end }
          const norm = (a: ArrayLike<number>) => Math.hypot(...Array.from(a).slice(part.begin, part.end))
          const first = (1e-6 * (1 + norm(problem.start))) / Math.sqrt(norm(gradient) ** 2 + 1e-8)
          expect(drive.optimizer.learningRates[end === 3 ? 0 : 1] / first).toBeCloseTo(1, 12)
          for (let i = begin; i < end; i++) {
            expect(drive.parameters[i]).toBeCloseTo(problem.start[i] - first * gradient[i], 14)
          }
          begin = end
        }
      }),
      { numRuns: 30 },
    )
  })

  it('is L-DoG where there is one group', async () => {
    await using one = await Drive.begin(logistic(2), { kind: 'dog' })
    await using other = await Drive.begin(logistic(2), { kind: 'ldog' })
    expect(await one.steps(20)).toEqual(await other.steps(20))
    expect([...one.parameters]).toEqual([...other.parameters])
  })
})

async function distanceOf({ optimizer }: Drive): Promise<number> {
  return ((await optimizer.state()).scalars.method as { distance: number }).distance
}

describe('estimates of the distance', () => {
  it.each(ESTIMATING)('%s: never fall, whatever the gradients', async kind => {
    await fc.assert(
      fc.asyncProperty(seeds, fc.constantFrom(1.02, 2, Number.POSITIVE_INFINITY), async (seed, growthRate) => {
        await using drive = await Drive.begin(erratic(seed), { kind, growthRate })
        let distance = 1e-6
        for (let t = 0; t < 25; t++) {
          await drive.step()
          const next = await distanceOf(drive)
          expect(next).toBeGreaterThanOrEqual(distance)
          // the first estimate of Prodigy counts whole
          if (kind !== 'prodigy' || distance > 1e-6)
            expect(next).toBeLessThanOrEqual(distance * growthRate * (1 + 1e-12))
          distance = next
        }
      }),
      { numRuns: 30 },
    )
  })

  it.each(ESTIMATING)('%s: does not depend on the scale of the loss', async kind => {
    const problem = logistic(8)
    // in the place of 0, which the denominators of the first steps forbid
    const options = kind === 'd-adapt-sgd' ? { kind } : { kind, epsilon: 1e-30 }
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 1e-4, max: 1e4, noNaN: true }), async factor => {
        await using plain = await Drive.begin(problem, options)
        await using other = await Drive.begin(scaled(problem, factor), options)
        for (let t = 0; t < 30; t++) {
          await plain.step()
          await other.step()
        }
        expect(await distanceOf(other)).toBeGreaterThan(1e-3)
        for (let i = 0; i < problem.start.length; i++) {
          expect(Math.abs(other.parameters[i] - plain.parameters[i])).toBeLessThan(1e-9)
        }
      }),
      { numRuns: 20 },
    )
  })

  it('of D-Adaptation for SGD is the same bit for bit where the factor is a power of two', async () => {
    for (const factor of [2 ** -20, 8, 2 ** 30]) {
      await using plain = await Drive.begin(logistic(8), { kind: 'd-adapt-sgd' })
      await using other = await Drive.begin(scaled(logistic(8), factor), { kind: 'd-adapt-sgd' })
      await plain.steps(50)
      await other.steps(50)
      expect([...other.parameters]).toEqual([...plain.parameters])
    }
  })

  it('of Prodigy starts from what float32 sees', async () => {
    const far = quadratic([1, 2, 3], [1000, -1200, 1500])
    await using blind = await Drive.begin(far, { kind: 'prodigy' }, 'wasm')
    await blind.steps(100)
    expect([...blind.parameters]).toEqual(far.start)
    expect(await distanceOf(blind)).toBe(1e-6)
    await using seeing = await Drive.begin(far, { kind: 'prodigy', initialDistance: 1e-3 }, 'wasm')
    await seeing.steps(300)
    expect(await seeing.loss()).toBeLessThan(1e-3 * far.loss(far.start))
  })

  it('of D-Adaptation for SGD is at most twice the distance, on a convex loss without momentum', async () => {
    // f(x) = ‖x − x*‖, the distance from the start is that of x*
    const far = [3, -4, 12]
    const cone: Problem = {
      start: [0, 0, 0],
      loss: x => Math.hypot(...far.map((entry, i) => x[i] - entry)),
      gradient(x) {
        const away = far.map((entry, i) => x[i] - entry)
        return Float64Array.from(away, entry => entry / Math.max(1e-12, Math.hypot(...away)))
      },
    }
    await using drive = await Drive.begin(cone, { kind: 'd-adapt-sgd', momentum: 0 })
    for (let t = 0; t < 200; t++) {
      await drive.step()
      expect(await distanceOf(drive)).toBeLessThanOrEqual(2 * 13 * (1 + 1e-9))
    }
    expect(await distanceOf(drive)).toBeGreaterThan(1)
  })
})

/** Steps, and the share of the excess over the least loss that may be left after them. */
const BUDGETS: readonly (readonly [kind: OptimizerKind, options: object, steps: number, share: number])[] = [
  ['sls', { batchesPerEpoch: 10 }, 200, 1e-6],
  ['sls', { condition: 'goldstein', reset: 'keep' }, 200, 1e-6],
  ['sps', { batchesPerEpoch: 10 }, 200, 1e-3],
  ['schedule-free-sgd', {}, 500, 1e-3],
  ['schedule-free-adamw', { learningRate: 0.1 }, 500, 1e-3],
  ['prodigy', {}, 500, 1e-3],
  ['dog', {}, 1000, 1e-3],
  ['ldog', { groups: [2, 3] }, 1000, 1e-3],
  ['d-adapt-sgd', {}, 500, 1e-3],
  ['d-adapt-adam', {}, 500, 1e-3],
]

describe('convergence', () => {
  const bowl = quadratic([0.1, 0.5, 1, 2, 1.5], [1, -2, 3, 1, -1])
  const regression = logistic(11)
  const least = leastLoss(regression, 1, 20_000)

  it.each(
    BUDGETS.map(([kind, options, steps, share]) => [kind, JSON.stringify(options), { options, steps, share }] as const),
  )('%s %s', async (kind, _options, { options, steps, share }) => {
    for (const [problem, floor] of [
      [bowl, 0],
      [regression, least],
    ] as const) {
      // Polyak's rule is told what the least loss is
      const known = kind === 'sps' ? { leastLoss: floor } : {}
      await using drive = await Drive.begin(problem, { kind, ...options, ...known })
      const before = (await drive.loss()) - floor
      await drive.steps(steps)
      expect((await drive.loss()) - floor).toBeLessThan(share * before)
    }
  })
})
