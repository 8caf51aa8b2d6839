import { beforeEach, describe, expect, it } from 'vitest'
import type { Batch, Factors, Fit, FitSpec } from '../../ts/backends/backend.js'
import { nativeBackend } from '../../ts/backends/native/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import type { MatrixView } from '../../ts/core/matrix.js'
import { addonOrSkip, normalisedError, problemOf, randomCsr, randomDense, specOf, withFit } from './helpers.js'

/** What conformance's small shapes do not come to: every plan of the products, and several panels of rows and of columns. */
const matrices: readonly (readonly [string, MatrixView])[] = [
  ['columns split', randomDense(40, 2100)],
  ['columns few enough for the fused plan', randomDense(1350, 30)],
  ['sparse', randomCsr(400, 200, 5)],
]

const rules: readonly (readonly [string, Partial<FitSpec>])[] = [
  ['sgd', { rule: 'sgd', sgd: { safety: 0.95, noise: 0.01, seed: 7 }, rounds: 2 }],
  ['svrmu', { rule: 'svrmu', ratio: 0.75 }],
]

const cases = matrices.flatMap(([stored, X]) =>
  rules.map(([rule, more]) => [`${rule}, ${stored}`, X, { ...more, batches: true }] as const),
)

/** Passes over quarters of the rows, the last of them a little longer; each pass looks at all rows once. */
function passes(rows: number, count: number): Batch[] {
  const length = Math.floor(rows / 4)
  return Array.from({ length: 4 * count }, (_, draw) => {
    const quarter = draw % 4
    return {
      first: quarter * length,
      count: quarter < 3 ? length : rows - 3 * length,
      rateW: 0.5,
      rateH: 0.25,
      draw,
      refresh: quarter === 0,
    }
  })
}

const valid = ({ W, H }: Factors) => [W, H].every(list => list.every(value => value >= 0 && Number.isFinite(value)))

beforeEach(addonOrSkip)

describe.each(cases)('stochastic batches: %s', (_, X, more) => {
  it('follow the reference', async () => {
    const problem = problemOf(X, 6)
    const spec = specOf(6, { ...more, dtype: 'f64' })
    const work = async (fit: Fit) => {
      const report = await fit.runBatches(passes(X.rows, 3))
      return { report, evaluated: await fit.evaluate(), factors: await fit.factors() }
    }
    await using device = await referenceBackend.open()
    await using plain = await device.createFit(problem, spec)
    const wanted = await work(plain)
    const own = await withFit(problem, spec, { threads: 2 }, work)
    const close = 1e-9 * problem.squaredNorm
    for (const [n, loss] of own.report.losses.entries()) {
      expect(Math.abs(loss - wanted.report.losses[n])).toBeLessThan(close)
    }
    expect(Math.abs(own.evaluated - wanted.evaluated)).toBeLessThan(close)
    for (const name of ['W', 'H'] as const) {
      expect(normalisedError(own.factors[name], wanted.factors[name])).toBeLessThan(1e-12)
    }
    for (const [n, rate] of own.report.steps?.rateH.entries() ?? []) {
      expect(rate / wanted.report.steps!.rateH[n]).toBeCloseTo(1, 9)
    }
  })

  it('do not depend on the number of threads', async () => {
    const problem = problemOf(X, 6)
    const outcomes = []
    for (const threads of [1, 2, 3]) {
      const outcome = await withFit(problem, specOf(6, more), { threads }, async fit => {
        const { losses, steps } = await fit.runBatches(passes(X.rows, 2))
        return { losses, steps, factors: await fit.factors() }
      })
      outcomes.push(outcome)
    }
    expect(outcomes[1]).toEqual(outcomes[0])
    expect(outcomes[2]).toEqual(outcomes[0])
  })

  it('end at an abort or a deadline, with factors that are valid, and start anew with those of the start', async () => {
    await withFit(problemOf(X, 6), specOf(6, more), { threads: 2 }, async fit => {
      const start = await fit.factors()
      expect(start.gradient).toBeUndefined()
      const once = await fit.runBatches(passes(X.rows, 1))
      const after = await fit.factors()
      const many = passes(X.rows, 5_000)
      const controller = new AbortController()
      setTimeout(() => controller.abort(), 30)
      const aborted = await fit.runBatches(many, { signal: controller.signal })
      expect(aborted.stopped).toBe('aborted')
      expect(aborted.iterations).toBeLessThan(many.length)
      expect(aborted.losses).toHaveLength(aborted.iterations)
      if (more.rule === 'sgd') expect(aborted.steps?.rateW).toHaveLength(aborted.iterations)
      expect(valid(await fit.factors())).toBe(true)
      const late = await fit.runBatches(many, { deadline: performance.now() - 1000 })
      expect([late.stopped, late.iterations]).toEqual(['deadline', 1])
      const before = await fit.runBatches(many, { signal: AbortSignal.abort() })
      expect([before.stopped, before.iterations]).toEqual(['aborted', 0])
      expect(before.steps?.rateW.length).toBe(more.rule === 'sgd' ? 0 : undefined)
      await fit.setFactors(start)
      expect((await fit.factors()).gradient).toBeUndefined()
      expect((await fit.runBatches(passes(X.rows, 1))).losses).toEqual(once.losses)
      expect(await fit.factors()).toEqual(after)
    })
  })
})

it('counts what stochastic batches keep', async () => {
  const device = await nativeBackend.open()
  const X = randomDense(60, 40)
  const factors = (more: Partial<FitSpec>) => device.memory(X, specOf(8, { ...more, batches: true })).factors
  expect(factors({ rule: 'sgd', sgd: { safety: 1 } })).toBe(4 * 8 * (100 + 40))
  expect(factors({ rule: 'svrmu' })).toBe(4 * 8 * (100 + 60 + 80))
})
