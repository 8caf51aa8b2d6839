import { describe, expect, it } from 'vitest'
import { type FitSpec, SUPPORTED, unsupported } from '../../ts/backends/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import { registerBackends } from '../../ts/backends/registry.js'
import { denseView } from '../../ts/core/matrix.js'
import { type FactorizeOptions, factorize, NMF, type SolverName } from '../../ts/node.js'
import { denseMatrix, sparseMatrix } from '../conformance/problems.js'
import { bruteLoss, bruteRelativeError } from './brute.js'

const dense = denseMatrix(23, 17)
const sparse = sparseMatrix(31, 26, 20)
/** No zeros, for β ≤ 0. */
const above = { ...dense, data: dense.data.map(value => value + 0.05) }

const on = (options: Partial<FactorizeOptions> = {}): FactorizeOptions => ({
  rank: 3,
  backend: 'reference',
  dtype: 'f64',
  maxIterations: 12,
  tolerance: 0,
  ...options,
})

const rules: readonly SolverName[] = ['mu', 'hals', 'pg']

describe.each(rules)('solver %s', solver => {
  it.each([
    ['dense', dense, 2],
    ['dense', dense, 1],
    ['dense', above, 0],
    ['dense', above, -0.5],
    ['dense', dense, 0.5],
    ['dense', dense, 1.5],
    ['dense', dense, 3],
    ['sparse', sparse, 2],
    ['sparse', sparse, 1],
    ['sparse', sparse, 1.5],
  ] as const)('says the loss and the relative error of what it returns: %s, β = %3$s', async (_kind, X, loss) => {
    const fit = await factorize(X, on({ solver, loss }))
    expect(fit.loss / bruteLoss(X, fit, loss)).toBeCloseTo(1, 9)
    expect(fit.relativeError / bruteRelativeError(X, fit)).toBeCloseTo(1, 9)
    expect(fit.loss).toBe(fit.history.at(-1)!.loss)
    expect(fit.loss).toBeLessThan(fit.history[0].loss)
  })

  it.each([
    ['frobenius', dense],
    ['kullback-leibler', dense],
    ['kullback-leibler', sparse],
    ['itakura-saito', above],
  ] as const)('transforms rows with the components held fixed: %s', async (loss, X) => {
    const model = new NMF(on({ solver, loss, maxIterations: 300 }))
    await model.fit(X)
    const H = model.components.data.slice()
    const W = await model.transform(X)
    expect(model.components.data).toEqual(H)
    const beta = { frobenius: 2, 'kullback-leibler': 1, 'itakura-saito': 0 }[loss]
    expect(bruteLoss(X, { W, H: model.components }, beta)).toBeLessThanOrEqual(model.result.loss * 1.01)
  })
})

describe('losses', () => {
  it.each([
    ['frobenius', 2, dense],
    ['kullback-leibler', 1, dense],
    ['itakura-saito', 0, above],
  ] as const)('%s is β = %s', async (name, beta, X) => {
    const [named, numbered] = [await factorize(X, on({ loss: name })), await factorize(X, on({ loss: beta }))]
    expect(named.W).toEqual(numbered.W)
    expect(named.loss).toBe(numbered.loss)
  })

  it.each([2, 1, 0, 0.5, 1.5, 3])('never rise under multiplicative updates: β = %s', async loss => {
    const { history } = await factorize(above, on({ loss, maxIterations: 60 }))
    for (let i = 1; i < history.length; i++) {
      expect(history[i].loss).toBeLessThanOrEqual(history[i - 1].loss * (1 + 1e-12))
    }
  })

  it('are the same for sparse and dense X', async () => {
    const filled = denseView(new Float64Array(31 * 26), 31, 26)
    for (let i = 0; i < 31; i++) {
      for (let p = sparse.indptr[i]; p < sparse.indptr[i + 1]; p++) {
        filled.data[i * 26 + sparse.indices[p]] = sparse.values[p]
      }
    }
    for (const solver of rules) {
      for (const loss of [2, 1, 1.5]) {
        const options = on({ solver, loss, maxIterations: 5 })
        const [a, b] = [await factorize(sparse, options), await factorize(filled, options)]
        expect(a.loss / b.loss, `${solver} ${loss}`).toBeCloseTo(1, 9)
      }
    }
  })

  it('stop by √(2·loss) at a look every ten iterations', async () => {
    const options = on({ loss: 'kullback-leibler', maxIterations: 5000, tolerance: 1e-4 })
    const fit = await factorize(dense, options)
    expect([fit.reason, fit.iterations % 10]).toEqual(['converged', 0])
    const start = await factorize(dense, on({ loss: 'kullback-leibler', maxIterations: 1 }))
    const distance = (at: number) => Math.sqrt(2 * fit.history[at - 1].loss)
    // the start is worse than what one iteration makes of it, so this bounds the rule's own quotient
    expect((distance(fit.iterations - 10) - distance(fit.iterations)) / Math.sqrt(2 * start.loss)).toBeLessThan(2e-4)
  })

  it.each([
    [2, 1e-18],
    [1, 1e-18],
    [1, 1e30],
    [1.5, 1e12],
    [0, 1e-9],
    [0, 1e20],
    [3, 1e8],
  ])('are those of X at any scale: β = %s, X times %s', async (loss, scale) => {
    const scaled = { ...above, data: Float64Array.from(above.data, value => value * scale) }
    for (const solver of rules) {
      // its first step sends a row of W to zero here, and the least model, 2⁻²³, has a scale
      if (solver === 'pg' && loss === 1) continue
      const plain = await factorize({ ...above, data: Float64Array.from(above.data) }, on({ loss, solver }))
      const fit = await factorize(scaled, on({ loss, solver }))
      expect(fit.loss / plain.loss / scale ** loss).toBeCloseTo(1, 6)
      expect(fit.relativeError).toBeCloseTo(plain.relativeError, 6)
      expect((fit.W.data[0] * fit.H.data[0]) / (plain.W.data[0] * plain.H.data[0]) / scale).toBeCloseTo(1, 6)
      const [violation, wanted] = [fit, plain].map(({ history }) => history[0].violation)
      if (solver === 'mu') expect(violation).toBeUndefined()
      else expect(violation! / wanted! / scale ** (loss - 0.5)).toBeCloseTo(1, 6)
    }
  })
})

describe("solver 'auto'", () => {
  it.each<[Partial<FactorizeOptions>, SolverName]>([
    [{}, 'ahals'],
    [{ alphaW: 0.1 }, 'ahals'],
    [{ loss: 1 }, 'mu'],
    [{ mask: { holdout: 0.5 } }, 'mu'],
  ])('is settled by the problem: %o', async (options, rule) => {
    const fit = await factorize(dense, on(options))
    expect(fit.solver).toBe(rule)
    const start = rule === 'ahals' ? 'nndsvda' : 'random'
    const named = await factorize(dense, on({ ...options, solver: rule, init: start, maxIterations: 200 }))
    expect(
      Math.abs((await factorize(dense, on({ ...options, maxIterations: 200 }))).loss / named.loss - 1),
    ).toBeLessThan(0.02)
  })

  it('is what the backend has; a name is not up for choice', async () => {
    const open = async () => {
      const device = await referenceBackend.open()
      return Object.assign(Object.create(device), {
        supports: (_X: unknown, { rule }: FitSpec) => (rule === 'mu' ? SUPPORTED : unsupported(`no ${rule} here`)),
        createFit: device.createFit.bind(device),
        [Symbol.asyncDispose]: async () => {},
      })
    }
    registerBackends([{ id: 'cuda', open, probe: async () => ({ available: true, emulated: false, info: {} }) }])
    const plain = await factorize(dense, on({ solver: 'mu', init: 'random' }))
    const fit = await factorize(dense, on({ backend: 'cuda', init: 'random' }))
    expect([fit.solver, fit.loss]).toEqual(['mu', plain.loss])
    const named = factorize(dense, on({ backend: 'cuda', solver: 'hals' }))
    await expect(named).rejects.toMatchObject({
      code: 'ERR_NONNEG_NO_BACKEND',
      message: expect.stringMatching(/no hals here/),
    })
  })
})

describe('violations', () => {
  it.each(['hals', 'pg'] as const)('go to zero where nothing is to be gained: %s', async solver => {
    const { history } = await factorize(dense, on({ solver, maxIterations: 3000 }))
    expect(history[0].violation).toBeGreaterThan(0)
    expect(history.at(-1)!.violation! / history[0].violation!).toBeLessThan(1e-3)
  })
})

describe('refused', () => {
  it.each<[string, object, string, RegExp]>([
    ['a loss nobody knows', { loss: 'huber' }, 'ERR_NONNEG_OPTION', /"huber".*kullback-leibler/],
    ['an endless β', { loss: Number.POSITIVE_INFINITY }, 'ERR_NONNEG_OPTION', /loss/],
    ['β in words', { loss: '1' }, 'ERR_NONNEG_OPTION', /loss/],
    ['a name from Object.prototype', { loss: 'toString' }, 'ERR_NONNEG_OPTION', /loss/],
    ['a solver nobody knows', { solver: 'newton' }, 'ERR_NONNEG_OPTION', /solver/],
    ['a step of 0', { solver: 'pg', step: 0 }, 'ERR_NONNEG_OPTION', /step/],
    ['a step for another solver', { solver: 'hals', step: 1 }, 'ERR_NONNEG_OPTION', /'pg'/],
    ['fast that is no flag', { fast: 1 }, 'ERR_NONNEG_OPTION', /fast/],
    ['zeros where β = 0', { loss: 0 }, 'ERR_NONNEG_ZERO', /X\[0, \d+\] = 0/],
  ])('%s', async (_name, options, code, message) => {
    const fit = factorize(dense, on(options as Partial<FactorizeOptions>))
    await expect(fit).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it('zeros where β ≤ 0, by their place', async () => {
    const X = [
      [1, 2, 3],
      [4, 5, 0],
    ]
    const wrong = factorize(X, on({ rank: 1, loss: -1 }))
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_NONNEG_ZERO', detail: { row: 1, column: 2 } })
    const unlisted = { indptr: [0, 2, 3], indices: [1, 0, 1], values: [1, 2, 3], rows: 2, columns: 2 }
    const gap = factorize(unlisted, on({ rank: 1, loss: 0 }))
    await expect(gap).rejects.toMatchObject({ code: 'ERR_NONNEG_ZERO', detail: { row: 1, column: 0 } })
  })
})
