import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Factors, FitSpec, Problem } from '../../ts/backends/backend.js'
import type { NativeFit, NativeFitOptions } from '../../ts/backends/native/addon.js'
import { loadAddon } from '../../ts/backends/native/load.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import type { CsrView } from '../../ts/core/matrix.js'
import { addonOrSkip, normalisedError, problemOf, randomCsr, randomDense, specOf, uniform, withFit } from './helpers.js'

// What the grid of the conformance suite is too small or too tidy for.

beforeEach(addonOrSkip)
afterEach(() => {
  vi.unstubAllEnvs()
})

const HOLDOUT = { kind: 'holdout', fraction: 0.3, seed: 7 } as const

async function factorsAfter(iterations: number, problem: Problem, spec: FitSpec): Promise<Factors> {
  return await withFit(problem, spec, { threads: 2 }, async fit => {
    await fit.run(iterations)
    return await fit.factors()
  })
}

/** The entries of each row in reverse. */
function reversed(X: CsrView): CsrView {
  const indices = X.indices.slice()
  const values = X.values.slice()
  for (let i = 0; i < X.rows; i++) {
    indices.subarray(X.indptr[i], X.indptr[i + 1]).reverse()
    values.subarray(X.indptr[i], X.indptr[i + 1]).reverse()
  }
  return { ...X, indices, values }
}

describe('a fit by tiles', () => {
  it.each(['mu', 'hals', 'pg'] as const)('does not depend on the order of entries in a row: %s', async rule => {
    const problem = { ...problemOf(randomCsr(150, 1200, 5), 9), weights: HOLDOUT }
    const spec = specOf(9, { rule, beta: 1.5 })
    const inOrder = await factorsAfter(3, problem, spec)
    const X = reversed(problem.X as CsrView)
    expect(await factorsAfter(3, { ...problem, X }, spec)).toEqual(inOrder)
  })

  // 601 columns: the last tile of a row is narrower than the others and fills no line
  it.each([7, 16, 20, 52])('follows the reference at rank %d, on every instruction set', async rank => {
    const problem = problemOf(randomDense(97, 601), rank)
    const spec = specOf(rank, { beta: 0.5 })
    const device = await referenceBackend.open()
    const reference = await device.createFit(problem, spec)
    await reference.run(1)
    const wanted = await reference.factors()
    for (const isa of loadAddon().addon?.isas ?? []) {
      vi.stubEnv('NONNEG_ISA', isa)
      const own = await factorsAfter(1, problem, spec)
      expect(normalisedError(own.W, wanted.W), isa).toBeLessThan(1e-8)
      expect(normalisedError(own.H, wanted.H), isa).toBeLessThan(1e-8)
    }
  })

  it('ends at the next tile when it is aborted', async () => {
    const problem = problemOf(randomDense(2000, 1500), 32)
    await withFit(problem, specOf(32, { beta: 0.7 }), { threads: 2 }, async fit => {
      const controller = new AbortController()
      const run = fit.run(1 << 20, { signal: controller.signal })
      setTimeout(() => controller.abort(), 50)
      const report = await run
      expect(report.stopped).toBe('aborted')
      expect(report.losses).toHaveLength(report.iterations)
      expect(Number.isFinite(await fit.evaluate())).toBe(true)
    })
  })
})

describe('a fit at the listed entries', () => {
  // 30 000 entries in one row: more than coordinate descent copies, and than one panel takes for rank 200
  it.each([
    ['hals', 1, 10],
    ['mu', 1, 200],
    ['pg', 1.5, 200],
  ] as const)('follows the reference where a row is very long: %s, β = %d', async (rule, beta, rank) => {
    const X = randomCsr(4, 30_000, 1)
    const weights = beta === 1 ? undefined : ({ kind: 'entries', values: uniform(X.values.length, 5) } as const)
    const problem = { ...problemOf(X, rank), weights }
    const spec = specOf(rank, { rule, beta })
    const device = await referenceBackend.open()
    const reference = await device.createFit(problem, spec)
    await reference.run(1)
    const own = await factorsAfter(1, problem, spec)
    const wanted = await reference.factors()
    expect(normalisedError(own.W, wanted.W)).toBeLessThan(1e-8)
    expect(normalisedError(own.H, wanted.H)).toBeLessThan(1e-8)
  })
})

describe('weights', () => {
  const options: NativeFitOptions = {
    device: 'cpu',
    isa: '',
    rows: 4,
    columns: 3,
    rank: 2,
    nonzeros: -1,
    squaredNorm: 1,
    threads: 1,
    fixedH: false,
    dtype: 'f32',
    beta: 1,
    rule: 'mu',
    termsW: { l1: 0, l2: 0, moving: 2, most: Number.POSITIVE_INFINITY },
    termsH: { l1: 0, l2: 0, moving: 2, most: Number.POSITIVE_INFINITY },
    step: 1,
    rounds: 1,
    extrapolate: false,
    sgd: { safety: 0, noise: 0, seed: 0, limit: Number.POSITIVE_INFINITY },
    ratio: 1,
    batches: false,
    weights: { kind: 'dense' },
  }
  const ones = new Float32Array(100).fill(1)

  function newFit(more: Partial<NativeFitOptions> = {}): NativeFit {
    const { addon } = loadAddon()
    return new addon!.NativeFit({ ...options, ...more })
  }

  it('must be complete before a run', async () => {
    const fit = newFit()
    fit.uploadDense(4, ones, 0, 3)
    await fit.setFactors(ones.slice(0, 8), ones.slice(0, 6))
    fit.uploadWeights(3, ones, 0, 3)
    expect(() => fit.run(1, 0)).toThrow('the weights were not uploaded completely')
    fit.uploadWeights(1, ones, 9, 3)
    expect((await fit.run(1, 0)).losses).toHaveLength(1)
    fit.dispose()
  })

  it.each<[string, Partial<NativeFitOptions>, (fit: NativeFit) => void]>([
    ['more rows than X has', {}, fit => fit.uploadWeights(5, ones, 0, 3)],
    ['rows beyond the array', {}, fit => fit.uploadWeights(4, ones.subarray(0, 11), 0, 3)],
    ['rows where there are none', { weights: { kind: 'none' } }, fit => fit.uploadWeights(1, ones, 0, 3)],
    ['listed entries of a dense X', {}, fit => fit.uploadEntryWeights(false, ones, 0, 1)],
    [
      'more entries than X lists',
      { nonzeros: 5, weights: { kind: 'entries' } },
      fit => fit.uploadEntryWeights(true, ones, 0, 6),
    ],
    [
      'entries beyond the array',
      { nonzeros: 5, weights: { kind: 'entries' } },
      fit => fit.uploadEntryWeights(false, ones, 97, 5),
    ],
  ])('are refused: %s', (_, more, upload) => {
    const fit = newFit(more)
    expect(() => upload(fit)).toThrow(expect.objectContaining({ code: 'ERR_NONNEG_SHAPE' }))
    fit.dispose()
  })

  it('of a kind that there is not, or of the entries of a dense X, are refused', () => {
    const wrong = [{ kind: 'entries' }, { kind: 'holdout', fraction: 2, seed: 1 }, { kind: 'none at all' }, 'dense']
    for (const weights of wrong) {
      expect(() => newFit({ weights } as Partial<NativeFitOptions>)).toThrow(
        expect.objectContaining({ code: 'ERR_NONNEG_OPTION' }),
      )
    }
  })
})
