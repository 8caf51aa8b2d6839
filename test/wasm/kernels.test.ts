import vm from 'node:vm'
import { afterAll, describe, expect, it } from 'vitest'
import { wasmBackend } from '../../ts/backends/wasm/backend.js'
import { moduleBytes } from '../../ts/backends/wasm/kernels.js'
import { features } from '../../ts/backends/wasm/probe.js'
import { KERNEL_NAMES } from '../../ts/backends/wasm/run-kernel.js'
import { Random } from '../../ts/core/random.js'
import { wasmPlainF32 } from '../../ts/generated/wasm-plain-f32.js'
import { wasmWorker } from '../../ts/generated/wasm-worker.js'
import { kernels } from '../../ts/kernels/index.js'
import { mu_update, SMALLEST } from '../../ts/kernels/mu_update.js'
import { problemString } from '../../ts/kernels/spec.js'
import { firstDifference } from '../conformance/compare.js'
import { guard } from '../conformance/guarded.js'
import { expectedOf, inputsOf } from '../conformance/inputs.js'
import { open } from './helpers.js'

const own = kernels.filter(({ name }) => KERNEL_NAMES.includes(name))
const cases = own.flatMap(spec => (['f32', 'f64'] as const).map(dtype => [spec.name, dtype, spec] as const))

// the conformance suite runs the plain build with shared memory; these are the others
describe.each([
  { build: 'relaxed', shared: true },
  { build: 'relaxed', shared: false },
  { build: 'plain', shared: false },
] as const)('kernels of the $build build (shared memory: $shared)', mode => {
  const device = open(mode)
  afterAll(async () => await (await device)[Symbol.asyncDispose]())

  it.each(cases)('%s %s', async (_name, dtype, spec) => {
    const kind = spec.exact ? 'exact' : 'random'
    for (const sizes of spec.problems) {
      if (!(await device).supportsKernel(spec, sizes, dtype).supported) continue
      const inputs = inputsOf(spec, sizes, kind, dtype, new Random(2))
      const { dims, arrays } = inputs
      const buffers = guard(spec.buffers, arrays, 0, dtype)
      await (await device).runKernel(spec, { dims, dtype, buffers })
      const expected = expectedOf(spec, inputs, dtype)
      const comparison = {
        spec,
        dims,
        kind,
        backend: 'wasm',
        dtype,
        inputs: arrays,
        expected,
        actual: buffers,
      } as const
      expect(`${problemString(spec, dims)}: ${firstDifference(comparison) ?? 'right'}`).toMatch(/: right$/)
    }
  })
})

it('updates entries at the floor right, where products of entries would be subnormal', async () => {
  const device = await open()
  const dims = { rows: 9, rank: 17, l1: 0, l2: 0 }
  const floor = SMALLEST
  const at = (length: number, large: (i: number) => number) => Float64Array.from({ length }, (_, i) => large(i))
  const arrays = {
    F: at(9 * 17, i => (i % 2 ? floor : 0.5)),
    N: at(9 * 17, i => (i % 3 ? floor : 0.25)),
    G: at(17 * 17, i => (i % 18 === 0 ? 3 : i % 2 ? floor / 4 : 0.4)),
  }
  const buffers = guard(mu_update.buffers, arrays, 0)
  await device.runKernel(mu_update, { dims, buffers })
  mu_update.reference(dims, arrays)
  const comparison = { spec: mu_update, dims, kind: 'random', backend: 'wasm', inputs: arrays } as const
  expect(firstDifference({ ...comparison, expected: arrays, actual: buffers })).toBe(undefined)
  expect(arrays.F.filter(value => value === floor).length).toBeGreaterThan(50)
  await device[Symbol.asyncDispose]()
})

describe('what is built', () => {
  it('is one module for shared and unshared memory', () => {
    const memory = (shared: boolean) => new WebAssembly.Memory({ initial: 1, maximum: 16, shared })
    for (const shared of [true, false]) {
      const module = new WebAssembly.Module(moduleBytes(wasmPlainF32, shared))
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

  it('takes relaxed SIMD for `fast` where the engine has it, and plain SIMD by default', async () => {
    for (const fast of [undefined, false, true]) {
      const device = await wasmBackend.open({ threads: 1, fast })
      expect(device.info.build).toBe(fast && features().relaxedSimd ? 'relaxed SIMD' : 'plain SIMD')
      await device[Symbol.asyncDispose]()
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
    const listed = { kind: 'entries', values: new Float32Array(4) } as const
    const spec = { rank: 2, beta: 2, rule: 'mu', dtype: 'f32' } as const
    expect(device.supports(X, spec, listed)).toMatchObject({ supported: false, reason: expect.any(String) })
    const far = { ...X, rows: 2 ** 26 }
    expect(device.supports(far, { rank: 40, beta: 2, rule: 'mu', dtype: 'f32' })).toMatchObject({ supported: false })
    await device[Symbol.asyncDispose]()
  })
})
