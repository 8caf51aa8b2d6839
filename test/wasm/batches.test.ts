import { afterAll, describe, expect, it } from 'vitest'
import type { Batch, Factors, Fit, FitSpec, Problem, SweepReport, Weights } from '../../ts/backends/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import type { WasmDevice } from '../../ts/backends/wasm/device.js'
import type { MatrixView } from '../../ts/core/matrix.js'
import { dense, open, problemOf, relativeError, sparse } from './helpers.js'

// Batches of every scheme that are large enough for several lanes and for rows in several parts.

const table: Weights = dense(400, 900, { stride: 910 })

interface Case {
  readonly name: string
  readonly X: MatrixView
  readonly rank: number
  readonly spec?: Partial<FitSpec>
  readonly weights?: Weights
}

const SGD: Partial<FitSpec> = { rule: 'sgd', sgd: { safety: 0.9, noise: 0.5, seed: 3 } }
const PENALISED = { rounds: 2, penaltyW: { l1: 0.5, l2: 0.25 }, penaltyH: { l1: 0.25, l2: 0.5 } }
const SVRMU: Partial<FitSpec> = { rule: 'svrmu' }

const CASES: readonly Case[] = [
  { name: 'panels', X: dense(900, 400), rank: 20 },
  { name: 'blocks', X: dense(150, 9000), rank: 13 },
  { name: 'gather', X: sparse(600, 500, 40), rank: 16, spec: { rounds: 2 } },
  { name: 'gather, columns in several parts', X: sparse(100_000, 3, 97), rank: 2 },
  { name: 'entries', X: sparse(600, 500, 40), rank: 16, spec: { beta: 1 } },
  { name: 'entries, columns in several parts', X: sparse(100_000, 3, 97), rank: 2, spec: { beta: 1 } },
  { name: 'tiles', X: dense(400, 900), rank: 8, spec: { beta: 1 } },
  { name: 'tiles with weights', X: dense(400, 900), rank: 8, spec: { beta: 1.5 }, weights: table },
  { name: 'tiles of sparse rows', X: sparse(500, 700, 20), rank: 8, spec: { beta: 0.5 } },
  { name: 'gradient steps of panels', X: dense(900, 403), rank: 18, spec: { ...SGD, ...PENALISED } },
  { name: 'gradient steps of panels in f64', X: dense(900, 403), rank: 18, spec: { ...SGD, dtype: 'f64' } },
  { name: 'gradient steps of blocks', X: dense(150, 9001), rank: 6, spec: SGD },
  { name: 'gradient steps of gathered rows', X: sparse(600, 501, 40), rank: 17, spec: { ...SGD, ...PENALISED } },
  { name: 'gradient steps, columns in several parts', X: sparse(100_000, 3, 97), rank: 2, spec: SGD },
  { name: 'reduced variance of panels', X: dense(900, 403), rank: 18, spec: { ...SVRMU, ...PENALISED } },
  { name: 'reduced variance of blocks', X: dense(150, 9001), rank: 6, spec: SVRMU },
  { name: 'reduced variance of gathered rows', X: sparse(600, 501, 40), rank: 17, spec: { ...SVRMU, ratio: 0.75 } },
  { name: 'reduced variance, columns in several parts', X: sparse(100_000, 3, 97), rank: 2, spec: SVRMU },
]

function batchesOf({ rows }: MatrixView): Batch[] {
  const cut = [0, 0.01, 0.3, 0.97, 1].map(share => Math.round(rows * share))
  const inOrder = cut.slice(1).map((end, i) => ({ first: cut[i], count: end - cut[i], keep: 0.75 }))
  const all = [...inOrder, { first: cut[1], count: cut[3] - cut[1], keep: 0.5, refresh: true }]
  return all.map((batch, draw) => ({ ...batch, rateW: 0.75, rateH: 0.5, draw }))
}

const devices: Map<string, Promise<WasmDevice>> = new Map()

function deviceOf(threads: number, shared = true): Promise<WasmDevice> {
  const key = `${threads} ${shared}`
  const device = devices.get(key) ?? open({ threads, shared })
  devices.set(key, device)
  return device
}

afterAll(async () => {
  for (const device of devices.values()) await (await device)[Symbol.asyncDispose]()
})

interface Outcome {
  readonly report: SweepReport
  readonly factors: Factors
  /** After the batches, then of an iteration after them, or of the last batch again where the rule has none. */
  readonly evaluated: number
  readonly further: SweepReport
}

async function outcome(fit: Fit, { rule }: FitSpec, batches: readonly Batch[]): Promise<Outcome> {
  const report = await fit.runBatches(batches)
  const factors = await fit.factors()
  const evaluated = await fit.evaluate()
  const further = await (rule === 'mu' ? fit.run(1) : fit.runBatches(batches.slice(-1)))
  await fit[Symbol.asyncDispose]()
  return { report, factors, evaluated, further }
}

function givenOf({ X, rank, spec, weights }: Case): [Problem, FitSpec] {
  return [
    { ...problemOf(X, rank), weights },
    { rank, beta: 2, rule: 'mu', dtype: 'f32', ...spec },
  ]
}

describe.each(CASES)('batches: $name', given => {
  const [problem, spec] = givenOf(given)
  const batches = batchesOf(problem.X)

  it('do as the reference does, and the same on any number of threads', async () => {
    const reference = await referenceBackend.open()
    const wanted = await outcome(await reference.createFit(problem, spec), spec, batches)
    const own = await outcome(await (await deviceOf(1)).createFit(problem, spec), spec, batches)
    for (const [i, loss] of own.report.losses.entries()) expect(loss / wanted.report.losses[i]).toBeCloseTo(1, 4)
    expect(own.evaluated / wanted.evaluated).toBeCloseTo(1, 4)
    expect(own.further.losses[0] / wanted.further.losses[0]).toBeCloseTo(1, 4)
    for (const name of ['W', 'H'] as const) {
      expect(relativeError(own.factors[name], wanted.factors[name])).toBeLessThan(1e-4)
    }
    for (const name of spec.rule === 'mu' ? (['A', 'B'] as const) : []) {
      const [a, b] = [own, wanted].map(({ factors }) => factors.accumulated![name])
      expect(relativeError(a, b)).toBeLessThan(1e-4)
    }
    expect(Object.keys(own.factors)).toEqual(Object.keys(wanted.factors))
    if (spec.rule === 'sgd') {
      expect(relativeError(own.factors.gradient!, wanted.factors.gradient!)).toBeLessThan(1e-3)
      const [steps, target] = [own, wanted].map(({ report }) => report.steps!)
      for (const name of ['rateW', 'rateH', 'squaredGradient'] as const) {
        for (const [i, value] of steps[name].entries()) expect(value / target[name][i]).toBeCloseTo(1, 3)
      }
    }
    for (const [threads, shared] of [
      [3, true],
      [1, false],
    ] as const) {
      const other = await outcome(await (await deviceOf(threads, shared)).createFit(problem, spec), spec, batches)
      expect({ ...other.report, seconds: 0 }).toEqual({ ...own.report, seconds: 0 })
      expect(other.factors).toEqual(own.factors)
      expect([other.evaluated, other.further.losses]).toEqual([own.evaluated, own.further.losses])
      expect(other.further.steps).toEqual(own.further.steps)
    }
  })
})

describe.each([
  // what they keep, in rows of the rank
  { name: 'mu', more: {}, held: 2 * 400 },
  { name: 'sgd', more: SGD, held: 400 },
  { name: 'svrmu', more: SVRMU, held: 2 * 400 + 900 },
])('batches of $name', ({ more, held }) => {
  const [problem, spec] = givenOf({ ...CASES[0], spec: more })
  const batches = batchesOf(problem.X)

  it('take memory at the first of them, and give it back', async () => {
    const device = await deviceOf(1)
    const before = await device.bytesInUse()
    const fit = await device.createFit(problem, spec)
    const atFirst = await device.bytesInUse()
    await fit.runBatches(batches.slice(0, 1))
    const after = await device.bytesInUse()
    expect(after - atFirst).toBe(4 * 20 * held)
    await fit.runBatches(batches)
    expect(await device.bytesInUse()).toBe(after)
    await fit[Symbol.asyncDispose]()
    expect(await device.bytesInUse()).toBe(before)
  })

  it('end at a deadline after the first of them, and before any where they are aborted', async () => {
    const fit = await (await deviceOf(2)).createFit(problem, spec)
    const late = await fit.runBatches(batches, { deadline: performance.now() - 1 })
    expect(late).toMatchObject({ iterations: 1, stopped: 'deadline' })
    expect(late.steps?.rateH.length).toBe(spec.rule === 'sgd' ? 1 : undefined)
    const none = await fit.runBatches(batches, { signal: AbortSignal.abort() })
    expect(none).toMatchObject({ iterations: 0, stopped: 'aborted' })
    expect(none.steps?.rateH.length).toBe(spec.rule === 'sgd' ? 0 : undefined)
    await fit[Symbol.asyncDispose]()
  })

  it.each([true, false])('are cut short by a signal, and go on: shared memory %s', async shared => {
    const fit = await (await deviceOf(shared ? 3 : 1, shared)).createFit(problem, spec)
    const many = Array.from({ length: 20_000 }, (_, i) => batches[i % batches.length])
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 50)
    const report = await fit.runBatches(many, { signal: controller.signal })
    expect(report.stopped).toBe('aborted')
    expect(report.losses.every(Number.isFinite)).toBe(true)
    expect(report.steps?.alignment.length).toBe(spec.rule === 'sgd' ? report.iterations : undefined)
    const further = await fit.runBatches(batches)
    expect(further).toMatchObject({ iterations: batches.length, stopped: 'done' })
    expect(further.losses[4]).toBeLessThan(2 * (await fit.evaluate()))
    await fit[Symbol.asyncDispose]()
  })

  it('start anew where factors come without what batches have left', async () => {
    const device = await deviceOf(1)
    const fit = await device.createFit(problem, spec)
    const first = await fit.runBatches(batches)
    await fit.setFactors({ W: problem.W.data, H: problem.H.data })
    expect(Object.keys(await fit.factors())).toEqual(['W', 'H'])
    const again = await fit.runBatches(batches)
    expect({ ...again, seconds: 0 }).toEqual({ ...first, seconds: 0 })
    await fit[Symbol.asyncDispose]()
  })
})

it('steps that diverge tell of it', async () => {
  const [problem, spec] = givenOf({ ...CASES[0], spec: { rule: 'sgd', sgd: { safety: 0 } } })
  const fit = await (await deviceOf(1)).createFit(problem, spec)
  const { steps } = await fit.runBatches(
    Array.from({ length: 40 }, () => ({ first: 0, count: 900, rateW: 1e9, rateH: 1e9 })),
  )
  expect(Number.isFinite(steps!.squaredGradient[39])).toBe(false)
  await fit[Symbol.asyncDispose]()
})
