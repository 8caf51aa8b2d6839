import { afterAll, describe, expect, it } from 'vitest'
import { type Device, type FitSpec, isForBatchesAlone, type Problem } from '../../ts/backends/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import type { WebgpuLimits } from '../../ts/backends/webgpu/backend.js'
import { SLOT } from '../../ts/backends/webgpu/family.js'
import { SLOTS } from '../../ts/backends/webgpu/slots.js'
import { type FitCase, fitCase, problemOf, type Wanted } from '../conformance/grid.js'
import { distance, faultsOf, trajectoryOn } from '../conformance/trajectory.js'
import { dense, problemOf as plainProblem, sparse } from './plain.js'
import { hasDriver, softwareBackend, type Watch, watched } from './software.js'

// What small problems do not come to by themselves: X in several bindings, tiles of a few rows, sums in many parts.

const DENSE = { X: 'dense', rows: 61, columns: 45, rank: 5 } as const
const CSR = { ...DENSE, X: 'csr' } as const

/** So many of a fit that extrapolates: some have to be undone, and rounding does not yet decide which. */
const ITERATIONS = 25

/** A row of X takes 192 bytes as the device pads it. */
const TILES: WebgpuLimits = { tileBytes: 192 * 7 }
const PANELS: WebgpuLimits = { bindingBytes: 192 * 20, tileBytes: 192 * 7 }
const PARTS: WebgpuLimits = { busyThreads: 1 << 16 }
/** As on a GPU: products beside the model's terms, in parts. */
const FUSED: WebgpuLimits = { fusedRank: 64, busyThreads: 1 << 16 }
/** As on a GPU: many threads with short chains of loads. */
const GPU: WebgpuLimits = { parallel: true, busyThreads: 1 << 16, fusedRank: 64 }
const FUSED_PANELS: WebgpuLimits = { ...PANELS, fusedRank: 64 }

/** Single rows and runs, across the ends of panels and tiles. */
const LINES = { frozenW: Uint32Array.of(0, 6, 7, 8, 19, 20, 60), frozenH: Uint32Array.of(2, 3, 4, 5, 44) }

const STEPS = { sgd: { safety: 0.95, noise: 0.25, seed: 5 } } as const

const CASES: readonly (readonly [string, WebgpuLimits, Wanted])[] = [
  ['in tiles', TILES, { ...DENSE, beta: 1, rule: 'mu' }],
  ['in tiles', TILES, { ...CSR, beta: 1.5, rule: 'pg' }],
  ['in tiles and panels', PANELS, { ...DENSE, beta: 0.5, rule: 'pg', weights: 'dense' }],
  ['in tiles and panels', PANELS, { ...CSR, beta: 2, rule: 'mu', weights: 'dense' }],
  ['in tiles and panels', PANELS, { ...DENSE, beta: 3, rule: 'mu', weights: 'holdout' }],
  ['in panels', PANELS, { ...CSR, beta: 1, rule: 'mu' }],
  ['in panels', PANELS, { ...CSR, beta: 2, rule: 'pg', weights: 'entries' }],
  ['in panels', PANELS, { ...DENSE, beta: 2, rule: 'hals', more: { extrapolate: true, rounds: 2 } }],
  ['in tiles', TILES, { ...DENSE, beta: 0.5, rule: 'hals', weights: 'holdout' }],
  ['in tiles', TILES, { ...CSR, beta: 0, rule: 'hals', weights: 'dense', more: { ...LINES, rounds: 2 } }],
  ['in tiles and panels', PANELS, { ...DENSE, beta: 2, rule: 'hals', weights: 'dense' }],
  ['in tiles and panels', PANELS, { ...CSR, beta: 0.5, rule: 'hals', weights: 'complement' }],
  ['in panels', PANELS, { ...CSR, beta: 0.5, rule: 'hals', weights: 'entries' }],
  ['in panels', PANELS, { ...CSR, beta: 2, rule: 'bpp', more: LINES }],
  ['in tiles and panels', PANELS, { ...DENSE, beta: 2, rule: 'bpp', weights: 'dense', more: LINES }],
  ['in tiles and panels', PANELS, { ...CSR, beta: 2, rule: 'bpp', weights: 'complement', more: { maxH: 0.5 } }],
  ['in panels', PANELS, { ...CSR, beta: 2, rule: 'bpp', weights: 'entries', more: LINES }],
  ['in one dispatch', FUSED, { ...DENSE, beta: 1, rule: 'mu', rows: 131, columns: 130 }],
  ['in one dispatch', FUSED, { ...DENSE, beta: 0, rule: 'mu', rows: 131, columns: 130, more: { rounds: 2 } }],
  ['in one dispatch', FUSED, { ...DENSE, beta: 1, rule: 'mu', weights: 'holdout', more: { extrapolate: true } }],
  ['in one dispatch', FUSED, { ...DENSE, beta: 1.5, rule: 'mu', fixed: 'H' }],
  ['in one dispatch and panels', FUSED_PANELS, { ...DENSE, beta: 1, rule: 'mu', weights: 'dense' }],
  ['in one dispatch and panels', FUSED_PANELS, { ...CSR, beta: 0.5, rule: 'mu' }],
  ['in panels', PANELS, { ...DENSE, beta: 2, rule: 'bpp' }],
  ['in panels', PANELS, { ...DENSE, beta: 2, rule: 'pg', more: { rounds: 2 } }],
  ['in panels', PANELS, { ...CSR, beta: 2, rule: 'mu' }],
  ['in parts', PARTS, { ...DENSE, beta: 1.5, rule: 'pg', rows: 131, columns: 130 }],
  ['in parts', PARTS, { ...CSR, beta: 1, rule: 'pg', rows: 131, columns: 130 }],
  ['in parts', PARTS, { ...DENSE, beta: 2, rule: 'hals', rows: 131, columns: 130 }],
  ['in parts', PARTS, { ...CSR, beta: 2, rule: 'pg', rows: 131, columns: 130, more: { rounds: 2 } }],
  ['as on a GPU', GPU, { ...DENSE, beta: 2, rule: 'mu', rows: 331, columns: 330 }],
  ['as on a GPU', GPU, { ...CSR, beta: 2, rule: 'mu', rows: 131, columns: 130, more: { ...LINES, rounds: 2 } }],
  ['as on a GPU', GPU, { ...DENSE, beta: 2, rule: 'hals', rows: 331, columns: 330, more: { ...LINES, rounds: 2 } }],
  ['as on a GPU', GPU, { ...CSR, beta: 2, rule: 'hals', rank: 18, more: { maxH: 0.5, movingW: 17 } }],
  ['as on a GPU', GPU, { ...DENSE, beta: 2, rule: 'hals', rows: 131, columns: 130, more: { extrapolate: true } }],
  ['as on a GPU', GPU, { ...DENSE, beta: 2, rule: 'pg', rows: 331, columns: 330 }],
  ['as on a GPU', GPU, { ...DENSE, beta: 1, rule: 'mu', rows: 131, columns: 130 }],
]

describe.runIf(hasDriver)('WebGPU fits of every family', () => {
  const devices = new Map<string, Promise<Device>>()
  /** What devices of these limits have bound. */
  const watches = new Map<WebgpuLimits, Watch>()

  function open(limits: WebgpuLimits): Promise<Device> {
    const key = JSON.stringify(limits)
    const watch = watches.get(limits) ?? watched()
    watches.set(limits, watch)
    const device = devices.get(key) ?? softwareBackend(limits, watch.provider).open()
    devices.set(key, device)
    return device
  }

  afterAll(async () => {
    for (const device of devices.values()) await (await device)[Symbol.asyncDispose]()
  })

  function checkBindings(limits: WebgpuLimits): void {
    const { bindingBytes = Number.POSITIVE_INFINITY } = limits
    const watch = watches.get(limits)!
    expect(watch.bound()).toBeLessThanOrEqual(bindingBytes)
    // nor is any buffer larger, but for the outcomes of iterations
    const stored = watch.stored().filter(bytes => bytes !== SLOTS * SLOT.bytes)
    expect(Math.max(...stored)).toBeLessThanOrEqual(bindingBytes)
  }

  async function faults(given: FitCase, limits: WebgpuLimits): Promise<string[]> {
    const { problem, scale } = await problemOf(given)
    const wanted = await trajectoryOn(await referenceBackend.open(), problem, given.spec)
    const own = await trajectoryOn(await open(limits), problem, given.spec)
    checkBindings(limits)
    return await faultsOf(own, wanted, problem, given.spec, scale)
  }

  it.for(CASES.map(([how, limits, wanted]) => [how, fitCase(wanted).name, limits, wanted] as const))(
    'follow the reference %s: %s',
    async ([, , limits, wanted]) => {
      expect(await faults(fitCase(wanted), limits)).toEqual([])
    },
  )

  const batched: readonly (readonly [string, WebgpuLimits, Wanted])[] = [
    ['in tiles', TILES, { ...DENSE, beta: 1, rule: 'mu' }],
    ['in one dispatch and panels', FUSED_PANELS, { ...DENSE, beta: 1, rule: 'mu', weights: 'dense' }],
    ['in panels', PANELS, { ...DENSE, beta: 2, rule: 'mu' }],
    ['in panels', PANELS, { ...CSR, beta: 1, rule: 'mu' }],
    ['in parts', PARTS, { ...DENSE, beta: 2, rule: 'mu', rows: 131, columns: 130 }],
    ['in parts', PARTS, { ...CSR, beta: 2, rule: 'mu', rows: 131, columns: 130 }],
    ['in panels', PANELS, { ...DENSE, beta: 2, rule: 'sgd', more: STEPS }],
    ['in parts', PARTS, { ...CSR, beta: 2, rule: 'sgd', rows: 131, columns: 130, more: STEPS }],
    ['in parts', PARTS, { ...DENSE, beta: 2, rule: 'sgd', rows: 131, columns: 130, more: STEPS }],
    ['in panels', PANELS, { ...CSR, beta: 2, rule: 'svrmu' }],
    ['in panels', PANELS, { ...DENSE, beta: 2, rule: 'svrmu' }],
    ['in panels', PANELS, { ...CSR, beta: 2, rule: 'sgd', more: STEPS }],
    ['in tiles and panels', PANELS, { ...DENSE, beta: 0.5, rule: 'mu', weights: 'dense' }],
    ['in parts', PARTS, { ...DENSE, beta: 2, rule: 'svrmu', rows: 131, columns: 130 }],
  ]
  it.for(batched.map(([how, limits, wanted]) => [how, fitCase(wanted).name, limits, wanted] as const))(
    'run batches as the reference does %s, and what follows: %s',
    async ([, , limits, wanted]) => {
      const given = fitCase({ ...wanted, more: { ...wanted.more, batches: true } })
      const { problem } = await problemOf(given)
      const outcomes = []
      for (const device of [await open(limits), await referenceBackend.open()]) {
        const fit = await device.createFit(problem, given.spec)
        // in panels the third begins with two rows of one, fewer than its tiles have
        const batches = [0, 1, 30, 60].map((first, at, all) => {
          const count = (all[at + 1] ?? wanted.rows) - first
          return { first, count, keep: 0.75, rateW: 0.5, rateH: 0.75, draw: at, refresh: at === 2 }
        })
        const { losses } = await fit.runBatches(batches)
        const after = isForBatchesAlone(wanted.rule) ? [await fit.evaluate()] : (await fit.run(2)).losses
        outcomes.push({ losses: [...losses, ...after], ...(await fit.factors()) })
        await fit[Symbol.asyncDispose]()
      }
      checkBindings(limits)
      const [own, reference] = outcomes
      reference.losses.forEach((loss, i) => {
        expect(Math.abs(own.losses[i] - loss)).toBeLessThan(1e-5 * (problem.squaredNorm + loss))
      })
      for (const name of ['W', 'H'] as const) expect(distance(own[name], reference[name])).toBeLessThan(2 ** -13)
    },
  )

  it('evaluate another loss in tiles of X in panels', async () => {
    const given = fitCase({ ...DENSE, beta: 2, rule: 'mu' })
    const { problem } = await problemOf(given)
    const losses: number[] = []
    for (const device of [await open(PANELS), await referenceBackend.open()]) {
      const fit = await device.createFit(problem, given.spec)
      losses.push(await fit.evaluate(1))
      await fit[Symbol.asyncDispose]()
    }
    expect(Math.abs(losses[0] - losses[1])).toBeLessThan(1e-5 * losses[1])
  })

  async function extrapolated(device: Device, problem: Problem, spec: FitSpec, iterations: number) {
    const fit = await device.createFit(problem, spec)
    const report = await fit.run(iterations)
    const { momentum } = await fit.factors()
    await fit[Symbol.asyncDispose]()
    expect(report).toMatchObject({ iterations, stopped: 'done' })
    return { losses: report.losses, numbers: momentum!.numbers }
  }

  it.for([
    ['dense, hals', dense(40, 30), { beta: 2, rule: 'hals' }],
    ['sparse, hals', sparse(40, 30, 0.4), { beta: 2, rule: 'hals' }],
    ['dense, mu', dense(40, 30), { beta: 2, rule: 'mu' }],
    ['sparse, pg', sparse(40, 30, 0.4), { beta: 2, rule: 'pg' }],
    ['sparse, β = 1, hals', sparse(40, 30, 0.4), { beta: 1, rule: 'hals' }],
  ] as const)('undo iterations and take rounds where the reference does: %s', async ([, X, chosen]) => {
    const spec: FitSpec = { rank: 3, dtype: 'f32', extrapolate: true, rounds: 3, ...chosen }
    const problem = plainProblem(X, 3)
    const own = await extrapolated(await open({}), problem, spec, ITERATIONS)
    const wanted = await extrapolated(await referenceBackend.open(), problem, spec, ITERATIONS)
    own.losses.forEach((loss, i) => {
      expect(Math.abs(loss - wanted.losses[i])).toBeLessThanOrEqual(4e-6 * problem.squaredNorm)
      if (i > 0) expect(loss - own.losses[i - 1]).toBeLessThanOrEqual(4e-6 * problem.squaredNorm)
    })
    // weight and ceiling tell which iterations were undone, and that some were: they bring the ceiling down
    const [weight, ceiling, former, , isPlain, done] = wanted.numbers
    expect(ceiling).toBeLessThan(1)
    const [ownWeight, ownCeiling, ownFormer, loss, ...rest] = own.numbers
    expect([ownWeight / weight, ownCeiling / ceiling, ownFormer / former]).toEqual(
      [1, 1, 1].map(ratio => expect.closeTo(ratio, 5)),
    )
    expect(rest).toEqual([isPlain, done])
    expect(loss).toBe(own.losses.at(-1))
  })
})
