import { describe, expect, it } from 'vitest'
import type { Device, FitSpec, Problem, Weights } from '../../ts/backends/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import type { MatrixView } from '../../ts/core/matrix.js'
import { dense, open, problemOf, relativeError, sparse } from './helpers.js'

/** Large enough for several lanes, and for several tiles either way: the conformance suite has the small ones. */
const RANK = 9
const wide = positive(dense(130, 1130))
const tall = positive(dense(1130, 130, { stride: 133 }))
const counts = sparse(250, 1150, 22)

function positive(X: MatrixView): MatrixView {
  return X.kind === 'csr' ? X : { ...X, data: X.data.map(value => value + 0.05) }
}

const table: Weights = { ...(dense(130, 1130, { stride: 1200 }) as Extract<MatrixView, { kind: 'dense' }>) }
const held: Weights = { kind: 'holdout', fraction: 0.3, seed: 5 }
const listed: Weights = { kind: 'entries', values: counts.values.map((_, p) => 0.5 + (p % 3)) }

interface Case {
  readonly name: string
  readonly X: MatrixView
  readonly spec: Partial<FitSpec>
  readonly weights?: Weights
}

const cases: readonly Case[] = [
  { name: 'dense, KL, mu', X: wide, spec: { beta: 1 } },
  { name: 'dense, β = 1.7, mu, penalised', X: tall, spec: { beta: 1.7, penaltyW: { l1: 0.1, l2: 0.2 } } },
  { name: 'dense, KL, pg, hashed hold-out', X: tall, spec: { beta: 1, rule: 'pg' }, weights: held },
  { name: 'dense, Frobenius, hals, weights', X: wide, spec: { rule: 'hals' }, weights: table },
  { name: 'dense, KL, hals, float64', X: tall, spec: { beta: 1, rule: 'hals', dtype: 'f64' } },
  { name: 'dense, Frobenius, mu, hold-out, float64', X: wide, spec: { dtype: 'f64' }, weights: held },
  { name: 'csr, KL, mu', X: counts, spec: { beta: 1 } },
  { name: 'csr, KL, mu, H fixed', X: counts, spec: { beta: 1, fixed: 'H' } },
  { name: 'csr, KL, pg, float64', X: counts, spec: { beta: 1, rule: 'pg', dtype: 'f64' } },
  { name: 'csr, KL, hals', X: counts, spec: { beta: 1, rule: 'hals' } },
  { name: 'csr, Frobenius at listed entries, hals', X: counts, spec: { rule: 'hals' }, weights: listed },
  { name: 'csr, β = 1.5, mu, in tiles', X: counts, spec: { beta: 1.5 } },
  { name: 'csr, Frobenius, pg, hold-out, in tiles', X: counts, spec: { rule: 'pg' }, weights: held },
  { name: 'csr, Frobenius, pg', X: counts, spec: { rule: 'pg' } },
]

function made({ X, spec, weights }: Case): { problem: Problem; spec: FitSpec } {
  return {
    problem: { ...problemOf(X, RANK), weights },
    spec: { rank: RANK, beta: 2, rule: 'mu', dtype: 'f32', ...spec },
  }
}

async function outcome(
  device: Device,
  given: Case,
): Promise<Record<'losses' | 'violations' | 'W' | 'H', ArrayLike<number>>> {
  const { problem, spec } = made(given)
  const fit = await device.createFit(problem, spec)
  const { losses, violations } = await fit.run(2)
  const { W, H } = await fit.factors()
  await fit[Symbol.asyncDispose]()
  return { losses, violations, W, H }
}

describe.each(cases)('$name', given => {
  it('follows the reference, with the same bits from any number of threads', async () => {
    const expected = await outcome(await referenceBackend.open(), given)
    const bound = given.spec.dtype === 'f64' ? 1e-12 : 2e-4
    const device = await open({ threads: 1 })
    const own = await outcome(device, given)
    for (const name of ['losses', 'violations', 'W', 'H'] as const) {
      expect(own[name]).toHaveLength(expected[name].length)
      expect(relativeError(own[name], expected[name])).toBeLessThan(bound)
    }
    expect(await device.bytesInUse()).toBe(0)
    await device[Symbol.asyncDispose]()
    for (const mode of [{ threads: 3 }, { shared: false }]) {
      const other = await open(mode)
      expect(await outcome(other, given)).toEqual(own)
      await other[Symbol.asyncDispose]()
    }
  })
})

describe.each(cases.filter(({ spec }) => spec.dtype !== 'f64'))('a run on $name', given => {
  it('that is aborted tells of the iterations whose loss it knows, and leaves a fit that goes on', async () => {
    const device = await open({ threads: 2 })
    const { problem, spec } = made(given)
    const fit = await device.createFit(problem, spec)
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 60)
    const report = await fit.run(1_000_000, { signal: controller.signal })
    expect(report.stopped).toBe('aborted')
    expect(report.losses).toHaveLength(report.iterations)
    expect(report.seconds).toHaveLength(report.iterations)
    expect(report.violations).toHaveLength(spec.rule === 'mu' ? 0 : report.iterations)
    expect(report.losses.every(Number.isFinite)).toBe(true)
    const before = await fit.evaluate()
    const { losses } = await fit.run(2)
    // what the last iteration told is what the factors give
    expect(relativeError([losses[1]], [await fit.evaluate()])).toBeLessThan(1e-7)
    if (spec.rule === 'mu' && !spec.penaltyW) expect(losses[0]).toBeLessThanOrEqual(before * (1 + 1e-5))
    await device[Symbol.asyncDispose]()
  })
})
