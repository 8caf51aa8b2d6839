import { describe, expect, it } from 'vitest'
import type { Batch, Device, Factors, Fit, Problem, SweepReport } from '../../ts/backends/backend.js'
import { deviceOf, presentOrSkip, VARIANTS } from './backends.js'
import { type FitCase, fitCase, problemOf, type Wanted } from './grid.js'
import { distance } from './trajectory.js'

// Stochastic fits: projected gradient steps and variance-reduced multiplicative updates from batches of rows.

/** These have them. */
const WITH_BATCHES: readonly string[] = ['native', 'wasm', 'webgpu']
/** These share the work of a fit among threads, and refuse none of the cases. */
const CPU: readonly string[] = ['native', 'wasm']

const DENSE = { X: 'dense', rows: 53, columns: 67, rank: 5, beta: 2 } as const
const CSR = { ...DENSE, X: 'csr' } as const
const SAFE = { batches: true, sgd: { safety: 0.95 } } as const
const NOISY = { batches: true, sgd: { safety: 0.5, noise: 0.5, seed: 9 } } as const
const LIMITED = { batches: true, sgd: { safety: 0, limit: 2 ** -6, noise: 0.25 } } as const
const REDUCED = { batches: true } as const

const cases: readonly Wanted[] = [
  { ...DENSE, rule: 'sgd', more: SAFE },
  { ...DENSE, rule: 'sgd', more: { ...SAFE, rounds: 3 }, penalised: true },
  { ...DENSE, rule: 'sgd', more: SAFE, dtype: 'f64' },
  { ...CSR, rule: 'sgd', more: SAFE },
  { ...CSR, rule: 'sgd', more: { ...NOISY, rounds: 2 }, dtype: 'f64' },
  { ...DENSE, rule: 'sgd', more: NOISY },
  { ...DENSE, rule: 'sgd', more: LIMITED },
  { ...CSR, rule: 'sgd', more: { ...SAFE, maxH: 0.5, movingH: 3 } },
  { ...DENSE, rows: 301, columns: 129, rank: 17, rule: 'sgd', more: NOISY },
  { ...DENSE, rule: 'svrmu', more: REDUCED },
  { ...DENSE, rule: 'svrmu', more: { ...REDUCED, rounds: 2, ratio: 0.5 }, penalised: true },
  { ...DENSE, rule: 'svrmu', more: REDUCED, dtype: 'f64' },
  { ...CSR, rule: 'svrmu', more: REDUCED },
  { ...CSR, rule: 'svrmu', more: { ...REDUCED, maxH: 0.5, movingH: 3 } },
  { ...DENSE, rows: 301, columns: 129, rank: 17, rule: 'svrmu', more: REDUCED },
]

/** Two passes: batches that differ in length, one of a single row, one that repeats rows, and one of them all. */
function batchesOf({ spec }: FitCase, rows: number): readonly Batch[] {
  const rates = spec.sgd && spec.sgd.safety === 0 ? { rateW: 2 ** -10, rateH: 2 ** -12 } : { rateW: 0.5, rateH: 0.75 }
  const batches = [
    { first: 0, count: 20 },
    { first: 20, count: 1 },
    { first: 21, count: 32 },
    { first: 5, count: 40, refresh: true },
    { first: 0, count: rows },
  ]
  return batches.map((batch, draw) => ({ ...batch, ...rates, draw }))
}

interface Outcome {
  readonly report: SweepReport
  readonly factors: Factors
}

async function outcome(fit: Fit, batches: readonly Batch[]): Promise<Outcome> {
  return { report: await fit.runBatches(batches), factors: await fit.factors() }
}

async function onDevice<T>(
  device: Device,
  problem: Problem,
  { spec }: FitCase,
  work: (fit: Fit) => Promise<T>,
): Promise<T> {
  const fit = await device.createFit(problem, spec)
  try {
    return await work(fit)
  } finally {
    await fit[Symbol.asyncDispose]()
  }
}

describe.each(VARIANTS.filter(({ id }) => id !== 'reference'))('stochastic batches on $name', variant => {
  it.for(cases.map(wanted => [fitCase(wanted).name, fitCase(wanted)] as const))('%s', async ([, given], context) => {
    await presentOrSkip(variant.id, context)
    const { problem } = await problemOf(given)
    const device = await deviceOf(variant, 1)
    const support = device.supports(problem.X, given.spec, problem.weights)
    const isSupported = CPU.includes(variant.id) || (WITH_BATCHES.includes(variant.id) && given.spec.dtype === 'f32')
    expect(support).toMatchObject({ supported: isSupported })
    if (!isSupported) return
    const batches = batchesOf(given, problem.X.rows)
    const wanted = await onDevice(await deviceOf('reference'), problem, given, fit => outcome(fit, batches))
    const own = await onDevice(device, problem, given, fit => outcome(fit, batches))
    const unit = given.spec.dtype === 'f64' ? 2 ** -53 : 2 ** -24
    expect(own.report).toMatchObject({ iterations: batches.length, stopped: 'done' })
    for (const [i, loss] of own.report.losses.entries()) {
      expect(Math.abs(loss - wanted.report.losses[i])).toBeLessThan(256 * unit * problem.squaredNorm)
    }
    for (const name of ['W', 'H'] as const) {
      expect(distance(own.factors[name], wanted.factors[name])).toBeLessThan(2 ** 11 * unit)
    }
    if (given.spec.rule === 'sgd') {
      // a gradient is a difference of sums as large as ‖X‖·‖W‖, and its square doubles what rounding leaves of it
      expect(distance(own.factors.gradient!, wanted.factors.gradient!)).toBeLessThan(2 ** 14 * unit)
      for (const name of ['rateW', 'rateH', 'squaredGradient'] as const) {
        for (const [i, value] of own.report.steps![name].entries()) {
          const target = wanted.report.steps![name][i]
          expect(Math.abs(value - target)).toBeLessThanOrEqual(2 ** 14 * unit * target)
        }
      }
      expect(own.report.steps!.alignment[0]).toBe(0)
      const { alignment, squaredGradient } = wanted.report.steps!
      for (let i = 1; i < batches.length; i++) {
        const size = Math.sqrt(squaredGradient[i] * squaredGradient[i - 1])
        expect(Math.abs(own.report.steps!.alignment[i] - alignment[i])).toBeLessThan(2 ** 14 * unit * size)
      }
    } else {
      expect(own.report.steps).toBeUndefined()
    }
    for (const threads of CPU.includes(variant.id) ? [2, 3] : []) {
      const more = await onDevice(await deviceOf(variant, threads), problem, given, fit => outcome(fit, batches))
      expect(more.factors).toEqual(own.factors)
      expect(more.report.losses).toEqual(own.report.losses)
      expect(more.report.steps).toEqual(own.report.steps)
    }
    // in two parts, on two fits: the fourth batch looks at all again
    const half = await onDevice(device, problem, given, fit => outcome(fit, batches.slice(0, 3)))
    const rest = await onDevice(device, problem, given, async fit => {
      await fit.setFactors(half.factors)
      return await outcome(fit, batches.slice(3))
    })
    expect(rest.factors).toEqual(own.factors)
  })

  it('refuses what it cannot do', async context => {
    await presentOrSkip(variant.id, context)
    if (!WITH_BATCHES.includes(variant.id)) return
    const given = fitCase({ ...DENSE, rule: 'sgd', more: SAFE })
    const { problem } = await problemOf(given)
    await onDevice(await deviceOf(variant, 1), problem, given, async fit => {
      await expect(fit.run(1)).rejects.toMatchObject({ code: 'ERR_NONNEG_UNSUPPORTED' })
      for (const batch of [
        { first: 50, count: 4 },
        { first: 0, count: 4, rateH: -1 },
        { first: 0, count: 4, rateW: Number.NaN },
        { first: 0, count: 4, draw: 0.5 },
      ]) {
        await expect(fit.runBatches([batch])).rejects.toMatchObject({ code: 'ERR_NONNEG_SHAPE' })
      }
    })
  })
})
