import { describe, expect, it } from 'vitest'
import { type FactorizeOptions, factorize, type MatrixInput, NMF } from '../../ts/node.js'
import { presentOrSkip } from '../conformance/backends.js'
import { denseMatrix, sparseMatrix } from '../conformance/problems.js'

// what the GPU backends do not have must be the same for users of native and wasm, whatever form they give it in
const dense = denseMatrix(90, 61)
const above = { ...dense, data: dense.data.map(value => value + 0.05) }
const sparse = sparseMatrix(80, 120, 12)
const shown = (rows: number, columns: number) => ({
  data: Uint8Array.from({ length: rows * columns }, (_, at) => (at % 7 === 3 ? 0 : 1)),
  rows,
  columns,
})
const holes = { ...dense, data: dense.data.map((value, at) => (at % 7 === 3 ? Number.NaN : value)) }

const cases: readonly [string, MatrixInput, Partial<FactorizeOptions>][] = [
  ['HALS', dense, { solver: 'hals' }],
  ['HALS, sparse, penalties', sparse, { solver: 'hals', alphaW: 0.01, l1Ratio: 0.5 }],
  ['projected gradient', dense, { solver: 'pg', step: 1.5 }],
  ['penalties', dense, { solver: 'mu', alphaW: 0.01, alphaH: 0.02, l1Ratio: 0.3 }],
  ['Kullback–Leibler', dense, { loss: 'kullback-leibler' }],
  ['Kullback–Leibler, sparse', sparse, { loss: 'kullback-leibler' }],
  ['Kullback–Leibler, sparse, small X', scaled(sparse, 1e-12), { loss: 'kullback-leibler' }],
  ['Kullback–Leibler, HALS', dense, { loss: 'kullback-leibler', solver: 'hals' }],
  ['Itakura–Saito', above, { loss: 'itakura-saito' }],
  ['β = 1.5', dense, { loss: 1.5 }],
  ['a dense mask over NaN', holes, { mask: shown(90, 61) }],
  ['a dense mask, sparse X', sparse, { mask: shown(80, 120) }],
  ['its own entries for a mask', sparse, { mask: sparse, solver: 'hals' }],
  ['a hold-out mask', dense, { mask: { holdout: 0.2, seed: 3 } }],
  ['a hold-out mask and dense weights', dense, { mask: { holdout: 0.2 }, weights: scaled(dense, 2), loss: 1 }],
  ['CSR weights', sparse, { weights: sparse, loss: 'kullback-leibler' }],
]

function scaled<X extends typeof dense | typeof sparse>(X: X, factor: number): X {
  const times = (value: number) => value * factor
  return X.kind === 'dense' ? { ...X, data: X.data.map(times) } : { ...X, values: X.values.map(times) }
}

describe.each(['native', 'wasm'] as const)('%s', id => {
  it.for(cases)('agrees with the reference: %s', async ([, X, more], context) => {
    await presentOrSkip(id, context)
    const options: FactorizeOptions = { rank: 5, seed: 3, maxIterations: 12, tolerance: 0, ...more }
    const fit = await factorize(X, { ...options, backend: id })
    const wanted = await factorize(X, { ...options, backend: 'reference' })
    expect([fit.backend, fit.solver, fit.iterations]).toEqual([id, wanted.solver, 12])
    expect(Math.abs(fit.loss / wanted.loss - 1)).toBeLessThan(1e-3)
    expect(Math.abs(fit.relativeError / wanted.relativeError - 1)).toBeLessThan(1e-3)
    if (wanted.history[0].violation === undefined) expect(fit.history[0].violation).toBeUndefined()
    else expect(Math.abs(fit.history[0].violation! / wanted.history[0].violation - 1)).toBeLessThan(1e-3)
  })

  it.for([
    ['Frobenius', dense, { loss: 2 }],
    ['Frobenius, sparse', sparse, { loss: 2 }],
    ['Kullback–Leibler', dense, { loss: 1 }],
    ['Kullback–Leibler, sparse', sparse, { loss: 1 }],
    ['masked', holes, { loss: 2, mask: shown(90, 61) }],
    ['listed alone', sparse, { loss: 1, mask: sparse }],
  ] as const)('has float64: %s', async ([, X, more], context) => {
    await presentOrSkip(id, context)
    const options = { rank: 5, seed: 3, maxIterations: 12, tolerance: 0, dtype: 'f64', ...more } as const
    const fit = await factorize(X, { ...options, backend: id })
    const wanted = await factorize(X, { ...options, backend: 'reference' })
    expect(fit.W.data).toBeInstanceOf(Float64Array)
    expect(Math.abs(fit.loss / wanted.loss - 1)).toBeLessThan(1e-10)
  })

  it('may be fast', async context => {
    await presentOrSkip(id, context)
    for (const X of [dense, sparse]) {
      const options = { rank: 5, seed: 3, maxIterations: 12, tolerance: 0, backend: id } as const
      const [fast, plain] = [await factorize(X, { ...options, fast: true }), await factorize(X, options)]
      expect([fast.plan.fast, plain.plan.fast]).toEqual([true, false])
      expect(Math.abs(fast.loss / plain.loss - 1)).toBeLessThan(1e-4)
    }
  })

  it('transforms under every loss', async context => {
    await presentOrSkip(id, context)
    for (const more of [{ solver: 'hals' }, { loss: 1 }, { loss: 1, solver: 'hals' }, { loss: 1.5 }] as const) {
      const options: FactorizeOptions = { rank: 4, seed: 2, maxIterations: 40, tolerance: 0, ...more }
      const [own, wanted] = await Promise.all(
        [id, 'reference' as const].map(async backend => {
          const model = await new NMF({ ...options, maxIterations: 5, backend }).fit(dense)
          return await model.transform(denseMatrix(20, 61))
        }),
      )
      for (const [at, value] of wanted.data.entries()) {
        expect(Math.abs(own.data[at] - value)).toBeLessThan(1e-2 * (1 + value))
      }
    }
  })
})
