import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Factors, FitSpec, SweepReport } from '../../ts/backends/backend.js'
import { layoutOf } from '../../ts/backends/wasm/tell.js'
import { inSlices } from '../../ts/core/breathe.js'
import { type MatrixView, transposeCsr } from '../../ts/core/matrix.js'
import { dense, type Mode, open, problemOf, sparse, specOf } from './helpers.js'

// What solvers ask of a fit, where every phase has several lanes; the conformance suite has what comes out of it.

interface Case {
  readonly name: string
  readonly X: MatrixView
  readonly spec: FitSpec
}

const counts = sparse(400, 300, 30)

const cases: readonly Case[] = [
  { name: 'panels', X: dense(400, 200), spec: { ...specOf(50), rule: 'hals', rounds: 3 } },
  { name: 'blocks', X: dense(20, 4500), spec: { ...specOf(13), rule: 'hals', rounds: 2 } },
  { name: 'gather', X: sparse(600, 500, 40), spec: { ...specOf(16), rule: 'bpp' } },
  { name: 'gather, H fixed', X: sparse(900, 300, 30), spec: { ...specOf(16, 'H'), rule: 'hals' } },
  { name: 'entries', X: counts, spec: { ...specOf(16), rule: 'hals', beta: 1 } },
  { name: 'tiles', X: dense(200, 190), spec: { ...specOf(17), beta: 1 } },
].map(({ name, X, spec }) => ({ name, X, spec: { ...spec, extrapolate: true } as FitSpec }))

/** Enough for iterations that raise the loss, and are undone. */
const ITERATIONS = 60

async function layoutFor({ X, spec }: Case, threads: number): Promise<ReturnType<typeof layoutOf>> {
  const indptr = X.kind === 'csr' ? ([X.indptr, (await inSlices(transposeCsr(X))).indptr] as const) : undefined
  const { rank, dtype } = spec
  return layoutOf({ rows: X.rows, columns: X.columns, rank, dtype, indptr }, spec, X, undefined, threads, 0)
}

interface Outcome {
  readonly report: SweepReport
  readonly factors: Factors
  readonly evaluated: number
}

async function outcomeOf(mode: Mode, { X, spec }: Case): Promise<Outcome> {
  const device = await open(mode)
  const fit = await device.createFit(problemOf(X, spec.rank), spec)
  const report = await fit.run(ITERATIONS)
  const evaluated = await fit.evaluate()
  const factors = await fit.factors()
  await fit[Symbol.asyncDispose]()
  expect(await device.bytesInUse()).toBe(0)
  await device[Symbol.asyncDispose]()
  return { report, factors, evaluated }
}

function digest({ report, factors: { W, H, momentum }, evaluated }: Outcome): string {
  const hash = createHash('sha256')
  const lists = [report.losses, report.violations, W, H, momentum!.W, momentum!.H, Float64Array.of(evaluated)]
  for (const { buffer, byteOffset, byteLength } of lists) hash.update(new Uint8Array(buffer, byteOffset, byteLength))
  return hash.update(momentum!.numbers.join()).digest('hex')
}

describe.each(cases)('$name, extrapolating', given => {
  it('gives the same bits on any number of threads and in memory of either kind, and its losses fall', async () => {
    // so that the comparison is one of threads
    expect((await layoutFor(given, 3)).threads).toBe(3)
    const [one, ...others] = await Promise.all(
      [{ threads: 1 }, { threads: 3 }, { shared: false, threads: 2 }].map(mode => outcomeOf(mode, given)),
    )
    for (const other of others) expect(digest(other)).toBe(digest(one))
    const { losses } = one.report
    expect(losses).toHaveLength(ITERATIONS)
    // a plain iteration may lose what rounding takes
    const slack = 1e-6 * losses[0]
    expect(losses.every((loss, i) => i === 0 || loss <= losses[i - 1] + slack)).toBe(true)
    expect(Math.abs(one.evaluated - losses[ITERATIONS - 1])).toBeLessThanOrEqual(slack)
    // without an iteration undone it would be this
    expect(one.factors.momentum!.numbers[0]).toBeLessThan(0.99 * 0.5 * 1.01 ** ITERATIONS)
  })

  it('takes memory for four more factors, and leaves the lanes as they are', async () => {
    const [with_, without] = [await layoutFor(given, 1), await layoutFor({ ...given, spec: plain(given.spec) }, 1)]
    expect([with_.rowBounds, with_.columnBounds]).toEqual([without.rowBounds, without.columnBounds])
    const factors = (given.X.rows + given.X.columns) * with_.stride
    expect(with_.bytes - without.bytes).toBeGreaterThanOrEqual(2 * factors)
    expect(with_.bytes - without.bytes).toBeLessThan(2 * factors + 1024)
    expect(with_.cleared - without.cleared).toBe(with_.bytes - without.bytes)
  })

  it('has valid factors after an abort, and goes on', async () => {
    const device = await open({ threads: 2 })
    const fit = await device.createFit(problemOf(given.X, given.spec.rank), given.spec)
    const first = await fit.run(1)
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 50)
    const report = await fit.run(10_000_000, { signal: controller.signal })
    expect(report.stopped).toBe('aborted')
    const { W, H } = await fit.factors()
    expect([...W, ...H].every(value => value >= 0 && Number.isFinite(value))).toBe(true)
    const { stopped, losses } = await fit.run(3)
    expect(stopped).toBe('done')
    expect(losses.every(loss => loss <= first.losses[0])).toBe(true)
    await device[Symbol.asyncDispose]()
  })
})

function plain({ extrapolate, ...spec }: FitSpec): FitSpec {
  return spec
}

it('refuses rules for losses or weights that they are not for, and says why', async () => {
  const device = await open()
  const X = dense(9, 7)
  const weights = dense(9, 7)
  for (const [rule, beta, given] of [
    ['bpp', 1, undefined],
    ['bpp', 1, weights],
    ['product', 1, undefined],
    ['product', 2, weights],
  ] as const) {
    const spec = { ...specOf(2), rule, beta }
    const weighted = given && ({ ...given, kind: 'dense' } as const)
    expect(device.supports(X, spec, weighted)).toMatchObject({
      supported: false,
      reason: expect.stringContaining(rule),
    })
    const problem = { ...problemOf(X, 2), weights: weighted }
    await expect(device.createFit(problem, spec)).rejects.toMatchObject({ code: 'ERR_NONNEG_UNSUPPORTED' })
  }
  await device[Symbol.asyncDispose]()
})

it('takes no factors once it is disposed of', async () => {
  const device = await open()
  const fit = await device.createFit(problemOf(dense(9, 7), 2), specOf(2))
  const factors = await fit.factors()
  await fit[Symbol.asyncDispose]()
  await expect(fit.setFactors(factors)).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
  await device[Symbol.asyncDispose]()
})
