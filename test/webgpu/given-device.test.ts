import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { webgpuBackend } from '../../ts/backends/webgpu/backend.js'
import { nodeGpu } from '../../ts/backends/webgpu/provider-node.js'
import { closeDevices, createOptimizer, factorize, NMF, plan } from '../../ts/node.js'
import { denseMatrix } from '../conformance/problems.js'
import { dense, problemOf, SPEC } from './plain.js'
import { hasDriver, type Watch, watched } from './software.js'

const X = denseMatrix(40, 30)
const OPTIONS = { rank: 3, maxIterations: 12, tolerance: 0, init: 'random', solver: 'mu' } as const

/** A device as a program that draws would have it: with the default limits, its buffers counted. */
async function ownDevice(watch: Watch): Promise<GPUDevice> {
  const source = await watch.provider.find()
  if (!source.found) throw new Error(source.reason)
  const adapter = await (source.gpu as GPU).requestAdapter()
  return await adapter!.requestDevice()
}

describe.runIf(hasDriver)('a device that is passed in', () => {
  const watch = watched()
  let device: GPUDevice
  let lost = false
  /** Errors that no scope has caught, by whether someone has prevented the default before. */
  const uncaptured: boolean[] = []

  beforeAll(async () => {
    device = await ownDevice(watch)
    device.lost.then(() => {
      lost = true
    })
    device.addEventListener('uncapturederror', event => {
      uncaptured.push(event.defaultPrevented)
      event.preventDefault()
    })
  })
  afterAll(closeDevices)

  /** A command that WebGPU refuses. */
  const wrong = () => device.createBuffer({ size: 16, usage: 0xffff }).destroy()

  it('is used by fits, models and optimizers, and outlives them', async () => {
    const fit = await factorize(X, { ...OPTIONS, webgpu: { device } })
    expect(fit).toMatchObject({ backend: 'webgpu', iterations: 12, handovers: [] })
    expect(fit.plan.candidates.map(({ id }) => id)).toEqual(expect.arrayContaining(['webgpu', 'wasm', 'reference']))
    expect(fit.explain()).toMatch(/^backend by the GPU device passed in, .*\nwebgpu: chosen, /m)
    expect((await plan(X, { ...OPTIONS, webgpu: { device } })).explain()).toContain('by the GPU device passed in')
    const named = await plan(X, { ...OPTIONS, backend: 'webgpu', webgpu: { device } })
    expect(named.explain()).toContain('backend by name')
    const same = await factorize(X, { ...OPTIONS, backend: 'webgpu' })
    expect(fit.W).toEqual(same.W)
    expect(fit.emulated).toBe(same.emulated)
    const seen = watch.submissions()
    const model = new NMF({ ...OPTIONS, webgpu: { device } })
    await model.fit(X)
    const fitted = watch.submissions()
    expect(fitted).toBeGreaterThan(seen)
    await model.transform(X)
    expect(watch.submissions()).toBeGreaterThan(fitted)
    const before = watch.live.size
    const params = Float32Array.of(1, 2, 3)
    const optimizer = await createOptimizer(params, { kind: 'sgd', learningRate: 0.5, webgpu: { device } })
    expect(optimizer.backend).toBe('webgpu')
    expect(optimizer.explain()).toContain('backend by the GPU device passed in')
    expect(watch.live.size).toBeGreaterThan(before)
    await optimizer.step(Float32Array.of(2, 2, 2))
    expect([...params]).toEqual([0, 1, 2])
    await optimizer[Symbol.asyncDispose]()
    // what serves the next fit: four small buffers
    expect(watch.live.size).toBe(4)
    await closeDevices()
    expect(watch.live.size).toBe(0)
    expect(lost).toBe(false)
    const again = await factorize(X, { ...OPTIONS, webgpu: { device } })
    expect(again.loss).toBe(fit.loss)
    expect(uncaptured).toEqual([])
  })

  it('gets all buffers back where the backend is closed under fits', async () => {
    const before = watch.live.size
    const own = await webgpuBackend(nodeGpu).open({ webgpu: { device } })
    const fit = await own.createFit(problemOf(dense(80, 60), 4), SPEC(4))
    const ended = expect(fit.run(1_000_000)).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
    await new Promise(resolve => setTimeout(resolve, 50))
    await own[Symbol.asyncDispose]()
    await ended
    expect(watch.live.size).toBe(before)
    await fit[Symbol.asyncDispose]()
    await expect(fit.run(1)).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
    expect([lost, uncaptured]).toEqual([false, []])
  })

  it('keeps its error scopes, and its errors are its own', async () => {
    device.pushErrorScope('validation')
    const quiet = factorize(X, { ...OPTIONS, webgpu: { device } })
    await quiet
    expect(await device.popErrorScope()).toBeNull()
    await expect(device.popErrorScope()).rejects.toThrow()
    // an error of the owner's in the middle of a fit
    let erred = false
    const fit = await factorize(X, {
      ...OPTIONS,
      webgpu: { device },
      onProgress() {
        if (!erred) wrong()
        erred = true
      },
    })
    expect(fit).toMatchObject({ backend: 'webgpu', iterations: 12, handovers: [] })
    expect(uncaptured).toEqual([false])
    // and one of ours, which the owner does not hear of
    const createBuffer = device.createBuffer
    device.createBuffer = descriptor => createBuffer({ ...descriptor, size: device.limits.maxBufferSize + 4 })
    const named = { ...OPTIONS, backend: 'webgpu', webgpu: { device } } as const
    await expect(factorize(X, named)).rejects.toMatchObject({ code: 'ERR_NONNEG_BACKEND', cause: expect.anything() })
    device.createBuffer = createBuffer
    expect(uncaptured).toHaveLength(1)
    await factorize(X, named)
  })

  it('is taken with the limits that it was requested with', async () => {
    const own = await webgpuBackend(nodeGpu).open({ webgpu: { device } })
    const rows = 4_000_000
    const none = { indptr: new Uint32Array(rows + 1), indices: new Uint32Array(0), values: new Float32Array(0) }
    const tall = { kind: 'csr', rows, columns: 3, ...none } as const
    expect(own.info).toMatchObject({ origin: 'passed in', maxStorageBufferBindingSize: 2 ** 27 })
    expect(own.supports(tall, SPEC(8))).toEqual({ supported: true })
    const reason = expect.stringMatching(/^W .*128 MiB.*maxStorageBufferBindingSize/)
    expect(own.supports(tall, SPEC(9))).toEqual({ supported: false, reason })
    await own[Symbol.asyncDispose]()
  })

  it('streams X that is larger than the memory that it may take', async () => {
    const tall = denseMatrix(4000, 64)
    const options = { ...OPTIONS, rank: 1, backend: 'webgpu' } as const
    const wanted = await factorize(tall, { ...options, webgpu: { device } })
    const { bytes } = await plan(tall, { ...options, webgpu: { device } })
    const memoryLimit = bytes.factors + bytes.workspace + bytes.X / 2
    const webgpu = { device, memoryLimit: Math.floor(memoryLimit) }
    const planned = await plan(tall, { ...options, webgpu })
    const less = planned.bytes
    expect(less.X + less.factors + less.workspace).toBeLessThanOrEqual(memoryLimit)
    const { panels, staying, bytesPerIteration } = less.streams!
    const said = new RegExp(
      `webgpu streams X in ${panels} panels, ${staying} of which stay: .* kB an iteration, .*assumed`,
    )
    expect(planned.explain()).toMatch(said)
    const before = watch.uploaded()
    const fit = await factorize(tall, { ...options, webgpu })
    expect(fit.explain()).toMatch(said)
    // the factors and what stays once, and the rest in each iteration
    const factors = 4 * 4 * (4000 + 64)
    expect(watch.uploaded() - before).toBe(bytes.X - bytesPerIteration + factors + 12 * bytesPerIteration)
    expect(Math.abs(fit.loss - wanted.loss)).toBeLessThan(1e-5 * wanted.loss)
    const none = { device, memoryLimit: 100_000 }
    await expect(factorize(tall, { ...options, webgpu: none })).rejects.toMatchObject({
      ...{ code: 'ERR_NONNEG_MEMORY', message: expect.stringMatching(/X 8\.19 kB, .*there are 100 kB/) },
      fix: expect.stringMatching(/webgpu\.memoryLimit .* to \d+ or more/),
    })
    vi.stubEnv('NONNEG_WEBGPU_MEMORY', 'plenty')
    const { explain } = await factorize(tall, {
      ...options,
      maxIterations: 1,
      webgpu: { device: await ownDevice(watch) },
      fallback: true,
    })
    vi.unstubAllEnvs()
    expect(explain()).toMatch(/NONNEG_WEBGPU_MEMORY is "plenty".*\(set it to a number of bytes/)
  })

  it('gets X in panels that its limits allow, whichever of them is the lower', async () => {
    const wanted = await factorize(X, { ...OPTIONS, webgpu: { device } })
    for (const names of [['maxStorageBufferBindingSize'], ['maxBufferSize']]) {
      // no device has limits as low as these
      const own = watched()
      const small = withLimits(await ownDevice(own), Object.fromEntries(names.map(name => [name, 2048])))
      const fit = await factorize(X, { ...OPTIONS, webgpu: { device: small } })
      expect(Math.abs(fit.loss - wanted.loss)).toBeLessThan(1e-5 * wanted.loss)
      expect(own.bound()).toBeLessThanOrEqual(2048)
      // 40 rows of 128 bytes in three panels
      expect(own.stored().filter(bytes => bytes > 1024 && bytes <= 2048)).toHaveLength(3)
    }
  })

  it('is refused where it lacks what every kernel needs', async () => {
    const poor = withLimits(device, { maxStorageBuffersPerShaderStage: 4 })
    const named = { ...OPTIONS, backend: 'webgpu', webgpu: { device: poor } } as const
    await expect(factorize(X, named)).rejects.toMatchObject({
      code: 'ERR_NONNEG_NO_BACKEND',
      message: expect.stringMatching(/maxStorageBuffersPerShaderStage 4, and the kernels need 8/),
    })
    const fit = await factorize(X, { ...OPTIONS, webgpu: { device: poor } })
    expect(fit.backend).not.toBe('webgpu')
    expect(fit.explain()).toMatch(/webgpu: refused, .*maxStorageBuffersPerShaderStage/)
  })

  it('is checked, and so is what stands beside it', async () => {
    const refused = (webgpu: object, more: object = {}) =>
      expect(factorize(X, { ...OPTIONS, ...more, webgpu } as never)).rejects.toMatchObject({
        code: 'ERR_NONNEG_OPTION',
      })
    await refused({ device: {} })
    await refused({ device: null })
    await refused({ adapter: 1 })
    await refused({ memoryLimit: 0 })
    await refused({ device }, { backend: 'wasm' })
    const moved = await factorize(X, { ...OPTIONS, backend: 'wasm', fallback: true, webgpu: { device } })
    expect(moved.backend).toBe('wasm')
  })

  it('may be lost: others go on, and the next device is another', async () => {
    const other = await ownDevice(watch)
    const fit = await factorize(X, {
      ...{ ...OPTIONS, webgpu: { device: other } },
      onProgress: ({ iteration }) => {
        if (iteration === 1) other.destroy()
      },
    })
    expect(fit).toMatchObject({ iterations: 12, handovers: [{ id: 'webgpu', reason: expect.stringMatching(/lost/) }] })
    expect(fit.backend).not.toBe('webgpu')
    expect(fit.explain()).toMatch(/webgpu failed in flight \(the GPU device was lost.*went on from iteration 0/)
    expect(fit.handovers[0].fix).toMatch(/another device/)
    const last = await factorize(X, { ...OPTIONS, webgpu: { device } })
    expect(last).toMatchObject({ backend: 'webgpu', handovers: [] })
  })
})

/** The same device, which says that it has these limits. */
function withLimits(device: GPUDevice, more: Record<string, number>): GPUDevice {
  const limits = { ...numbersOf(device.limits), ...more }
  return new Proxy(device, {
    get(target, name) {
      if (name === 'limits') return limits
      const member = Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

function numbersOf(limits: GPUSupportedLimits): Record<string, number> {
  const names = ['maxBufferSize', 'maxStorageBufferBindingSize', 'maxComputeInvocationsPerWorkgroup'] as const
  const more = [
    'maxComputeWorkgroupSizeX',
    'maxComputeWorkgroupsPerDimension',
    'maxStorageBuffersPerShaderStage',
  ] as const
  return Object.fromEntries([...names, ...more].map(name => [name, limits[name]]))
}
