import { afterAll, describe, expect, it, type TestContext, vi } from 'vitest'
import type { Device } from '../../ts/backends/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import { type WebgpuLimits, webgpuBackend } from '../../ts/backends/webgpu/backend.js'
import type { GpuDevice } from '../../ts/backends/webgpu/device.js'
import { SUBGROUPS } from '../../ts/backends/webgpu/features.js'
import type { GpuProvider, GpuSource } from '../../ts/backends/webgpu/provider.js'
import { nodeGpu } from '../../ts/backends/webgpu/provider-node.js'
import { shaders } from '../../ts/generated/shaders.js'
import { kernels } from '../../ts/kernels/index.js'
import { closeDevices, factorize } from '../../ts/node.js'
import { required, SUBGROUP_DRIVER } from '../conformance/backends.js'
import { fitCase, problemOf, type Wanted } from '../conformance/grid.js'
import { kernelFaults } from '../conformance/kernel-faults.js'
import { denseMatrix } from '../conformance/problems.js'
import { differentBits, faultsOf, trajectoryOn } from '../conformance/trajectory.js'
import { errorOfThirds } from './thirds.js'

// Kernels whose threads hand values to each other by subgroups, on a driver of the system that has them, such as lavapipe, whose
// subgroups have 8 threads: this file has a process to itself. Those of the driver from npm have 4, and all other tests of
// WebGPU run with them.
process.env.NONNEG_WEBGPU = ''

/** What the modules of all devices were made of. */
const texts: string[] = []

/** The driver's adapters, whose devices' texts are kept; `lacking`: without subgroups. */
function watching(lacking = false): GpuProvider {
  return {
    async find(): Promise<GpuSource> {
      const source = await nodeGpu.find()
      if (!source.found) return source
      const requestAdapter = async (options: GPURequestAdapterOptions) => {
        const adapter = await (source.gpu as GPU).requestAdapter(options)
        if (!adapter) return null
        const { info, limits } = adapter
        const features = new Set([...adapter.features].filter(name => !lacking || name !== SUBGROUPS))
        const requestDevice = async (wish: GPUDeviceDescriptor) => {
          const device = await adapter.requestDevice(wish)
          const createShaderModule = device.createShaderModule.bind(device)
          device.createShaderModule = descriptor => {
            texts.push(descriptor.code)
            return createShaderModule(descriptor)
          }
          return device
        }
        return { info, limits, features, requestDevice }
      }
      return { ...source, gpu: { requestAdapter } }
    },
  }
}

/** A kernel of each text whose threads hand values to each other, and of each that stands before others. */
const KERNELS = ['hals_update', 'cd_dense', 'cd_csr', 'dot', 'adam_step']

const CASES: readonly Wanted[] = [
  { X: 'dense', rows: 61, columns: 45, rank: 5, beta: 1, rule: 'hals' },
  { X: 'dense', rows: 40, columns: 150, rank: 4, beta: 2, rule: 'hals', weights: 'holdout' },
  { X: 'csr', rows: 17, columns: 150, rank: 6, beta: 3, rule: 'hals', weights: 'entries' },
  { X: 'dense', rows: 61, columns: 45, rank: 5, beta: 2, rule: 'hals', more: { extrapolate: true, rounds: 2 } },
  { X: 'dense', rows: 13, columns: 150, rank: 7, beta: 0.5, rule: 'hals', weights: 'dense' },
  { X: 'csr', rows: 61, columns: 45, rank: 5, beta: 1, rule: 'hals', penalised: true },
  { X: 'csr', rows: 37, columns: 67, rank: 4, beta: 1, rule: 'mu' },
]

interface Way {
  readonly name: string
  readonly limits: WebgpuLimits
  readonly kernels: readonly string[]
  readonly cases: readonly Wanted[]
}

/** Threads that the text lets be near: as many as the device says, fewer than a row's, and more than any subgroup here has. */
const WAYS: readonly Way[] = [
  { name: 'subgroups', limits: { busyThreads: 64, modelValues: 1024 }, kernels: KERNELS, cases: CASES },
  { name: 'rows of whole workgroups', limits: {}, kernels: ['cd_dense'], cases: CASES.slice(0, 3) },
  { name: 'runs of 2 threads', limits: { near: 2 }, kernels: ['hals_update', 'cd_dense', 'dot'], cases: [] },
  { name: 'runs of 64 threads', limits: { near: 64, busyThreads: 4096 }, kernels: KERNELS, cases: CASES.slice(0, 4) },
]

const opened = new Map<WebgpuLimits, Promise<Device>>()

/** A device, or the reason why there is none. */
async function deviceOrSkip(context: TestContext, limits: WebgpuLimits): Promise<GpuDevice> {
  let device = opened.get(limits)
  if (!device && (await nodeGpu.find()).found) {
    device = webgpuBackend(watching(), limits).open()
    opened.set(limits, device)
  }
  const own = (await device?.catch(() => undefined)) as GpuDevice | undefined
  if (own && own.near > 1) return own
  if (required.includes(SUBGROUP_DRIVER)) throw new Error(`${SUBGROUP_DRIVER} is required, and no driver here has them`)
  return context.skip('absent: no driver here has subgroups')
}

afterAll(async () => {
  for (const device of opened.values()) await (await device.catch(() => undefined))?.[Symbol.asyncDispose]()
  await closeDevices()
})

it('keep what a sum of two f32 loses, on a driver that simplifies arithmetic', async context => {
  expect(await errorOfThirds(await deviceOrSkip(context, WAYS[0].limits))).toBeLessThan(1e-12)
})

describe.each([...WAYS])('$name', ({ limits, kernels: names, cases }) => {
  it.for(kernels.filter(({ name }) => names.includes(name)).map(spec => [spec.name, spec] as const))(
    '%s agrees with the reference, and with itself',
    async ([, spec], context) => {
      const device = await deviceOrSkip(context, limits)
      for (const sizes of spec.problems) {
        // a refusal is tested where all kernels are
        if (!device.supportsKernel(spec, { ...sizes, nonzeros: 0 }, 'f32').supported) continue
        for (const kind of ['exact', 'random'] as const) {
          expect(await kernelFaults(device, spec, sizes, kind, 'f32')).toEqual([])
        }
      }
    },
  )

  it.for(cases.map(wanted => [fitCase(wanted).name, wanted] as const))('%s', async ([, wanted], context) => {
    const device = await deviceOrSkip(context, limits)
    const given = fitCase(wanted)
    const { problem, scale } = await problemOf(given)
    const reference = await trajectoryOn(await referenceBackend.open(), problem, given.spec)
    const trajectory = await trajectoryOn(device, problem, given.spec)
    expect(await faultsOf(trajectory, reference, problem, given.spec, scale)).toEqual([])
    expect(differentBits(await trajectoryOn(device, problem, given.spec), trajectory)).toEqual([])
  })
})

/** A kernel of the shared texts alone, whose threads take the numbers that they are told. */
const PROBE = `enable subgroups;
${shaders.subgroups}
${shaders.reduce}
override WORKGROUP: u32 = 64;
@group(0) @binding(0) var<storage, read> numbers: array<u32>;
@group(0) @binding(1) var<storage, read_write> told: array<vec4f>;

fn joined(a: vec4f, b: vec4f) -> vec4f {
  return a + b;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(local_invocation_index) index: u32) {
  let lane = numbers[index];
  let near = are_near(lane, NEAR);
  let all = are_all_near(lane, NEAR);
  let other = across(vec4f(f32(lane)), NEAR / 2).x;
  let sums = reduced(lane, vec4f(f32(lane + 1), f32(lane * lane), 0, 0));
  told[2 * lane] = vec4f(f32(near), f32(all), other, 0);
  told[2 * lane + 1] = sums;
}`

const THREADS = 64
const orders: Readonly<Record<string, (index: number) => number>> = {
  'as they come': index => index,
  backwards: index => THREADS - 1 - index,
  'moved by one': index => (index + 1) % THREADS,
  'every ninth': index => (9 * index) % THREADS,
  'by turned bits': index => Number.parseInt(index.toString(2).padStart(6, '0').split('').reverse().join(''), 2),
}

/** What each thread, by its number, finds. */
async function probe(device: GPUDevice, NEAR: number, order: (index: number) => number) {
  const [STORAGE, COPY_SRC, COPY_DST, MAP_READ] = [0x80, 0x4, 0x8, 0x1]
  const size = THREADS * 32
  const module = device.createShaderModule({ code: PROBE })
  const compute = { module, entryPoint: 'main', constants: { NEAR } }
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute })
  const numbers = device.createBuffer({ size: THREADS * 4, usage: STORAGE | COPY_DST })
  const told = device.createBuffer({ size, usage: STORAGE | COPY_SRC })
  const staging = device.createBuffer({ size, usage: COPY_DST | MAP_READ })
  device.queue.writeBuffer(
    numbers,
    0,
    Uint32Array.from({ length: THREADS }, (_, index) => order(index)),
  )
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  const entries = [numbers, told].map((buffer, binding) => ({ binding, resource: { buffer } }))
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
  pass.dispatchWorkgroups(1)
  pass.end()
  encoder.copyBufferToBuffer(told, 0, staging, 0, size)
  device.queue.submit([encoder.finish()])
  await staging.mapAsync(MAP_READ)
  const values = new Float32Array(staging.getMappedRange().slice(0))
  for (const buffer of [numbers, told, staging]) buffer.destroy()
  return Array.from({ length: THREADS }, (_, lane) => {
    const [near, all, other, , ...sums] = values.subarray(8 * lane, 8 * lane + 8)
    return { near: near === 1, all: all === 1, other, sums: sums.slice(0, 2) }
  })
}

describe('threads that hand values to each other', () => {
  it.for(Object.entries(orders))('are found in whatever order they are: %s', async ([name, order], context) => {
    const { near } = await deviceOrSkip(context, WAYS[0].limits)
    const source = await nodeGpu.find()
    const adapter = await ((source.found ? source.gpu : undefined) as GPU).requestAdapter()
    const device = await adapter!.requestDevice({ requiredFeatures: [SUBGROUPS] })
    try {
      for (const run of [2, 4, near, 64]) {
        const found = await probe(device, run, order)
        // Σ n and Σ n², whatever the order
        expect(found[0].sums).toEqual([2080, 85344])
        expect(new Set(found.map(({ all }) => all)).size).toBe(1)
        expect(found[0].all).toBe(found.every(one => one.near))
        found.forEach((one, lane) => {
          if (one.near) expect(one.other).toBe(lane ^ (run / 2))
          expect(one.near).toBe(found[lane ^ (run / 2)].near)
        })
        // runs that lie as on every driver known are found, others are not taken for them
        if (name === 'as they come' && run <= near) expect(found[0].all).toBe(true)
        if (name === 'moved by one') expect(found[0].all).toBe(false)
      }
    } finally {
      device.destroy()
    }
  })
})

describe('subgroups', () => {
  const X = denseMatrix(12, 9)
  const options = { rank: 2, maxIterations: 3, tolerance: 0, backend: 'webgpu' } as const
  const enabled = () => texts.splice(0).filter(text => text.startsWith('enable subgroups;')).length

  it('are used where they are, unless an option or the environment does without', async context => {
    await deviceOrSkip(context, WAYS[0].limits)
    const provider = watching()
    const used = async (wish?: boolean) => {
      const device = (await webgpuBackend(provider).open({ webgpu: { subgroups: wish } })) as GpuDevice
      texts.length = 0
      const { problem } = await problemOf(fitCase({ ...CASES[0], rank: 2 }))
      await trajectoryOn(device, problem, fitCase({ ...CASES[0], rank: 2 }).spec)
      await device[Symbol.asyncDispose]()
      return { kernels: enabled(), info: device.info.subgroups }
    }
    const told = expect.stringMatching(/^of \d+/)
    // cd_dense for either factor, and the sum of what it leaves
    for (const wish of [undefined, true]) expect(await used(wish)).toEqual({ kernels: expect.any(Number), info: told })
    expect((await used()).kernels).toBeGreaterThan(1)
    expect(await used(false)).toEqual({ kernels: 0, info: false })
    vi.stubEnv('NONNEG_WEBGPU_SUBGROUPS', 'off')
    expect(await used()).toEqual({ kernels: 0, info: false })
    expect((await used(true)).kernels).toBeGreaterThan(1)
    vi.unstubAllEnvs()
  })

  it('are refused by name where there are none', async context => {
    await deviceOrSkip(context, WAYS[0].limits)
    const lacking = webgpuBackend(watching(true))
    const refusal = { code: 'ERR_NONNEG_BACKEND', message: expect.stringMatching(/no feature subgroups/) }
    await expect(lacking.open({ webgpu: { subgroups: true } })).rejects.toMatchObject(refusal)
    vi.stubEnv('NONNEG_WEBGPU_SUBGROUPS', 'on')
    await expect(lacking.open()).rejects.toMatchObject(refusal)
    vi.stubEnv('NONNEG_WEBGPU_SUBGROUPS', 'maybe')
    await expect(lacking.open()).rejects.toMatchObject({ code: 'ERR_NONNEG_OPTION' })
    vi.unstubAllEnvs()
    const device = await lacking.open()
    expect(device.info.subgroups).toBe(false)
    await device[Symbol.asyncDispose]()
  })

  it('are an option that is checked', async () => {
    const wrong = factorize(X, { ...options, webgpu: { subgroups: 'yes' as unknown as boolean } })
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_NONNEG_OPTION' })
  })
})
