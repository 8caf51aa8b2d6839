import { beforeEach, describe, expect, it } from 'vitest'
import type { Fit, FitSpec, Problem } from '../../ts/backends/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import type { MatrixView } from '../../ts/core/matrix.js'
import { addonOrSkip, normalisedError, problemOf, randomCsr, randomDense, specOf, withFit } from './helpers.js'

const ITERATIONS = 8
const ENDLESS = 2 ** 31 - 1

/** What conformance's small shapes do not come to: every plan of the products, and panels that fill no group. */
const shapes: readonly (readonly [string, MatrixView, number])[] = [
  ['columns split', randomDense(20, 2100), 5],
  ['fused', randomDense(1350, 30), 9],
  ['fused, rank of whole vectors', randomDense(1350, 40), 32],
  ['sparse', randomCsr(300, 200, 5), 12],
]

const specs: readonly (readonly [string, Partial<FitSpec>])[] = [
  ['extrapolated in rounds', { rule: 'hals', rounds: 3, extrapolate: true }],
  ['block principal pivoting', { rule: 'bpp', penaltyH: { l1: 0.5, l2: 0.25 } }],
  ['components that stay', { rule: 'mu', movingW: 3, movingH: 4 }],
  [
    'rows and columns that stay',
    { rule: 'hals', frozenW: Uint32Array.of(0, 3, 4, 19), frozenH: Uint32Array.of(1, 29) },
  ],
]

/** The second half of each ten. */
const halfOf = (length: number) => Uint32Array.from({ length }, (_, i) => i).filter(i => i % 10 >= 5)
const halves = { frozenW: halfOf(180), frozenH: halfOf(110) }

/** Several panels of rows and of columns, and runs that go back to the last updates. */
const beyond: readonly (readonly [string, MatrixView, Partial<FitSpec>])[] = [
  ['tiles in rounds', randomDense(180, 110), { beta: 1, rule: 'mu', rounds: 2 }],
  ['tiles, extrapolated', randomDense(180, 110), { beta: 1, rule: 'hals', extrapolate: true, maxH: 1.5 }],
  ['tiles, rows and columns that stay', randomDense(180, 110), { beta: 1, rule: 'hals', ...halves }],
  ['entries, rows and columns that stay', randomCsr(300, 200, 5), { beta: 1, rule: 'hals', ...halves }],
  ['entries, extrapolated', randomCsr(300, 200, 5), { beta: 1, rule: 'hals', extrapolate: true }],
]

beforeEach(addonOrSkip)

async function onReference(problem: Problem, spec: FitSpec, work: (fit: Fit) => Promise<void>): Promise<void> {
  const device = await referenceBackend.open()
  await using fit = await device.createFit(problem, spec)
  await work(fit)
}

async function follows(X: MatrixView, rank: number, more: Partial<FitSpec>): Promise<void> {
  const problem = problemOf(X, rank)
  const spec = specOf(rank, { ...more, dtype: 'f64' })
  await onReference(problem, spec, async plain => {
    const wanted = await plain.run(ITERATIONS)
    const { W, H } = await plain.factors()
    await withFit(problem, spec, { threads: 2 }, async fit => {
      const own = await fit.run(ITERATIONS)
      const close = 1e-9 * wanted.losses[0]
      for (const [n, loss] of own.losses.entries()) expect(Math.abs(loss - wanted.losses[n])).toBeLessThan(close)
      const factors = await fit.factors()
      expect(normalisedError(factors.W, W)).toBeLessThan(1e-12)
      expect(normalisedError(factors.H, H)).toBeLessThan(1e-12)
    })
  })
}

it.for(beyond)('follows the reference for Kullback–Leibler: %s', async ([, X, more]) => {
  await follows(X, 6, more)
})

describe.each(shapes)('%s', (_, X, rank) => {
  it.for(specs)('follows the reference: %s', async ([, more]) => {
    await follows(X, rank, more)
  })

  it('goes on from valid factors after an abort in the middle of extrapolation', async () => {
    const spec = specOf(rank, { rule: 'hals', rounds: 2, extrapolate: true })
    await withFit(problemOf(X, rank), spec, { threads: 2 }, async fit => {
      const controller = new AbortController()
      const run = fit.run(ENDLESS, { signal: controller.signal })
      await new Promise(resolve => setTimeout(resolve, 30))
      controller.abort()
      expect((await run).stopped).toBe('aborted')
      const { W, H, momentum } = await fit.factors()
      for (const list of [W, H, momentum!.W, momentum!.H]) {
        expect(list.every(value => value >= 0 && Number.isFinite(value))).toBe(true)
      }
      const before = await fit.evaluate()
      const { losses } = await fit.run(20)
      expect(losses[19]).toBeLessThanOrEqual(before * (1 + 1e-5))
    })
  })
})

it('reports violations where the rule has them', async () => {
  const problem = problemOf(randomDense(30, 20), 3)
  for (const [rule, count] of [
    ['mu', 0],
    ['product', 0],
    ['bpp', 4],
    ['hals', 4],
  ] as const) {
    await withFit(problem, specOf(3, { rule }), {}, async fit => {
      expect((await fit.run(4)).violations).toHaveLength(count)
    })
  }
})
