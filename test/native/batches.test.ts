import os from 'node:os'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Batch, Fit, FitSpec } from '../../ts/backends/backend.js'
import { nativeBackend } from '../../ts/backends/native/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import type { MatrixView } from '../../ts/core/matrix.js'
import { addonOrSkip, normalisedError, problemOf, randomCsr, randomDense, specOf, withFit } from './helpers.js'

/** What conformance's small shapes do not come to: every plan of the products, and several panels of rows and of columns. */
const matrices: readonly (readonly [string, MatrixView, Partial<FitSpec>])[] = [
  ['columns split', randomDense(40, 2100), {}],
  ['fused', randomDense(1350, 30), { rounds: 2 }],
  ['not fused for the sake of batches', randomDense(1350, 30), { batches: true }],
  ['sparse', randomCsr(400, 200, 5), {}],
  ['tiles', randomDense(180, 600), { beta: 1 }],
  ['entries', randomCsr(400, 200, 5), { beta: 1, batches: true }],
]

/** Passes over quarters of the rows, the last of them a little longer. */
function passes(rows: number, count: number): Batch[] {
  const length = Math.floor(rows / 4)
  const quarters = [0, 1, 2, 3].map(k => ({
    first: k * length,
    count: k < 3 ? length : rows - 3 * length,
    keep: 0.75,
  }))
  return Array.from({ length: count }, () => quarters).flat()
}

beforeEach(addonOrSkip)

describe.each(matrices)('batches of %s', (_, X, more) => {
  it('follow the reference, also when iterations come between', async () => {
    const problem = problemOf(X, 6)
    const spec = specOf(6, { ...more, dtype: 'f64' })
    const work = async (fit: Fit) => {
      const first = await fit.runBatches(passes(X.rows, 2))
      const between = await fit.run(2)
      const last = await fit.runBatches(passes(X.rows, 1))
      const losses = [...first.losses, ...between.losses, ...last.losses, await fit.evaluate()]
      return { losses, factors: await fit.factors() }
    }
    await using device = await referenceBackend.open()
    await using plain = await device.createFit(problem, spec)
    const wanted = await work(plain)
    const own = await withFit(problem, spec, { threads: 2 }, work)
    expect(own.losses.length).toBe(wanted.losses.length)
    const close = 1e-9 * Math.max(...wanted.losses)
    for (const [n, loss] of own.losses.entries()) expect(Math.abs(loss - wanted.losses[n])).toBeLessThan(close)
    for (const name of ['W', 'H'] as const) {
      expect(normalisedError(own.factors[name], wanted.factors[name])).toBeLessThan(1e-12)
    }
    for (const name of ['A', 'B'] as const) {
      expect(normalisedError(own.factors.accumulated![name], wanted.factors.accumulated![name])).toBeLessThan(1e-12)
    }
  })

  it('end at an abort or a deadline, with factors that are valid', async () => {
    await withFit(problemOf(X, 6), specOf(6, more), { threads: 2 }, async fit => {
      const many = passes(X.rows, 50_000)
      const controller = new AbortController()
      setTimeout(() => controller.abort(), 30)
      const aborted = await fit.runBatches(many, { signal: controller.signal })
      expect(aborted.stopped).toBe('aborted')
      expect([aborted.losses.length, aborted.seconds.length]).toEqual([aborted.iterations, aborted.iterations])
      expect(aborted.iterations).toBeLessThan(many.length)
      const late = await fit.runBatches(many, { deadline: performance.now() - 1000 })
      expect([late.stopped, late.iterations]).toEqual(['deadline', 1])
      const { W, H, accumulated } = await fit.factors()
      for (const list of [W, H, accumulated!.A, accumulated!.B]) {
        expect(list.every(value => value >= 0 && Number.isFinite(value))).toBe(true)
      }
    })
  })
})

it('starts anew with factors that bring nothing of former batches', async () => {
  const X = randomDense(60, 40)
  const problem = problemOf(X, 4)
  await withFit(problem, specOf(4), {}, async fit => {
    const start = await fit.factors()
    expect(start.accumulated).toBeUndefined()
    await fit.runBatches(passes(60, 2))
    const once = await fit.factors()
    await fit.setFactors(start)
    expect((await fit.factors()).accumulated).toBeUndefined()
    await fit.runBatches(passes(60, 2))
    expect(await fit.factors()).toEqual(once)
  })
})

it('counts numerators and denominators where the fit was said to run batches', async () => {
  const device = await nativeBackend.open()
  const [X, spec] = [randomDense(60, 40), specOf(8)]
  const [plain, online] = [spec, { ...spec, batches: true }].map(given => device.memory(X, given))
  expect(online.factors - plain.factors).toBe(2 * 4 * 8 * 40)
  expect(plain.factors).toBe(4 * 8 * 100)
  expect(device.memoryLimit).toBeLessThanOrEqual(os.totalmem())
})
