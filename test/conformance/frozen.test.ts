import { describe, expect, it } from 'vitest'
import type { Batch, Device, Factors, FitSpec, Problem } from '../../ts/backends/backend.js'
import { type DenseView, denseView } from '../../ts/core/matrix.js'
import { deviceOf, presentOrSkip, VARIANTS, type Variant } from './backends.js'
import { type FitCase, fitCase, type GridProblem, problemOf, type Wanted } from './grid.js'
import { denseMatrix } from './problems.js'
import { differentBits, distance, faultsOf, type Trajectory, trajectoryOn } from './trajectory.js'

// Rows of W and columns of H that stay as they are.

/** These have them, WebGPU in f32; the others refuse them by name. */
const WITH_LINES: readonly string[] = ['native', 'wasm', 'webgpu']

function promises({ id }: Variant, { dtype }: FitSpec): boolean {
  return WITH_LINES.includes(id) && !(id === 'webgpu' && dtype === 'f64')
}

const DENSE = { X: 'dense', rows: 23, columns: 67, rank: 5 } as const
const CSR = { X: 'csr', rows: 37, columns: 67, rank: 5 } as const
const LARGE = { rows: 203, columns: 131, rank: 9 } as const

const every = (step: number, below: number) => Uint32Array.from({ length: Math.ceil(below / step) }, (_, i) => i * step)

/** The first and the last, single ones and runs, so that panels begin, end and are left out as a whole. */
const lines = {
  frozenW: Uint32Array.of(0, 4, 5, 6, 7, 8, 9, 10, 11, 22),
  frozenH: Uint32Array.of(1, 2, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 64, 65, 66),
}
const many = { frozenW: every(3, 203), frozenH: every(2, 131) }
const all = { frozenW: every(1, 23), frozenH: every(7, 67) }

const groups: Readonly<Record<string, readonly Wanted[]>> = {
  ...Object.fromEntries(
    (['mu', 'hals', 'pg'] as const).map(rule => [
      rule,
      [
        { ...DENSE, beta: 2, rule, more: lines },
        { ...CSR, beta: 2, rule, more: { ...lines, rounds: 2 } },
        { ...CSR, beta: 1, rule, more: lines, penalised: true },
        { ...DENSE, beta: 1, rule, more: lines },
        { ...DENSE, beta: 1.5, rule, more: { ...lines, rounds: 2 }, weights: 'dense' },
        { ...CSR, beta: 0, rule, more: lines, weights: 'holdout' },
        { ...CSR, beta: 2, rule, more: lines, weights: 'entries' },
        { ...DENSE, beta: 2, rule, more: { ...all, maxH: 0.5 }, dtype: 'f64' },
        { ...LARGE, X: 'dense', beta: 2, rule, more: many },
        { ...LARGE, X: 'csr', beta: 1, rule, more: many },
        { ...LARGE, X: 'dense', beta: 1, rule, more: many },
      ],
    ]),
  ),
  'the others': [
    { ...DENSE, beta: 2, rule: 'bpp', more: lines },
    { ...CSR, beta: 2, rule: 'bpp', more: { frozenW: lines.frozenW, movingH: 3 } },
    { ...DENSE, beta: 2, rule: 'bpp', more: { ...lines, maxW: 0.375 }, weights: 'dense' },
    { ...CSR, beta: 2, rule: 'bpp', more: { ...lines, extrapolate: true }, weights: 'entries' },
    { ...LARGE, X: 'dense', beta: 2, rule: 'bpp', more: many, weights: 'holdout' },
    { ...CSR, beta: 2, rule: 'hals', more: { frozenW: lines.frozenW }, fixed: 'H' },
    { ...DENSE, beta: 2, rule: 'hals', more: { ...lines, movingH: 3, maxW: 0.375 } },
    { ...DENSE, beta: 2, rule: 'hals', more: { ...lines, extrapolate: true, rounds: 3 } },
    { ...DENSE, beta: 1, rule: 'hals', more: { ...lines, extrapolate: true, rounds: 2 } },
    { ...CSR, beta: 1, rule: 'hals', more: { ...lines, extrapolate: true, maxW: 0.375 } },
  ],
}

const SAFE = { batches: true, sgd: { safety: 0.5, noise: 0.5, seed: 9 }, rounds: 2 } as const

const batched: readonly Wanted[] = [
  { ...DENSE, beta: 2, rule: 'mu', more: { ...lines, batches: true } },
  { ...CSR, beta: 1, rule: 'mu', more: { ...lines, batches: true, rounds: 2 }, penalised: true },
  { ...DENSE, beta: 0.5, rule: 'mu', more: { ...lines, batches: true }, weights: 'dense' },
  { ...DENSE, beta: 2, rule: 'sgd', more: { ...lines, ...SAFE } },
  { ...CSR, beta: 2, rule: 'sgd', more: { ...lines, ...SAFE } },
  { ...DENSE, beta: 2, rule: 'svrmu', more: { ...lines, batches: true } },
  { ...CSR, beta: 2, rule: 'svrmu', more: { ...lines, batches: true, ratio: 0.5 }, penalised: true },
]

/** Some that begin or end among the rows that stay, and one with nothing else. */
const BATCHES: readonly Batch[] = [
  { first: 0, count: 6, keep: 0.75 },
  { first: 6, count: 5, keep: 0.5 },
  { first: 11, count: 12, keep: 1 },
].map((batch, draw) => ({ ...batch, rateW: 0.5, rateH: 0.75, draw }))

/** What should have stayed and did not. */
function movedOf(factors: Factors, { W, H }: Problem, { rank, frozenW, frozenH }: FitSpec): string[] {
  const moved: string[] = []
  const check = (name: string, now: number, before: number) => {
    if (!Object.is(now, before)) moved.push(`${name} moved from ${before} to ${now}`)
  }
  for (let r = 0; r < rank; r++) {
    for (const i of frozenW ?? []) check(`W[${i}, ${r}]`, factors.W[i * rank + r], W.data[i * rank + r])
    for (const j of frozenH ?? []) check(`H[${r}, ${j}]`, factors.H[r * H.columns + j], H.data[r * H.columns + j])
  }
  return moved
}

interface Wants extends GridProblem {
  readonly given: FitCase
  readonly reference: Trajectory
}

/** What every backend is held to, made once. */
const wants = new Map<string, Promise<Wants>>()

function wantsOf(wanted: Wanted): Promise<Wants> {
  const given = fitCase(wanted)
  const known = wants.get(given.name)
  if (known) return known
  const made = (async () => {
    const { problem, scale } = await problemOf(given)
    return { given, problem, scale, reference: await trajectoryOn(await deviceOf('reference'), problem, given.spec) }
  })()
  wants.set(given.name, made)
  return made
}

async function supported(variant: Variant, { name, spec }: FitCase, problem: Problem): Promise<Device | undefined> {
  const device = await deviceOf(variant, 1)
  const support = device.supports(problem.X, spec, problem.weights)
  if (support.supported !== promises(variant, spec)) throw new Error(`${name}: ${JSON.stringify(support)}`)
  return support.supported ? device : undefined
}

describe.each(VARIANTS.filter(({ id }) => id !== 'reference'))('$name', variant => {
  it.for(Object.keys(groups))('rows and columns that stay: %s', async (group, context) => {
    await presentOrSkip(variant.id, context)
    const found: string[] = []
    // a GPU has no number of threads: what is large for their sake says nothing there, and takes a software driver long
    const onGpu = variant.id === 'webgpu'
    for (const wanted of groups[group].filter(({ rows }) => !onGpu || rows < LARGE.rows)) {
      const { given, problem, scale, reference } = await wantsOf(wanted)
      const device = await supported(variant, given, problem)
      if (!device) continue
      const own = await trajectoryOn(device, problem, given.spec)
      const faults = [
        ...(await faultsOf(own, reference, problem, given.spec, scale)),
        ...movedOf(reference.factors, problem, given.spec).map(text => `reference: ${text}`),
        ...movedOf(own.factors, problem, given.spec),
      ]
      if (!onGpu) {
        const more = await trajectoryOn(await deviceOf(variant, 3), problem, given.spec)
        faults.push(...differentBits(more, own).map(what => `${what}: other bits with 3 threads`))
      }
      found.push(...faults.map(text => `${given.name}: ${text}`))
    }
    expect(found).toEqual([])
  })

  it('rows and columns that stay: batches', async context => {
    await presentOrSkip(variant.id, context)
    for (const wanted of batched) {
      const given = fitCase({ ...wanted, rows: 23 })
      const { problem } = await problemOf(given)
      const device = await supported(variant, given, problem)
      if (!device) continue
      const [reference, own, more] = await Promise.all(
        [await deviceOf('reference'), device, variant.id === 'webgpu' ? device : await deviceOf(variant, 3)].map(
          async each => {
            await using fit = await each.createFit(problem, given.spec)
            const report = await fit.runBatches(BATCHES)
            return { ...report, factors: await fit.factors() }
          },
        ),
      )
      expect([given.name, movedOf(reference.factors, problem, given.spec)]).toEqual([given.name, []])
      expect([given.name, movedOf(own.factors, problem, given.spec)]).toEqual([given.name, []])
      expect([given.name, more.factors, more.losses]).toEqual([given.name, own.factors, own.losses])
      for (const name of ['W', 'H'] as const) {
        expect(distance(own.factors[name], reference.factors[name])).toBeLessThan(2 ** -13)
      }
      expect(distance(own.losses, reference.losses)).toBeLessThan(2 ** -13)
      const { steps } = reference
      if (!steps) continue
      expect(distance(own.steps!.squaredGradient, steps.squaredGradient)).toBeLessThan(2 ** -12)
      expect(distance(own.steps!.alignment, steps.alignment)).toBeLessThan(2 ** -12)
    }
  })
})

function transposed({ data, rows, columns }: DenseView): DenseView {
  const turned = Float32Array.from(data, (_, at) => data[(at % rows) * columns + Math.floor(at / rows)])
  return denseView(turned, columns, rows)
}

describe.each(VARIANTS.filter(({ id }) => id === 'reference' || WITH_LINES.includes(id)))('$name', variant => {
  it.for(['mu', 'hals', 'pg', 'bpp'] as const)('all of W stays: a fit of H alone, %s', async (rule, context) => {
    await presentOrSkip(variant.id, context)
    const [rows, columns, rank] = [23, 67, 5]
    const X = denseView(denseMatrix(rows, columns).data, rows, columns)
    const squaredNorm = Array.from(X.data).reduce((sum, value) => sum + value ** 2, 0)
    const W = denseView(denseMatrix(rows, rank).data, rows, rank)
    const H = denseView(denseMatrix(rank, columns).data, rank, columns)
    const device = await deviceOf(variant, 1)
    const spec = { rank, beta: 2, rule, dtype: 'f32' } as const
    await using held = await device.createFit({ X, squaredNorm, W, H }, { ...spec, frozenW: every(1, rows) })
    const turned = { X: transposed(X), squaredNorm, W: transposed(H), H: transposed(W) }
    await using alone = await device.createFit(turned, { ...spec, fixed: 'H' })
    const [own, wanted] = [await held.run(5), await alone.run(5)]
    expect(distance(own.losses, wanted.losses)).toBeLessThan(1e-5)
    expect(distance(own.violations, wanted.violations)).toBeLessThan(1e-4)
    const [{ W: kept, H: found }, { W: sought }] = [await held.factors(), await alone.factors()]
    expect(kept).toEqual(W.data)
    expect(distance(found, transposed(denseView(sought, columns, rank)).data)).toBeLessThan(1e-5)
  })
})
