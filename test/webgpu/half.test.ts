import { afterAll, describe, expect, it, type TestContext } from 'vitest'
import type { Device, FitSpec, Problem } from '../../ts/backends/backend.js'
import { totalBytes } from '../../ts/backends/memory.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import { webgpuBackend } from '../../ts/backends/webgpu/backend.js'
import { nodeGpu } from '../../ts/backends/webgpu/provider-node.js'
import { inSlices } from '../../ts/core/breathe.js'
import { halfBits, halfValue } from '../../ts/core/half.js'
import type { DenseView } from '../../ts/core/matrix.js'
import { scanMatrix } from '../../ts/core/scan.js'
import { closeDevices, factorize } from '../../ts/node.js'
import { HALF_DRIVER, required } from '../conformance/backends.js'
import { type FitCase, fitCase, problemOf, type Wanted } from '../conformance/grid.js'
import { distance, faultsOf, trajectoryOn } from '../conformance/trajectory.js'
import { dense, SPEC } from './plain.js'

// X in half precision, on a driver of the system that has it, such as lavapipe: this file has a process to itself.
process.env.NONNEG_WEBGPU = ''
const backend = webgpuBackend(nodeGpu)
const device = (await backend.probe()).available ? await backend.open() : undefined
const small = { ...SPEC(1), storage: 'f16' } as const

afterAll(async () => await device?.[Symbol.asyncDispose]())

/** The device, or the reason why there is none. */
function deviceOrSkip(context: TestContext): Device {
  if (device?.supports(dense(2, 2), small).supported) return device
  if (required.includes(HALF_DRIVER)) throw new Error(`${HALF_DRIVER} is required, and no driver here has shader-f16`)
  return context.skip('absent: no driver here has shader-f16')
}

const DENSE = { X: 'dense', rows: 61, columns: 45, rank: 5 } as const

const CASES: readonly Wanted[] = [
  { ...DENSE, beta: 2, rule: 'mu' },
  { ...DENSE, beta: 2, rule: 'hals', more: { extrapolate: true, rounds: 2 } },
  { ...DENSE, beta: 2, rule: 'pg', rows: 64, columns: 48 },
  { ...DENSE, beta: 1, rule: 'mu' },
  { ...DENSE, beta: 1, rule: 'hals', rows: 13, columns: 9 },
  { ...DENSE, beta: 0.5, rule: 'pg', weights: 'dense' },
  { ...DENSE, beta: 3, rule: 'mu', weights: 'holdout' },
  { ...DENSE, beta: 0.5, rule: 'hals', weights: 'dense' },
]

/** A problem whose X half precision holds exactly, and the same with digits that it has not, which round to that. */
async function problemsOf(given: FitCase): Promise<{ exact: Problem; rounds: Problem; scale: number }> {
  const { problem, scale } = await problemOf(given)
  const X = problem.X as DenseView
  const rounded = { ...X, data: Float32Array.from(X.data, value => halfValue(halfBits(value))) }
  const beside = { ...X, data: rounded.data.map(value => value * (1 + 2 ** -13)) }
  const { squaredNorm } = await inSlices(scanMatrix(rounded, 'X'))
  return { exact: { ...problem, X: rounded, squaredNorm }, rounds: { ...problem, X: beside }, scale }
}

describe('X in half precision', () => {
  it.for(CASES.map(wanted => [fitCase(wanted).name, wanted] as const))(
    'is fitted as the reference fits what it was rounded to: %s',
    async ([, wanted], context) => {
      const own = deviceOrSkip(context)
      const given = fitCase(wanted)
      const spec: FitSpec = { ...given.spec, storage: 'f16' }
      const { exact, rounds, scale } = await problemsOf(given)
      expect(own.supports(rounds.X, spec, rounds.weights)).toEqual({ supported: true })
      const reference = await trajectoryOn(await referenceBackend.open(), exact, given.spec)
      const trajectory = await trajectoryOn(own, rounds, spec)
      expect(await faultsOf(trajectory, reference, exact, given.spec, scale)).toEqual([])
    },
  )

  it('comes in batches too', async context => {
    const own = deviceOrSkip(context)
    const given = fitCase({ ...DENSE, beta: 2, rule: 'sgd', more: { batches: true, sgd: { safety: 0.95 } } })
    const { exact, rounds } = await problemsOf(given)
    const outcomes = []
    for (const [where, problem, spec] of [
      [own, rounds, { ...given.spec, storage: 'f16' }],
      [await referenceBackend.open(), exact, given.spec],
    ] as const) {
      const fit = await where.createFit(problem, spec)
      const batches = [0, 20, 41].map(first => ({ first, count: 20, rateW: 0.5, rateH: 0.5 }))
      outcomes.push({ ...(await fit.runBatches(batches)), ...(await fit.factors()) })
      await fit[Symbol.asyncDispose]()
    }
    const [half, reference] = outcomes
    for (const [i, loss] of reference.losses.entries()) {
      expect(Math.abs(half.losses[i] - loss)).toBeLessThan(1e-5 * exact.squaredNorm)
    }
    for (const name of ['W', 'H'] as const) expect(distance(half[name], reference[name])).toBeLessThan(2 ** -13)
  })

  it.for([CASES[0], CASES[3], { ...CASES[7], rows: 200 }].map(wanted => [fitCase(wanted).name, wanted] as const))(
    'streams where it has no room: %s',
    async ([, wanted], context) => {
      deviceOrSkip(context)
      const given = fitCase(wanted)
      const spec: FitSpec = { ...given.spec, storage: 'f16' }
      const { exact, rounds, scale } = await problemsOf(given)
      const { X, weights } = rounds
      const none = await backend.open({ webgpu: { memoryLimit: 1 } })
      // the least that it could do with
      const least = none.memory(X, spec, weights)
      await none[Symbol.asyncDispose]()
      const own = await backend.open({ webgpu: { memoryLimit: Math.ceil(totalBytes(least)) } })
      expect(own.memory(X, spec, weights).streams).toEqual(least.streams)
      expect(least.streams!.panels).toBeGreaterThan(least.streams!.staying + 2)
      const reference = await trajectoryOn(await referenceBackend.open(), exact, given.spec)
      expect(await faultsOf(await trajectoryOn(own, rounds, spec), reference, exact, given.spec, scale)).toEqual([])
      await own[Symbol.asyncDispose]()
    },
  )

  it('is for devices that are passed in too, where they have what it takes', async context => {
    deviceOrSkip(context)
    const source = await nodeGpu.find()
    if (!source.found) throw new Error(source.reason)
    const requested = async (requiredFeatures: GPUFeatureName[]) =>
      await (await (source.gpu as GPU).requestAdapter())!.requestDevice({ requiredFeatures })
    const X = dense(24, 16)
    const options = { rank: 3, maxIterations: 5, tolerance: 0, solver: 'mu', storage: 'f16' } as const
    const able = await requested(['shader-f16'])
    const fit = await factorize(X, { ...options, webgpu: { device: able } })
    expect(fit.W).toEqual((await factorize(X, { ...options, backend: 'webgpu' })).W)
    const unable = await requested([])
    await expect(factorize(X, { ...options, backend: 'webgpu', webgpu: { device: unable } })).rejects.toMatchObject({
      message: expect.stringMatching(/no shader-f16.* one of your own must be requested with it/),
      fix: expect.stringMatching(/leave storage: 'f16' out/),
    })
    await closeDevices()
    for (const each of [able, unable]) each.destroy()
  })

  it('is scaled where its entries are beyond half precision, which rounds them alike', async context => {
    deviceOrSkip(context)
    const X = dense(24, 16)
    const options = { rank: 3, maxIterations: 20, tolerance: 0, solver: 'mu', storage: 'f16' } as const
    const scaled = (k: number) =>
      factorize({ ...X, data: X.data.map(x => x * 4 ** k) }, { ...options, backend: 'webgpu' })
    const plain = await scaled(0)
    expect(plain).toMatchObject({ backend: 'webgpu', iterations: 20 })
    const wanted = await factorize(X, { ...options, storage: undefined, backend: 'reference' })
    expect(plain.loss / wanted.loss).toBeCloseTo(1, 3)
    for (const k of [-6, 9]) {
      const { loss, W } = await scaled(k)
      expect(loss / 16 ** k / plain.loss).toBeCloseTo(1, 4)
      expect(
        distance(
          W.data.map(w => w / 2 ** k),
          plain.W.data,
        ),
      ).toBeLessThan(1e-4)
    }
  })

  it('is refused by name where there is none', async () => {
    for (const name of ['wasm', 'reference'] as const) {
      const fit = factorize(dense(4, 3), { rank: 1, storage: 'f16', backend: name })
      await expect(fit).rejects.toMatchObject({ message: expect.stringContaining("storage: 'f16'") })
    }
    if (!device || device.emulated) {
      const half = { rank: 1, storage: 'f16' } as const
      const does = await factorize(dense(4, 3), { ...half, backend: 'webgpu' }).then(
        () => true,
        () => false,
      )
      // whatever else the machine lacks, that is what was asked for: by name, where a driver on the CPU does it
      await expect(factorize(dense(4, 3), half)).rejects.toMatchObject({
        code: 'ERR_NONNEG_NO_BACKEND',
        fix: expect.stringMatching(does ? /^ask for it: backend: 'webgpu'$/ : /^leave storage: 'f16' out/),
      })
    }
    const unknown = factorize(dense(4, 3), { rank: 1, storage: 'f8' as 'f16' })
    await expect(unknown).rejects.toMatchObject({ code: 'ERR_NONNEG_OPTION' })
  })

  it('takes half the memory, and refuses what it does not hold', async context => {
    const own = deviceOrSkip(context)
    const given = fitCase({ ...DENSE, beta: 2, rule: 'mu' })
    const { rounds } = await problemsOf(given)
    const spec: FitSpec = { ...given.spec, storage: 'f16' }
    expect(own.memory(rounds.X, spec).X * 2).toBe(own.memory(rounds.X, given.spec).X)
    const X = rounds.X as DenseView
    const large = { ...X, data: X.data.map((value, at) => (at === X.offset + 7 ? 65520 : value)) }
    await expect(own.createFit({ ...rounds, X: large }, spec)).rejects.toMatchObject({
      code: 'ERR_NONNEG_DTYPE',
      message: expect.stringContaining('65520'),
    })
    expect(own.supports(X, { ...spec, beta: 0 })).toMatchObject({ supported: false })
    const { problem } = await problemOf(fitCase({ ...DENSE, X: 'csr', beta: 2, rule: 'mu' }))
    expect(own.supports(problem.X, spec)).toMatchObject({ supported: false, reason: expect.stringContaining('dense') })
  })
})
