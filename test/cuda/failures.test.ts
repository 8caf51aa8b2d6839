import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import type { FitSpec, Problem } from '../../ts/backends/backend.js'
import { denseView } from '../../ts/core/matrix.js'
import { kernels } from '../../ts/kernels/index.js'
import { guard } from '../conformance/guarded.js'
import { denseMatrix } from '../conformance/problems.js'
import { check, emulation, probeElsewhere } from './emulation.js'

const spec: FitSpec = { rank: 4, beta: 2, rule: 'mu', dtype: 'f32' }

function problem(rows: number, columns: number): Problem {
  const ones = (length: number) => new Float32Array(length).fill(1)
  const X = denseMatrix(rows, columns)
  let squaredNorm = 0
  for (const x of X.data) squaredNorm += x * x
  return { X, squaredNorm, W: denseView(ones(rows * 4), rows, 4), H: denseView(ones(4 * columns), 4, columns) }
}

describe('the emulator finds', () => {
  it('missing and divergent barriers, in every order of threads', async context => {
    await emulation(context)
    expect(check('emulator')).toMatchObject({ status: 0, stdout: 'emulator passed\n' })
  })

  it('writes beside an allocation', async context => {
    await emulation(context)
    expect(check('overrun')).toMatchObject({ status: 0, stdout: 'overrun passed\n' })
  })

  it('nothing wrong with fits driven from C++', async context => {
    await emulation(context)
    expect(check('fits')).toMatchObject({ status: 0, stdout: 'fits passed\n', stderr: '' })
  })
})

describe('on emulated CUDA', () => {
  it('a fit beyond the memory is refused with the sizes, and the next one works', async context => {
    const device = await emulation(context)
    process.env.NONNEG_EMU_MEMORY = '100000'
    await expect(device.createFit(problem(300, 200), spec)).rejects.toMatchObject({
      code: 'ERR_NONNEG_MEMORY',
      message: expect.stringMatching(
        /needs \d+\.\d MiB on the device \(X 0\.2 MiB\), of which 0\.1 MiB of 0\.1 MiB are/,
      ),
      fix: expect.stringContaining('rank'),
    })
    const fit = await device.createFit(problem(20, 10), spec)
    expect((await fit.run(2)).iterations).toBe(2)
    await fit[Symbol.asyncDispose]()
  })

  it('a device lost in flight rejects with its code, and frees what the fit held', async context => {
    const device = await emulation(context)
    const fit = await device.createFit(problem(30, 20), spec)
    process.env.NONNEG_EMU_FAIL = 'cuLaunchKernel=719@30'
    await expect(fit.run(100)).rejects.toMatchObject({
      code: 'ERR_NONNEG_DEVICE_LOST',
      message: expect.stringContaining('CUDA_ERROR_LAUNCH_FAILED'),
    })
    await expect(fit.factors()).rejects.toMatchObject({ code: 'ERR_NONNEG_DEVICE_LOST' })
    await fit[Symbol.asyncDispose]()
  })

  it.for([
    ['cuStreamCreate', 'ERR_NONNEG_BACKEND'],
    ['cuEventCreate', 'ERR_NONNEG_BACKEND'],
    ['cuMemcpyHtoDAsync', 'ERR_NONNEG_BACKEND'],
  ])('a failing %s makes no fit', async ([name, code], context) => {
    const device = await emulation(context)
    process.env.NONNEG_EMU_FAIL = `${name}=1`
    await expect(device.createFit(problem(30, 20), spec)).rejects.toMatchObject({ code })
  })

  it.for(['cuEventRecord', 'cuEventSynchronize', 'cuMemcpyDtoHAsync', 'cuStreamSynchronize'])(
    'a failing %s ends a run with an error',
    async (name, context) => {
      const device = await emulation(context)
      const fit = await device.createFit(problem(30, 20), spec)
      process.env.NONNEG_EMU_FAIL = `${name}=1`
      await expect(fit.run(5)).rejects.toMatchObject({ code: 'ERR_NONNEG_BACKEND' })
      await fit[Symbol.asyncDispose]()
    },
  )

  it('a kernel call that does not fit the memory is refused', async context => {
    const device = await emulation(context)
    const gram = kernels.find(kernel => kernel.name === 'gram')!
    process.env.NONNEG_EMU_MEMORY = '2000'
    const arrays = { F: new Float64Array(1000 * 2), G: new Float64Array(4) }
    const call = { dims: { rows: 1000, rank: 2 }, buffers: guard(gram.buffers, arrays, 0) }
    await expect(device.runKernel(gram, call)).rejects.toMatchObject({ code: 'ERR_NONNEG_MEMORY' })
  })
})

describe('the probe says what is missing', () => {
  const nvcc = spawnSync('nvcc', ['--version']).status === 0

  it('nothing, where the emulation is asked for; with the PTX where there is nvcc', async context => {
    await emulation(context)
    const found = probeElsewhere({ NONNEG_CUDA: 'emulated' })
    expect(found).toMatchObject({ available: true, emulated: true, info: { device: 'CPU emulation' } })
    if (nvcc) expect((found.info as Record<string, string>).ptx).toMatch(/^\d+\.\d+$/)
  })

  it('nothing, where the driver is older than the nvcc that compiled the kernels', async context => {
    await emulation(context)
    const found = probeElsewhere({ NONNEG_CUDA: 'emulated', NONNEG_EMU_PTX: '6.5' })
    expect(found).toMatchObject({ available: true })
    if (nvcc) expect((found.info as Record<string, string>).ptx).toMatch(/^\d+\.\d+, declared as 6\.4$/)
  })

  it.for([
    ['no library', { NONNEG_CUDA_LIBRARY: '/nowhere/libcuda.so.1' }, /nowhere/, /NONNEG_CUDA_LIBRARY/],
    ['another library', { NONNEG_CUDA_LIBRARY: 'libm.so.6' }, /libm\.so\.6 has no cuInit/, /driver/],
    ['no device', { NONNEG_EMU_DEVICES: '0' }, /cuInit: CUDA_ERROR_NO_DEVICE/, /nvidia-smi/],
    ['no such device', { NONNEG_CUDA_DEVICE: '3' }, /NONNEG_CUDA_DEVICE=3 .* there are 1/, /from 0 to 0/],
    ['a number that is none', { NONNEG_CUDA_DEVICE: '0x' }, /NONNEG_CUDA_DEVICE=0x/, /unset/],
    ['an ancient driver', { NONNEG_EMU_PTX: '6.3' }, /too old for the kernels' PTX/, /update the NVIDIA driver/],
    ['a module that lacks a kernel', { NONNEG_EMU_FAIL: 'cuModuleGetFunction=500@3' }, /CUDA_ERROR_NOT_FOUND/, /./],
    ['a context refused', { NONNEG_EMU_FAIL: 'cuDevicePrimaryCtxRetain=2' }, /CUDA_ERROR_OUT_OF_MEMORY/, /./],
  ] as const)('%s', async ([, env, reason, fix], context) => {
    await emulation(context)
    expect(probeElsewhere({ NONNEG_CUDA: 'emulated', ...env })).toMatchObject({
      available: false,
      reason: expect.stringMatching(reason),
      fix: expect.stringMatching(fix),
    })
  })
})
