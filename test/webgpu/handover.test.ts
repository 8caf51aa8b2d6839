import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { registerBackends } from '../../ts/backends/registry.js'
import { webgpuBackend } from '../../ts/backends/webgpu/backend.js'
import { closeDevices, type Factorization, type FactorizeOptions, factorize } from '../../ts/node.js'
import { denseMatrix } from '../conformance/problems.js'
import { hasDriver, watched } from './software.js'

const X = denseMatrix(40, 30)
const ITERATIONS = 24
const BASE = { rank: 3, maxIterations: ITERATIONS, tolerance: 0, init: 'random', backend: 'webgpu' } as const

describe.runIf(hasDriver)('a WebGPU device that fails in the middle of a fit', () => {
  const watch = watched()

  beforeAll(() => registerBackends([webgpuBackend(watch.provider)]))
  afterEach(() => {
    vi.restoreAllMocks()
  })
  afterAll(closeDevices)

  /** A fit whose device is lost after iteration 9, on a clock on which every crossing is time to read the factors back. */
  async function losing(options: FactorizeOptions): Promise<Factorization> {
    let now = 0
    vi.spyOn(performance, 'now').mockImplementation(() => {
      now += 3000
      return now
    })
    const fit = await factorize(X, {
      ...options,
      onProgress: ({ iteration }) => {
        if (iteration === 9) watch.devices.at(-1)!.destroy()
      },
    })
    vi.restoreAllMocks()
    return fit
  }

  it.each([
    ['multiplicative updates', { solver: 'mu' }],
    ['extrapolation', { solver: 'ahals' }],
    ['batches', { solver: 'online', batchRows: 11 }],
  ] as const)('hands over the last factors that were read back: %s', async (_, solver) => {
    const options = { ...BASE, ...solver, fallback: true }
    const fit = await losing(options)
    expect(fit.handovers).toMatchObject([{ id: 'webgpu', reason: expect.stringMatching(/lost/) }])
    const [{ iteration }] = fit.handovers
    expect(iteration).toBeGreaterThan(5)
    expect(iteration).toBeLessThan(10)
    expect(fit.backend).not.toBe('webgpu')
    expect(fit.explain()).toMatch(
      new RegExp(`webgpu failed in flight .*${fit.backend} went on from iteration ${iteration}`),
    )
    expect(fit.history.map(entry => entry.iteration)).toEqual(Array.from({ length: ITERATIONS }, (_, i) => i + 1))
    // as if nothing had been: in float32 either, but for its rounding
    const undisturbed = await factorize(X, { ...options, backend: fit.backend })
    fit.history.forEach(({ loss }, i) => {
      expect(Math.abs(loss - undisturbed.history[i].loss)).toBeLessThan(1e-4 * undisturbed.history[0].loss)
    })
    expect(watch.live.size).toBe(0)
  })

  it('is told by a code and a cause where WebGPU was asked for by name', async () => {
    await expect(losing({ ...BASE, solver: 'mu' })).rejects.toMatchObject({
      ...{ code: 'ERR_NONNEG_DEVICE_LOST', fix: expect.any(String) },
      cause: expect.objectContaining({ reason: 'destroyed' }),
    })
    // the next fit gets a device that works
    expect(await factorize(X, { ...BASE, solver: 'mu' })).toMatchObject({ backend: 'webgpu', handovers: [] })
  })

  it('gives way to another for the next fit, where it was lost while nobody used it', async () => {
    const idle = watch.devices.at(-1)!
    idle.destroy()
    await idle.lost
    expect(await factorize(X, { ...BASE, solver: 'mu', fallback: true })).toMatchObject({
      ...{ backend: 'webgpu', handovers: [] },
    })
    expect(watch.devices.at(-1)).not.toBe(idle)
  })

  it('says that X is streamed where the GPU turned out to be full on the way', async () => {
    const gpu = watch.devices.at(-1)!
    const createBuffer = gpu.createBuffer
    const tall = denseMatrix(640, 256)
    const options = { ...BASE, rank: 1, solver: 'mu', maxIterations: 2 } as const
    expect((await factorize(tall, options)).explain()).not.toContain('streams')
    // so much as leaves no room for all of X
    const most = [...watch.live.values()].reduce((sum, size) => sum + size, 640_000)
    gpu.createBuffer = descriptor => {
      const taken = [...watch.live.values()].reduce((sum, size) => sum + size, descriptor.size)
      return createBuffer(taken > most ? { ...descriptor, size: gpu.limits.maxBufferSize - 4 } : descriptor)
    }
    const fit = await factorize(tall, options)
    gpu.createBuffer = createBuffer
    expect(fit).toMatchObject({ backend: 'webgpu', handovers: [], plan: { memory: { X: 640 * 256 * 4 } } })
    expect(fit.plan.memory).not.toHaveProperty('streams')
    expect(fit.explain()).toMatch(
      /^webgpu turned out to be full, and streams X in \d+ panels, \d+ of which stay: .* kB an iteration, .* assumed$/m,
    )
  })

  it('moves on where the GPU has no room, and says why', async () => {
    const gpu = watch.devices.at(-1)!
    const createBuffer = gpu.createBuffer
    gpu.createBuffer = descriptor => createBuffer({ ...descriptor, size: gpu.limits.maxBufferSize - 4 })
    const fit = await factorize(X, { ...BASE, solver: 'mu', fallback: true })
    const reason = 'the GPU is out of memory'
    expect(fit.handovers).toMatchObject([{ id: 'webgpu', reason, fix: expect.any(String), iteration: 0 }])
    expect(fit.iterations).toBe(ITERATIONS)
    const cause = expect.objectContaining({ message: expect.any(String) })
    await expect(factorize(X, { ...BASE, solver: 'mu' })).rejects.toMatchObject({ code: 'ERR_NONNEG_MEMORY', cause })
    gpu.createBuffer = createBuffer
    // one fit was too much for it; the device is as good as before
    expect(await factorize(X, { ...BASE, solver: 'mu' })).toMatchObject({ backend: 'webgpu', handovers: [] })
    expect(watch.devices.at(-1)).toBe(gpu)
  })
})
