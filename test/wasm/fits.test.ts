import { describe, expect, it } from 'vitest'
import { type GramScheme, gramLayout } from '../../ts/backends/wasm/gram-layout.js'
import { inSlices } from '../../ts/core/breathe.js'
import { type CsrView, type MatrixView, transposeCsr } from '../../ts/core/matrix.js'
import { bitsOf, dense, fitOn, type Outcome, open, plainFit, problemOf, relativeError, sparse } from './helpers.js'

interface Case {
  readonly name: string
  readonly rank: number
  readonly make: () => MatrixView
}

const small: readonly Case[] = [
  { name: 'one entry', rank: 1, make: () => dense(1, 1) },
  { name: 'one row', rank: 3, make: () => dense(1, 70) },
  { name: 'one column', rank: 3, make: () => dense(70, 1) },
  { name: 'rank 1', rank: 1, make: () => dense(33, 21) },
  { name: 'rank 65, above both dimensions', rank: 65, make: () => dense(50, 37) },
  { name: 'float64', rank: 9, make: () => dense(101, 43, { f64: true }) },
  { name: 'strided, with an offset', rank: 9, make: () => dense(101, 43, { stride: 51 }) },
  { name: 'columns that are a multiple of 1024', rank: 8, make: () => dense(13, 1024) },
  { name: 'sparse', rank: 10, make: () => sparse(61, 83, 20) },
  { name: 'sparse, nothing in it', rank: 2, make: () => sparse(9, 7, 0) },
  { name: 'sparse float64', rank: 5, make: () => ({ ...sparse(40, 30, 30), values: wide(sparse(40, 30, 30)) }) },
]

const wide = (X: CsrView) => Float64Array.from(X.values)

/** Large enough that every phase is worth several threads. */
const large: readonly (Case & { scheme: GramScheme })[] = [
  { name: 'panels', scheme: 'panels', rank: 50, make: () => dense(400, 200) },
  { name: 'panels, many to a lane', scheme: 'panels', rank: 8, make: () => dense(400, 2100) },
  { name: 'blocks, wide', scheme: 'blocks', rank: 13, make: () => dense(20, 4500) },
  { name: 'csr', scheme: 'gather', rank: 40, make: () => sparse(300, 260, 15) },
  { name: 'csr, rows longer than a buffer', scheme: 'gather', rank: 8, make: () => sparse(2, 70000, 97) },
]

function expectClose(outcome: Outcome, expected: Outcome, squaredNorm: number): void {
  // the Gram identity subtracts numbers of the size of ‖X‖², of which f32 keeps 24 bits
  const slack = 4e-6 * squaredNorm
  expect(outcome.losses).toHaveLength(expected.losses.length)
  for (let i = 0; i < expected.losses.length; i++) {
    expect(Math.abs(outcome.losses[i] - expected.losses[i])).toBeLessThanOrEqual(1e-5 * expected.losses[i] + slack)
  }
  expect(Math.abs(outcome.evaluated - expected.evaluated)).toBeLessThanOrEqual(1e-5 * expected.evaluated + slack)
  expect(relativeError(outcome.W, expected.W)).toBeLessThanOrEqual(1e-4)
  expect(relativeError(outcome.H, expected.H)).toBeLessThanOrEqual(1e-4)
}

const expected = new Map<string, Outcome>()

describe.each(['plain', 'relaxed'] as const)('%s SIMD follows a float64 loop', build => {
  it.each([...small, ...large.slice(0, 4)])('$name', async ({ name, rank, make }) => {
    const device = await open({ build, threads: 2 })
    const problem = problemOf(make(), rank)
    const plain = expected.get(name) ?? plainFit(problem, rank)
    expected.set(name, plain)
    expectClose(await fitOn(device, problem, rank), plain, problem.squaredNorm)
    await device[Symbol.asyncDispose]()
  })
})

describe('bits', () => {
  it.each(large)('of $name depend neither on threads nor on how memory is held', async ({ scheme, rank, make }) => {
    const X = make()
    const indptr = X.kind === 'csr' ? ([X.indptr, (await inSlices(transposeCsr(X))).indptr] as const) : undefined
    const layout = gramLayout(
      { rows: X.rows, columns: X.columns, rank, dtype: 'f32', indptr },
      { beta: 2, rule: 'mu' },
      3,
      0,
    )
    expect(layout.scheme).toBe(scheme)
    // so that the comparison is one of threads
    expect(layout.threads).toBe(3)
    const problem = problemOf(X, rank)
    const outcomes: Outcome[] = []
    for (const mode of [{ threads: 1 }, { threads: 2 }, { threads: 3 }, { shared: false, threads: 2 }]) {
      const device = await open(mode)
      outcomes.push(await fitOn(device, problem, rank))
      await device[Symbol.asyncDispose]()
    }
    for (const outcome of outcomes) expect(bitsOf(outcome)).toBe(bitsOf(outcomes[0]))
    expect(outcomes[0].losses[5]).toBeLessThan(outcomes[0].losses[0])
  })

  it.each(small)('of $name are the same without shared memory', async ({ rank, make }) => {
    const problem = problemOf(make(), rank)
    const [shared, unshared] = [await open(), await open({ shared: false })]
    expect(bitsOf(await fitOn(unshared, problem, rank))).toBe(bitsOf(await fitOn(shared, problem, rank)))
    await shared[Symbol.asyncDispose]()
    await unshared[Symbol.asyncDispose]()
  })
})

describe('with H held fixed', () => {
  it.each(large.slice(0, 4))('$name follows a float64 loop on any number of threads', async ({ rank, make }) => {
    const problem = problemOf(make(), rank)
    const outcomes: Outcome[] = []
    for (const threads of [1, 3]) {
      const device = await open({ threads })
      outcomes.push(await fitOn(device, problem, rank, 'H'))
      await device[Symbol.asyncDispose]()
    }
    expect(bitsOf(outcomes[1])).toBe(bitsOf(outcomes[0]))
    expect(outcomes[0].H).toEqual(problem.H.data)
    expectClose(outcomes[0], plainFit(problem, rank, 'H'), problem.squaredNorm)
  })
})

it('copies X, W and H, and writes to none of them', async () => {
  const device = await open({ threads: 2 })
  for (const X of [dense(200, 150), sparse(200, 150, 10)]) {
    const problem = problemOf(X, 7)
    const copy = structuredClone(problem)
    const fit = await device.createFit(problem, { rank: 7, beta: 2, rule: 'mu', dtype: 'f32' })
    if (problem.X.kind === 'dense') problem.X.data.fill(Number.NaN)
    else problem.X.values.fill(Number.NaN)
    const report = await fit.run(2)
    expect(report.losses.every(Number.isFinite)).toBe(true)
    expect(problem.W).toEqual(copy.W)
    expect(problem.H).toEqual(copy.H)
    const { W, H } = await fit.factors()
    expect(W.buffer).toBeInstanceOf(ArrayBuffer)
    expect(H).toHaveLength(7 * 150)
  }
  await device[Symbol.asyncDispose]()
})
