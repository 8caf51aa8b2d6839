import { describe, expect, it } from 'vitest'
import { Random } from '../../ts/core/random.js'
import { SOLVER_NAMES, SOLVERS } from '../../ts/nmf/solvers.js'
import { type DenseInput, type FactorizeOptions, factorize, type SolverName } from '../../ts/node.js'
import { presentOrSkip } from '../conformance/backends.js'

const random = new Random(77)

function matrix(rows: number, columns: number, entry: (i: number, j: number) => number): DenseInput {
  const data = Float64Array.from({ length: rows * columns }, (_, at) => entry(Math.floor(at / columns), at % columns))
  return { data, rows, columns }
}

/** Matrices that have broken factorisations elsewhere. */
const HARD: Readonly<Record<string, DenseInput>> = {
  'rows and columns of zeros': matrix(14, 11, (i, j) => (i % 5 === 2 || j % 4 === 1 ? 0 : random.uniform())),
  'nothing but zeros': matrix(6, 5, () => 0),
  'one value everywhere': matrix(9, 7, () => 3),
  'fewer rows and columns than components': matrix(3, 2, () => random.uniform()),
  'one row': matrix(1, 13, () => random.uniform()),
  'one column': matrix(13, 1, () => random.uniform()),
  'one entry': matrix(1, 1, () => 5),
  'one entry that is not zero': matrix(8, 9, (i, j) => (i === 3 && j === 4 ? 2 : 0)),
  'sixty orders of magnitude': matrix(10, 8, (i, j) => 10 ** (((7 * i + 11 * j) % 61) - 30)),
  'tiny numbers': matrix(10, 8, () => 1e-30 * random.uniform()),
  'huge numbers': matrix(10, 8, () => 1e30 * random.uniform()),
  subnormals: matrix(10, 8, () => 1e-40 * random.uniform()),
  'two equal columns': matrix(12, 6, i => 1 + (i % 3)),
}

const RANK = 4

function suits(solver: SolverName, loss: number): boolean {
  return SOLVERS[solver].suits?.(loss) ?? true
}

describe.each(['reference', 'native', 'wasm'] as const)('on %s', backend => {
  const on = (options: Partial<FactorizeOptions>): FactorizeOptions => ({
    rank: RANK,
    backend,
    tolerance: 0,
    maxIterations: 12,
    ...options,
  })

  it.for(Object.keys(HARD))('%s leave finite factors, whatever the solver and the loss', async (name, context) => {
    await presentOrSkip(backend, context)
    const X = HARD[name]
    const bad: string[] = []
    for (const solver of SOLVER_NAMES) {
      for (const loss of [2, 1, 1.5, 3].filter(beta => suits(solver, beta))) {
        const fit = await factorize(X, on({ solver, loss }))
        const what = `${solver}, β = ${loss}`
        for (const F of [fit.W, fit.H]) {
          if (!F.data.every(value => value >= 0 && Number.isFinite(value)))
            bad.push(`${what}: a factor is not ≥ 0 and finite`)
        }
        if (!(Number.isFinite(fit.loss) && fit.loss >= -1e-6 * Math.abs(fit.history[0].loss)))
          bad.push(`${what}: loss ${fit.loss}`)
        if (!(fit.relativeError <= 1.01 || loss !== 2)) bad.push(`${what}: relative error ${fit.relativeError}`)
      }
    }
    expect(bad).toEqual([])
  })

  it('zeros are refused where the loss cannot have them, and taken where it can', async context => {
    await presentOrSkip(backend, context)
    const X = HARD['rows and columns of zeros']
    for (const loss of [0, -1]) {
      await expect(factorize(X, on({ loss }))).rejects.toMatchObject({ code: 'ERR_NONNEG_ZERO' })
    }
    expect((await factorize(X, on({ loss: 'kullback-leibler' }))).loss).toBeGreaterThan(0)
  })

  it('components that X has no use for are named', async context => {
    await presentOrSkip(backend, context)
    const start = { W: matrix(9, 3, (i, r) => (r === 1 ? 0 : i + r + 1)), H: matrix(3, 7, (r, j) => r + j + 1) }
    const X = HARD['one value everywhere']
    const fit = await factorize(X, on({ rank: 3, solver: 'mu', init: start }))
    expect(fit.deadComponents).toEqual([1])
    expect((await factorize(X, on({ rank: 3, solver: 'mu' }))).deadComponents).toEqual([])
  })

  it.each(['nndsvd', 'nndsvda', 'nndsvdar'] as const)('%s starts come from hard matrices too', async init => {
    for (const [name, X] of Object.entries(HARD)) {
      const { W, H, loss } = await factorize(X, on({ init, maxIterations: 3 }))
      const isRight = [...W.data, ...H.data, loss].every(value => Number.isFinite(value) && value >= 0)
      expect(isRight, name).toBe(true)
    }
  })
})
