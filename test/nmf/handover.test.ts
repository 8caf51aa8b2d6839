import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Backend, Fit } from '../../ts/backends/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import { registerBackends } from '../../ts/backends/registry.js'
import type { ErrorCode } from '../../ts/core/errors.js'
import { closeDevices, factorize, NonnegError } from '../../ts/index.js'
import { GreedyLR } from '../../ts/schedulers/api.js'
import { denseMatrix } from '../conformance/problems.js'

const X = denseMatrix(40, 30)

/** Stands in for a GPU: does the reference's work for so many runs, then fails with `code`. */
function failing(code: ErrorCode, runs: number, losable = false): Backend {
  return {
    id: 'cuda',
    probe: async () => ({ available: true, emulated: false, info: {} }),
    open: async () => {
      const device = await referenceBackend.open()
      let left = runs
      return Object.assign(Object.create(device), {
        backend: 'cuda',
        losable,
        createFit: async (...args: Parameters<typeof device.createFit>): Promise<Fit> => {
          const fit = await device.createFit(...args)
          return {
            run: async (...controls) => {
              if (left-- <= 0) throw new NonnegError(code, 'it broke')
              return await fit.run(...controls)
            },
            evaluate: beta => fit.evaluate(beta),
            factors: () => fit.factors(),
            runBatches: async (...batches) => {
              if (left-- <= 0) throw new NonnegError(code, 'it broke')
              return await fit.runBatches(...batches)
            },
            setFactors: factors => fit.setFactors(factors),
            [Symbol.asyncDispose]: async () => {},
          }
        },
        [Symbol.asyncDispose]: async () => {},
      })
    },
  }
}

afterEach(closeDevices)

describe('a backend that fails in flight', () => {
  it.each(['ERR_NONNEG_DEVICE_LOST', 'ERR_NONNEG_MEMORY', 'ERR_NONNEG_BACKEND'] as const)(
    'hands over where it may: %s',
    async code => {
      // the first crossing is one iteration, the second breaks
      registerBackends([failing(code, 1)])
      const options = { rank: 3, maxIterations: 40, tolerance: 0, init: 'random' } as const
      const fit = await factorize(X, { ...options, backend: 'cuda', fallback: true })
      expect(fit.backend).not.toBe('cuda')
      expect(fit.handovers).toMatchObject([{ id: 'cuda', reason: 'it broke' }])
      const told = fit.explain()
      expect(told).toMatch(/^cuda: chosen, failed in flight, /m)
      expect(told).toMatch(new RegExp(`^${fit.backend}: went on, `, 'm'))
      expect(told).not.toMatch(new RegExp(`^${fit.backend}: stands by`, 'm'))
      expect(fit.iterations).toBe(40)
      expect(fit.history.map(entry => entry.iteration)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1))
      const undisturbed = await factorize(X, { ...options, backend: fit.backend })
      expect(fit.loss).toBeCloseTo(undisturbed.loss, 6)
    },
  )

  it('hands over what schedulers have seen until then, and nothing of what is done again', async () => {
    registerBackends([failing('ERR_NONNEG_BACKEND', 7)])
    const scheduler = { H: new GreedyLR({ learningRate: 0.3, patience: 0 }) }
    const steps = { solver: 'sgd', scheduler, batchRows: 10 } as const
    const options = { rank: 3, maxIterations: 5, tolerance: 0, init: 'random', dtype: 'f64', ...steps } as const
    const fit = await factorize(X, { ...options, backend: 'cuda', fallback: true })
    expect(fit.handovers).toMatchObject([{ id: 'cuda', reason: 'it broke' }])
    const undisturbed = await factorize(X, { ...options, backend: fit.backend })
    expect(fit.loss).toBe(undisturbed.loss)
    expect(fit.history.map(entry => entry.learningRate)).toEqual(undisturbed.history.map(entry => entry.learningRate))
  })

  it('hands over where schedulers were when the factors were last read back', async () => {
    registerBackends([failing('ERR_NONNEG_DEVICE_LOST', 14, true)])
    const scheduler = { H: new GreedyLR({ learningRate: 0.3, patience: 0 }) }
    const steps = { solver: 'sgd', scheduler, batchRows: 10 } as const
    const options = { rank: 3, maxIterations: 6, tolerance: 0, init: 'random', dtype: 'f64', ...steps } as const
    // a clock on which every crossing takes longer than factors are left alone
    let now = 0
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
      now += 3000
      return now
    })
    const fit = await factorize(X, { ...options, backend: 'cuda', fallback: true })
    clock.mockRestore()
    // four batches a pass: three passes were whole
    expect(fit.handovers).toMatchObject([{ id: 'cuda', iteration: 3 }])
    const undisturbed = await factorize(X, { ...options, backend: fit.backend })
    expect(fit.history.map(entry => entry.learningRate)).toEqual(undisturbed.history.map(entry => entry.learningRate))
    expect(fit.loss).toBeCloseTo(undisturbed.loss, 9)
  })

  it('leaves the other fits of its device alone', async () => {
    // a rank that no memory holds, beside a fit that goes on
    const options = { rank: 3, backend: 'wasm', maxIterations: 300, tolerance: 0 } as const
    const wide = { indptr: [0, 1], indices: [0], values: [1], rows: 1, columns: 4_000_000 }
    const [good, bad] = await Promise.allSettled([factorize(X, options), factorize(wide, { ...options, rank: 2000 })])
    expect(bad).toMatchObject({ status: 'rejected' })
    expect(good).toMatchObject({ status: 'fulfilled', value: { iterations: 300 } })
  })

  it('honours the name with fallback, whatever NONNEG_BACKEND says', async () => {
    vi.stubEnv('NONNEG_BACKEND', 'webgpu')
    vi.stubEnv('NONNEG_WEBGPU', 'nonsense')
    const fit = await factorize(X, { rank: 2, backend: 'reference', fallback: true, maxIterations: 3 })
    vi.unstubAllEnvs()
    expect(fit.backend).toBe('reference')
  })

  it('does not hand over when it was asked for by name', async () => {
    registerBackends([failing('ERR_NONNEG_DEVICE_LOST', 0)])
    const options = { rank: 3, backend: 'cuda', maxIterations: 5, init: 'random' } as const
    await expect(factorize(X, options)).rejects.toMatchObject({ code: 'ERR_NONNEG_DEVICE_LOST' })
  })
})
