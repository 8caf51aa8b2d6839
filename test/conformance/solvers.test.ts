import { describe, expect, it } from 'vitest'
import type { Device, Factors, FitSpec, Problem } from '../../ts/backends/backend.js'
import { denseView } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'
import { deviceOf, presentOrSkip, VARIANTS, type Variant } from './backends.js'
import { type FitCase, fitCase, problemOf, type Wanted } from './grid.js'
import { differentBits, distance, faultsOf, trajectoryOn } from './trajectory.js'

// What solvers ask of a fit beside a loss and a rule: rounds, extrapolation, bounds, components that stay, exact least
// squares, bare products, and factors that are put in from outside.

/** These have all of it. */
const CPU = ['native', 'wasm']

const DENSE = { X: 'dense', rows: 23, columns: 67, rank: 5 } as const
const CSR = { X: 'csr', rows: 37, columns: 67, rank: 5 } as const

const extrapolate = { extrapolate: true }
const bounds = { maxW: 0.375, maxH: 0.5 }
const still = { movingW: 4, movingH: 3 }

/** Each of them once for every kind of product, with the rules that differ by it. */
const groups: Readonly<Record<string, readonly Wanted[]>> = {
  rounds: [
    { ...DENSE, beta: 2, rule: 'mu', more: { rounds: 3 } },
    { ...DENSE, beta: 2, rule: 'hals', more: { rounds: 4 } },
    { ...CSR, beta: 2, rule: 'pg', more: { rounds: 2 } },
    { ...CSR, beta: 1, rule: 'mu', more: { rounds: 3 } },
    { ...CSR, beta: 1, rule: 'hals', more: { rounds: 3 }, penalised: true },
    { ...DENSE, beta: 0.5, rule: 'hals', weights: 'dense', more: { rounds: 2 } },
    { ...CSR, beta: 2, rule: 'hals', more: { rounds: 3 }, fixed: 'H' },
  ],
  extrapolation: [
    { ...DENSE, beta: 2, rule: 'hals', more: extrapolate },
    { ...CSR, beta: 2, rule: 'hals', more: { ...extrapolate, rounds: 3 } },
    { ...DENSE, beta: 2, rule: 'hals', more: extrapolate, dtype: 'f64' },
    { ...DENSE, beta: 2, rule: 'mu', more: extrapolate },
    { ...CSR, beta: 1, rule: 'hals', more: extrapolate },
    { ...CSR, beta: 2, rule: 'hals', weights: 'entries', more: extrapolate },
    { ...DENSE, beta: 1, rule: 'hals', more: { ...extrapolate, rounds: 2 } },
    { ...DENSE, beta: 2, rule: 'hals', weights: 'holdout', more: extrapolate },
    { ...CSR, beta: 2, rule: 'hals', more: extrapolate, fixed: 'H' },
    { ...DENSE, beta: 2, rule: 'hals', more: { ...extrapolate, ...bounds } },
    { ...DENSE, beta: 2, rule: 'bpp', more: extrapolate },
  ],
  'upper bounds': [
    ...(['mu', 'hals', 'pg'] as const).flatMap(rule => [
      { ...DENSE, beta: 2, rule, more: bounds },
      { ...CSR, beta: 1, rule, more: bounds },
      { ...DENSE, beta: 1.5, rule, more: bounds, weights: 'dense' as const },
    ]),
    { ...DENSE, beta: 2, rule: 'bpp', more: bounds },
    { ...CSR, beta: 2, rule: 'bpp', more: { maxH: 0.5 }, penalised: true, dtype: 'f64' },
    { ...DENSE, beta: 2, rule: 'bpp', more: bounds, weights: 'dense' },
    { ...CSR, beta: 2, rule: 'bpp', more: { ...bounds, ...extrapolate }, weights: 'entries' },
  ],
  'components that stay': [
    ...(['mu', 'hals', 'pg'] as const).flatMap(rule => [
      { ...DENSE, beta: 2, rule, more: still },
      { ...CSR, beta: 1, rule, more: still },
      { ...CSR, beta: 2, rule, more: { movingW: 0, movingH: 4 } },
      { ...DENSE, beta: 1, rule, more: still, weights: 'holdout' as const },
    ]),
    { ...CSR, beta: 2, rule: 'bpp', more: still },
    { ...DENSE, beta: 2, rule: 'bpp', more: { ...still, ...bounds }, weights: 'holdout' },
    { ...DENSE, beta: 2, rule: 'hals', more: { ...still, ...extrapolate } },
  ],
  'block principal pivoting': [
    { ...DENSE, beta: 2, rule: 'bpp' },
    { ...CSR, beta: 2, rule: 'bpp', penalised: true },
    { ...DENSE, beta: 2, rule: 'bpp', dtype: 'f64' },
    { ...DENSE, rows: 5, columns: 3, rank: 7, beta: 2, rule: 'bpp', penalised: true },
    { ...DENSE, rows: 64, columns: 48, rank: 33, beta: 2, rule: 'bpp', penalised: true },
    { ...CSR, beta: 2, rule: 'bpp', fixed: 'H' },
  ],
  'block principal pivoting with weights': [
    ...(['dense', 'holdout', 'complement'] as const).map(weights => ({
      ...DENSE,
      beta: 2,
      rule: 'bpp' as const,
      weights,
    })),
    ...(['dense', 'holdout', 'entries'] as const).map(weights => ({ ...CSR, beta: 2, rule: 'bpp' as const, weights })),
    { ...DENSE, beta: 2, rule: 'bpp', weights: 'dense', penalised: true, dtype: 'f64' },
    { ...CSR, beta: 2, rule: 'bpp', weights: 'entries', penalised: true, dtype: 'f64' },
    { ...DENSE, beta: 2, rule: 'bpp', weights: 'holdout', fixed: 'H', more: extrapolate },
    // several lanes, and groups of panels
    { ...DENSE, rows: 133, columns: 120, rank: 9, beta: 2, rule: 'bpp', weights: 'dense' },
    { ...CSR, rows: 260, columns: 250, rank: 9, beta: 2, rule: 'bpp', weights: 'entries' },
  ],
}

/** Undefined where the backend refuses, as only those may that do not promise it all. */
async function supported(variant: Variant, { name, spec }: FitCase, problem: Problem): Promise<Device | undefined> {
  const device = await deviceOf(variant, 1)
  const support = device.supports(problem.X, spec, problem.weights)
  if (support.supported) return device
  if (CPU.includes(variant.id)) throw new Error(`${name}: refused, as ${support.reason}`)
  expect(support.reason).not.toBe('')
  return undefined
}

describe.each(VARIANTS.filter(({ id }) => id !== 'reference'))('$name', variant => {
  it.for(Object.keys(groups))('%s', async (group, context) => {
    await presentOrSkip(variant.id, context)
    const found: string[] = []
    for (const wanted of groups[group]) {
      const given = fitCase(wanted)
      const { problem, scale } = await problemOf(given)
      const device = await supported(variant, given, problem)
      if (!device) continue
      const reference = await trajectoryOn(await deviceOf('reference'), problem, given.spec)
      const own = await trajectoryOn(device, problem, given.spec)
      const faults = await faultsOf(own, reference, problem, given.spec, scale)
      for (const threads of CPU.includes(variant.id) ? [2, 3] : []) {
        const more = await trajectoryOn(await deviceOf(variant, threads), problem, given.spec)
        faults.push(...differentBits(more, own).map(what => `${what}: other bits with ${threads} threads`))
      }
      found.push(...faults.map(text => `${given.name}: ${text}`))
    }
    expect(found).toEqual([])
  })

  it.for(['dense', 'csr'] as const)('bare products with a %s X, signs and all', async (X, context) => {
    await presentOrSkip(variant.id, context)
    const given = fitCase({ X, rows: 133, columns: 259, rank: 9, beta: 2, rule: 'product' })
    const { problem } = await problemOf(given, 0)
    const random = new Random(31)
    const signed = Float32Array.from(problem.H.data, () => random.uniform() - 0.5)
    const start = { ...problem, H: denseView(signed, 9, 259) }
    const device = await supported(variant, given, start)
    if (!device) return
    const results: Factors[] = []
    for (const each of [await deviceOf('reference'), device]) {
      const fit = await each.createFit(start, given.spec)
      await fit.run(2)
      results.push(await fit.factors())
      await fit[Symbol.asyncDispose]()
    }
    const [wanted, own] = results
    expect(own.W.some(value => value < 0)).toBe(true)
    expect(distance(own.W, wanted.W)).toBeLessThan(1e-5)
    expect(distance(own.H, wanted.H)).toBeLessThan(1e-5)
  })

  it.for([
    { ...DENSE, beta: 2, rule: 'mu' },
    { ...DENSE, beta: 2, rule: 'hals', more: { ...extrapolate, rounds: 2 } },
    { ...CSR, beta: 1, rule: 'hals', more: extrapolate },
    { ...CSR, beta: 2, rule: 'hals', weights: 'entries', more: extrapolate, dtype: 'f64' },
  ] satisfies readonly Wanted[])(
    'goes on bit for bit from factors put in: $X, β = $beta, $rule',
    async (wanted, context) => {
      await presentOrSkip(variant.id, context)
      const given = fitCase(wanted)
      const { problem } = await problemOf(given)
      const device = await supported(variant, given, problem)
      if (!device) return
      const whole = await device.createFit(problem, given.spec)
      const other = await device.createFit({ ...problem, ...elsewhere(problem, given.spec) }, given.spec)
      try {
        await whole.run(7)
        const half = await whole.factors()
        await other.run(2)
        await other.setFactors(half)
        expect(await other.factors()).toEqual(half)
        const losses = [await whole.run(9), await other.run(9)].map(report => report.losses)
        expect(losses[1]).toEqual(losses[0])
        expect(await other.factors()).toEqual(await whole.factors())
        // without momentum it is a start like any other
        const fresh = await device.createFit({ ...problem, ...views(half, problem, given.spec) }, given.spec)
        await other.setFactors({ W: half.W, H: half.H })
        expect((await other.run(3)).losses).toEqual((await fresh.run(3)).losses)
        await fresh[Symbol.asyncDispose]()
        await expect(other.setFactors({ W: half.W.slice(1), H: half.H })).rejects.toMatchObject({
          code: 'ERR_NONNEG_SHAPE',
        })
      } finally {
        await whole[Symbol.asyncDispose]()
        await other[Symbol.asyncDispose]()
      }
    },
  )
})

function views({ W, H }: Factors, { X }: Problem, { rank }: FitSpec): Pick<Problem, 'W' | 'H'> {
  return { W: denseView(W, X.rows, rank), H: denseView(H, rank, X.columns) }
}

/** Factors that have nothing to do with the problem's. */
function elsewhere({ W, H, X }: Problem, spec: FitSpec): Pick<Problem, 'W' | 'H'> {
  const random = new Random(7)
  const [w, h] = [W, H].map(({ data }) => Float32Array.from(data, () => random.uniform()))
  return views({ W: w, H: h }, { X } as Problem, spec)
}
