import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import type { Backend } from '../../ts/backends/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import { registerBackends } from '../../ts/backends/registry.js'
import { closeDevices, factorize, type NonnegError, type Refusal } from '../../ts/index.js'
import { denseMatrix } from '../conformance/problems.js'

const X = denseMatrix(12, 9)
const HALF = { rank: 2, storage: 'f16', solver: 'mu', init: 'random', maxIterations: 3 } as const

/** Bytes of the emulation: enough for X, not for a matrix of a hundred times its size. */
const ROOM = 10_000

let hasHalf = false

/** Stands in for WebGPU on a driver that computes on the CPU, the one backend that may store X in half precision. */
const emulation: Backend = {
  id: 'webgpu',
  probe: async () => ({ available: true, emulated: true, info: {} }),
  open: async () => {
    const device = await referenceBackend.open()
    return Object.assign(Object.create(device), {
      backend: 'webgpu',
      emulated: true,
      memoryLimit: ROOM,
      supports: (_, { storage }) =>
        hasHalf || storage === undefined ? { supported: true } : { supported: false, reason: 'it has no shader-f16' },
      createFit: (problem, { storage: _, ...spec }) => device.createFit(problem, spec),
      [Symbol.asyncDispose]: async () => {},
    } satisfies Partial<typeof device>)
  },
}

/** Stands in for a backend that computes for itself, may store as much, and has no room at all. */
const full: Backend = {
  id: 'wasm',
  probe: async () => ({ available: true, emulated: false, info: {} }),
  open: async () => {
    const device = await emulation.open()
    return Object.assign(Object.create(device), { backend: 'wasm', emulated: false, memoryLimit: 1 })
  },
}

beforeEach(() => registerBackends([emulation]))
afterAll(closeDevices)

describe('what an emulation alone might do', () => {
  it('is not advised where it would refuse it too', async () => {
    hasHalf = false
    const error = await factorize(X, HALF).catch((thrown: NonnegError) => thrown as NonnegError)
    expect(error).toMatchObject({
      code: 'ERR_NONNEG_NO_BACKEND',
      fix: expect.stringMatching(/^leave storage: 'f16' out/),
    })
    const { refusals } = (error as NonnegError).detail as { refusals: readonly Refusal[] }
    expect(refusals.find(({ id }) => id === 'webgpu')).toEqual({
      id: 'webgpu',
      reason: expect.stringMatching(/^emulated on the CPU.*, and it has no shader-f16$/),
      fix: "leave storage: 'f16' out, or choose backend: 'webgpu' on a GPU that has it",
    })
    for (const { fix } of refusals) expect(fix).not.toMatch(/^ask for it/)
    await expect(factorize(X, { ...HALF, backend: 'webgpu' })).rejects.toMatchObject({ code: 'ERR_NONNEG_NO_BACKEND' })
  })

  it('is advised before all else where it does it by name, with fallback or without', async () => {
    hasHalf = true
    await expect(factorize(X, HALF)).rejects.toMatchObject({
      code: 'ERR_NONNEG_NO_BACKEND',
      fix: "ask for it: backend: 'webgpu'",
      detail: {
        refusals: expect.arrayContaining([
          expect.objectContaining({ id: 'webgpu', fix: "ask for it: backend: 'webgpu'" }),
        ]),
      },
    })
    for (const fallback of [false, true]) {
      const fit = await factorize(X, { ...HALF, backend: 'webgpu', fallback })
      expect(fit).toMatchObject({ backend: 'webgpu', emulated: true, iterations: 3, handovers: [] })
    }
  })
  it('lacks memory alone where it would by name, with the same way out', async () => {
    hasHalf = true
    const large = denseMatrix(120, 90)
    const refused = async (backend: 'auto' | 'webgpu') =>
      (await factorize(large, { ...HALF, backend }).catch((thrown: NonnegError) => thrown)) as NonnegError
    const byName = await refused('webgpu')
    expect(byName).toMatchObject({
      code: 'ERR_NONNEG_MEMORY',
      fix: expect.stringMatching(/^set webgpu.memoryLimit .* to \d+ or more/),
    })
    const unasked = await refused('auto')
    expect(unasked).toMatchObject({ code: byName.code, fix: byName.fix })
    const { refusals } = unasked.detail as { refusals: readonly Refusal[] }
    expect(refusals.find(({ id }) => id === 'webgpu')).toEqual({
      id: 'webgpu',
      reason: expect.stringMatching(/^emulated on the CPU.*, and the fit takes /),
      fix: byName.fix,
      isTooLarge: true,
    })
  })
  it('comes after the fixes of backends that compute for themselves, where one of them lacks only room', async () => {
    hasHalf = true
    await closeDevices()
    registerBackends([full])
    await expect(factorize(X, HALF)).rejects.toMatchObject({
      code: 'ERR_NONNEG_MEMORY',
      fix: expect.stringMatching(/^(lower the rank|leave storage: 'f16' out)/),
    })
  })
})
