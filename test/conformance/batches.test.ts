import { describe, expect, it } from 'vitest'
import type { Batch, Device, Factors, Fit, Problem, SweepReport } from '../../ts/backends/backend.js'
import { deviceOf, presentOrSkip, VARIANTS } from './backends.js'
import { type FitCase, fitCase, problemOf, type Wanted } from './grid.js'
import { distance } from './trajectory.js'

// Online fits: rows of X batch by batch.

/** These share the work of a fit among threads, and refuse none of the cases. */
const CPU = ['native', 'wasm']
/** These have no batches. */
const WITHOUT = ['cuda']

const DENSE = { X: 'dense', rows: 53, columns: 67, rank: 5, rule: 'mu' } as const
const CSR = { ...DENSE, X: 'csr' } as const

const cases: readonly Wanted[] = [
  { ...DENSE, beta: 2 },
  { ...DENSE, beta: 2, penalised: true, more: { rounds: 2 } },
  { ...DENSE, beta: 2, dtype: 'f64' },
  { ...CSR, beta: 2 },
  { ...CSR, beta: 1 },
  { ...CSR, beta: 1, penalised: true, dtype: 'f64' },
  { ...DENSE, beta: 1 },
  { ...DENSE, beta: 0.5, weights: 'dense' },
  { ...DENSE, beta: 3, weights: 'holdout' },
  { ...CSR, beta: 2, weights: 'entries' },
  { ...CSR, beta: 2, more: { maxH: 0.5, movingH: 3 } },
]

/** Two passes: batches that differ in length, one of a single row, one that repeats rows, and one of them all. */
const BATCHES: readonly Batch[] = [
  { first: 0, count: 20, keep: 0.75 },
  { first: 20, count: 1, keep: 0.875 },
  { first: 21, count: 32, keep: 0.5 },
  { first: 5, count: 40, keep: 0 },
  { first: 0, count: 53, keep: 1 },
]

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
  const fit = await device.createFit(problem, { ...spec, batches: !WITHOUT.includes(device.backend) })
  try {
    return await work(fit)
  } finally {
    await fit[Symbol.asyncDispose]()
  }
}

describe.each(VARIANTS.filter(({ id }) => id !== 'reference'))('batches on $name', variant => {
  it.for(cases.map(wanted => [fitCase(wanted).name, fitCase(wanted)] as const))('%s', async ([, given], context) => {
    await presentOrSkip(variant.id, context)
    const { problem } = await problemOf(given)
    const device = await deviceOf(variant, 1)
    if (!device.supports(problem.X, given.spec, problem.weights).supported) {
      expect(CPU).not.toContain(variant.id)
      return
    }
    if (WITHOUT.includes(variant.id)) {
      await onDevice(device, problem, given, async fit => {
        await expect(fit.runBatches(BATCHES)).rejects.toMatchObject({ code: 'ERR_NONNEG_UNSUPPORTED' })
      })
      return
    }
    const wanted = await onDevice(await deviceOf('reference'), problem, given, fit => outcome(fit, BATCHES))
    const own = await onDevice(device, problem, given, fit => outcome(fit, BATCHES))
    const unit = given.spec.dtype === 'f64' ? 2 ** -53 : 2 ** -24
    expect(own.report).toMatchObject({ iterations: BATCHES.length, stopped: 'done' })
    for (const [i, loss] of own.report.losses.entries()) {
      const slack = given.spec.beta === 2 ? problem.squaredNorm : 1000 + wanted.report.losses[i]
      expect(Math.abs(loss - wanted.report.losses[i])).toBeLessThan(256 * unit * slack)
    }
    for (const name of ['W', 'H'] as const) {
      expect(distance(own.factors[name], wanted.factors[name])).toBeLessThan(2 ** 11 * unit)
    }
    for (const name of ['A', 'B'] as const) {
      const [a, b] = [own, wanted].map(({ factors }) => factors.accumulated![name])
      expect(distance(a, b)).toBeLessThan(2 ** 11 * unit)
    }
    for (const threads of CPU.includes(variant.id) ? [2, 3] : []) {
      const more = await onDevice(await deviceOf(variant, threads), problem, given, fit => outcome(fit, BATCHES))
      expect(more.factors).toEqual(own.factors)
      expect(more.report.losses).toEqual(own.report.losses)
    }
    // in two parts, on two fits
    const half = await onDevice(device, problem, given, fit => outcome(fit, BATCHES.slice(0, 3)))
    const rest = await onDevice(device, problem, given, async fit => {
      await fit.setFactors(half.factors)
      return await outcome(fit, BATCHES.slice(3))
    })
    expect(rest.factors).toEqual(own.factors)
  })

  it('refuses rows that are not there', async context => {
    await presentOrSkip(variant.id, context)
    if (WITHOUT.includes(variant.id)) return
    const given = fitCase({ ...DENSE, beta: 2 })
    const { problem } = await problemOf(given)
    await onDevice(await deviceOf(variant, 1), problem, given, async fit => {
      for (const batch of [
        { first: 50, count: 4 },
        { first: -1, count: 4 },
        { first: 3, count: 0 },
      ]) {
        await expect(fit.runBatches([{ ...batch, keep: 0.5 }])).rejects.toMatchObject({ code: 'ERR_NONNEG_SHAPE' })
      }
    })
    const other = fitCase({ ...DENSE, beta: 2, rule: 'hals' })
    await onDevice(await deviceOf(variant, 1), problem, other, async fit => {
      await expect(fit.runBatches(BATCHES)).rejects.toMatchObject({ code: 'ERR_NONNEG_UNSUPPORTED' })
    })
  })
})
