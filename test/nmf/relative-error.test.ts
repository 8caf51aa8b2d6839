import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Backend } from '../../ts/backends/backend.js'
import { backendOf, registerBackends } from '../../ts/backends/registry.js'
import { closeDevices, type FactorizeOptions, factorize } from '../../ts/node.js'
import { presentOrSkip } from '../conformance/backends.js'
import { denseMatrix, sparseMatrix } from '../conformance/problems.js'
import { bruteRelativeError } from './brute.js'

const dense = denseMatrix(41, 23)
const sparse = sparseMatrix(60, 35, 20)
/** 0 at every seventh place. */
const table = (rows: number, columns: number) => Float32Array.from({ length: rows * columns }, (_, at) => at % 7 && 1)
const shown = (rows: number, columns: number) => ({ data: table(rows, columns), rows, columns })
/** 1 where `sparse` lists an entry. */
const listed = new Float32Array(60 * 35)
for (let i = 0; i < 60; i++) {
  for (let p = sparse.indptr[i]; p < sparse.indptr[i + 1]; p++) listed[i * 35 + sparse.indices[p]] = 1
}

const cases: readonly [string, typeof dense | typeof sparse, Partial<FactorizeOptions>, Float32Array?][] = [
  ['Kullback–Leibler', dense, { loss: 1 }],
  ['Kullback–Leibler, sparse', sparse, { loss: 1 }],
  ['Kullback–Leibler, sparse, HALS', sparse, { loss: 1, solver: 'hals' }],
  ['β = 1.5, sparse', sparse, { loss: 1.5, solver: 'pg' }],
  ['β = 0.5, masked', dense, { loss: 0.5, mask: shown(41, 23) }, table(41, 23)],
  ['Kullback–Leibler, sparse, masked', sparse, { loss: 1, mask: shown(60, 35) }, table(60, 35)],
  ['Kullback–Leibler, listed alone', sparse, { loss: 1, mask: sparse }, listed],
  ['Frobenius, listed alone', sparse, { loss: 2, mask: sparse }, listed],
]

/** The backend, with an eye on what is uploaded. */
function watched(backend: Backend, onUpload: () => void): Backend {
  return {
    ...backend,
    open: async options => {
      const device = await backend.open(options)
      return new Proxy(device, {
        get(target, name) {
          if (name === 'createFit') onUpload()
          const value = Reflect.get(target, name, target)
          return typeof value === 'function' ? value.bind(target) : value
        },
      })
    },
  }
}

describe.each(['reference', 'wasm', 'native'] as const)('%s', id => {
  const backend = backendOf(id)!

  afterEach(async () => {
    registerBackends([backend])
    await closeDevices()
  })

  it.for(cases)(
    'uploads X once, and says the relative error of what it returns: %s',
    async ([, X, more, weights], context) => {
      await presentOrSkip(id, context)
      const onUpload = vi.fn()
      registerBackends([watched(backend, onUpload)])
      await closeDevices()
      const fit = await factorize(X, { rank: 4, maxIterations: 6, tolerance: 0, backend: id, ...more })
      expect(onUpload).toHaveBeenCalledTimes(1)
      expect(fit.relativeError / bruteRelativeError(X, fit, weights)).toBeCloseTo(1, 5)
    },
  )
})
