import vm from 'node:vm'
import { afterAll, describe, expect, it } from 'vitest'
import type { KernelBuffer } from '../../ts/backends/backend.js'
import { wasmBackend } from '../../ts/backends/wasm/backend.js'
import { moduleBytes } from '../../ts/backends/wasm/kernels.js'
import { features } from '../../ts/backends/wasm/probe.js'
import { Random } from '../../ts/core/random.js'
import { wasmPlain } from '../../ts/generated/wasm-plain.js'
import { wasmWorker } from '../../ts/generated/wasm-worker.js'
import { kernels } from '../../ts/kernels/index.js'
import { problemString } from '../../ts/kernels/spec.js'
import { open } from './helpers.js'

// the conformance suite runs the plain build with shared memory; these are the others
describe.each([
  { build: 'relaxed', shared: true },
  { build: 'relaxed', shared: false },
  { build: 'plain', shared: false },
] as const)('kernels of the $build build (shared memory: $shared)', mode => {
  const device = open(mode)
  afterAll(async () => await (await device)[Symbol.asyncDispose]())

  it.each(kernels.map(spec => [spec.name, spec] as const))('%s', async (_name, spec) => {
    for (const dims of spec.problems) {
      const kind = spec.exact ? 'exact' : 'random'
      const inputs = spec.fill(dims, kind, new Random(2))
      const expected = structuredClone(inputs)
      spec.reference(dims, expected)
      const buffers: Record<string, KernelBuffer> = {}
      for (const { name, type } of spec.buffers) {
        const values = inputs[name]
        const data =
          type === 'f32'
            ? Float32Array.from(values)
            : type === 'f64'
              ? Float64Array.from(values)
              : Uint32Array.from(values)
        buffers[name] = { data, offset: 0, length: data.length }
      }
      await (await device).runKernel(spec, { dims, buffers })
      for (const { name } of spec.buffers) {
        const { data } = buffers[name]
        for (let i = 0; i < data.length; i++) {
          const slack = spec.exact ? 0 : 1e-4 * Math.abs(expected[name][i])
          if (!(Math.abs(data[i] - expected[name][i]) <= slack)) {
            expect.fail(`${problemString(spec, dims)}: ${name}[${i}] is ${data[i]}, not ${expected[name][i]}`)
          }
        }
      }
    }
  })
})

describe('what is built', () => {
  it('is one module for shared and unshared memory', () => {
    const memory = (shared: boolean) => new WebAssembly.Memory({ initial: 1, maximum: 16, shared })
    for (const shared of [true, false]) {
      const module = new WebAssembly.Module(moduleBytes(wasmPlain, shared))
      expect(new WebAssembly.Instance(module, { env: { memory: memory(shared) } }).exports).toHaveProperty('dot')
      expect(() => new WebAssembly.Instance(module, { env: { memory: memory(!shared) } })).toThrow(
        WebAssembly.LinkError,
      )
    }
  })

  it('is a worker program that is a classic script', () => {
    expect(() => new vm.Script(wasmWorker)).not.toThrow()
    expect(wasmWorker).not.toMatch(/import\.meta|\brequire\(/)
  })
})

describe('probe and options', () => {
  it('says what the engine has', async () => {
    const probe = await wasmBackend.probe()
    expect(probe).toMatchObject({ available: true, emulated: false, info: { ...features() } })
    expect(probe.info).toMatchObject({ simd: true, threads: true, sharedMemory: true })
  })

  it.each([
    ['NONNEG_WASM', 'fast'],
    ['NONNEG_THREADS', 'many'],
    ['NONNEG_THREADS', '0'],
  ])('refuses %s=%s', async (name, value) => {
    process.env[name] = value
    try {
      await expect(wasmBackend.open()).rejects.toMatchObject({ code: 'ERR_NONNEG_OPTION' })
    } finally {
      delete process.env[name]
    }
  })

  it('takes threads from the option before the variable', async () => {
    process.env.NONNEG_THREADS = '3'
    try {
      for (const [options, threads] of [
        [{}, 3],
        [{ threads: 2 }, 2],
      ] as const) {
        const device = await wasmBackend.open(options)
        expect(device.info.threads).toBe(threads)
        await device[Symbol.asyncDispose]()
      }
    } finally {
      delete process.env.NONNEG_THREADS
    }
  })

  it('refuses what it has no kernels for', async () => {
    const device = await open()
    const X = { kind: 'dense', data: new Float32Array(4), rows: 2, columns: 2, stride: 2, offset: 0 } as const
    for (const change of [{ beta: 1 }, { dtype: 'f64' }] as const) {
      const support = device.supports(X, { rank: 2, beta: 2, rule: 'mu', dtype: 'f32', ...change })
      expect(support).toMatchObject({ supported: false, reason: expect.stringContaining('wasm kernels') })
    }
    const far = { ...X, rows: 2 ** 26 }
    expect(device.supports(far, { rank: 40, beta: 2, rule: 'mu', dtype: 'f32' })).toMatchObject({ supported: false })
    await device[Symbol.asyncDispose]()
  })
})
