import { describe, expect, it } from 'vitest'
import { denseView } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'
import { SOLVER_NAMES, SOLVERS } from '../../ts/nmf/solvers.js'
import { type FactorizeOptions, factorize, type HistoryEntry } from '../../ts/node.js'
import { denseMatrix, sparseMatrix } from '../conformance/problems.js'

const X = denseMatrix(60, 25)
const sparse = sparseMatrix(70, 41, 25)

/** About a product of factors with some zeros. */
function planted(rows: number, columns: number, rank: number): { data: Float64Array; rows: number; columns: number } {
  const random = new Random(2)
  const factor = (length: number) => Float64Array.from({ length }, () => Math.max(0, random.uniform() - 0.3))
  const [W, H] = [factor(rows * rank), factor(rank * columns)]
  const data = Float64Array.from({ length: rows * columns }, (_, at) => {
    let sum = 0.05 * random.uniform()
    for (let r = 0; r < rank; r++) sum += W[Math.floor(at / columns) * rank + r] * H[r * columns + (at % columns)]
    return sum
  })
  return { data, rows, columns }
}

const on = (options: Partial<FactorizeOptions> = {}): FactorizeOptions => ({
  rank: 4,
  backend: 'reference',
  dtype: 'f64',
  tolerance: 0,
  maxIterations: 25,
  ...options,
})

describe('solvers', () => {
  it.each(SOLVER_NAMES)('%s lowers the loss of dense and sparse X, and says what it is', async solver => {
    const { suits } = SOLVERS[solver]
    for (const loss of [2, 1].filter(beta => suits?.(beta) ?? true)) {
      for (const matrix of [X, sparse]) {
        const fit = await factorize(matrix, on({ solver, loss }))
        expect(fit.solver).toBe(solver)
        expect(fit.loss).toBeLessThan(0.95 * fit.history[0].loss)
        expect(fit.explain()).toContain(SOLVERS[solver].summary)
      }
    }
  })

  it.each(['ahals', 'bpp', 'hals', 'mu'] as const)('%s never raises the Frobenius loss', async solver => {
    const { history } = await factorize(X, on({ solver, maxIterations: 120 }))
    for (let i = 1; i < history.length; i++)
      expect(history[i].loss).toBeLessThanOrEqual(history[i - 1].loss * (1 + 1e-12))
  })

  it('bpp needs half of the iterations of hals where a mask hides a third, and keeps its bounds', async () => {
    const X = planted(40, 30, 4)
    const masked = { rank: 4, mask: { holdout: 0.3, seed: 3 }, seed: 2 }
    const target = await factorize(X, on({ ...masked, solver: 'hals', maxIterations: 40 }))
    const fit = await factorize(X, on({ ...masked, solver: 'bpp', maxIterations: 20 }))
    for (let i = 1; i < 20; i++) expect(fit.history[i].loss).toBeLessThanOrEqual(fit.history[i - 1].loss * (1 + 1e-12))
    expect(fit.loss).toBeLessThan(target.loss)
    const bounded = await factorize(X, on({ ...masked, solver: 'bpp', maxIterations: 20, maxW: 0.25 }))
    expect(Math.max(...bounded.W.data)).toBe(0.25)
    expect(bounded.loss).toBeGreaterThan(fit.loss)
  })

  it('scd never raises the Kullback–Leibler loss, and needs fewer iterations than multiplicative updates', async () => {
    const scd = await factorize(sparse, on({ solver: 'scd', loss: 1, maxIterations: 30 }))
    for (let i = 1; i < 30; i++) expect(scd.history[i].loss).toBeLessThanOrEqual(scd.history[i - 1].loss * (1 + 1e-9))
    const mu = await factorize(sparse, on({ solver: 'mu', loss: 1, maxIterations: 90 }))
    expect(scd.loss).toBeLessThan(mu.loss)
  })

  it('ahals gets there in fewer iterations than hals', async () => {
    const target = await factorize(X, on({ solver: 'hals', maxIterations: 200 }))
    const fit = await factorize(X, on({ solver: 'ahals', maxIterations: 200, targetLoss: target.loss * 1.0001 }))
    expect([fit.reason, fit.criterion]).toEqual(['converged', 'target'])
    expect(fit.iterations).toBeLessThan(100)
    expect(fit.loss).toBeLessThanOrEqual(target.loss * 1.0001)
  })

  it.each([
    [{ solver: 'bpp', loss: 1 }, /not for β = 1/],
    [{ solver: 'scd' }, /not for β = 2/],
    [{ solver: 'sgd', mask: { holdout: 0.1 } }, /mask/],
    [{ solver: 'svrmu', weights: X }, /weights/],
    [{ batchRows: 10 }, /online/],
    [{ solver: 'online', forgetFactor: 2 }, /forgetFactor/],
    [{ solver: 'magic' }, /one of auto, mu/],
    [{ frozen: [0] }, /init/],
    [{ frozen: [4], init: { H: X } }, /frozen/],
    [{ maxW: 0 }, /maxW/],
    [{ starts: 3, init: 'nndsvd' }, /starts/],
    [{ init: 'nndsvd', mask: { holdout: 0.1 } }, /hold/],
    [{ init: 'nothing' }, /nndsvda/],
    [{ patience: 0 }, /patience/],
    [{ targetLoss: Number.NaN }, /targetLoss/],
    [{ resume: {} }, /Checkpoint/],
    [{ checkpointEvery: 0 }, /checkpointEvery/],
    [{ violationTolerance: 0.1, solver: 'mu' }, /violationTolerance/],
    [{ violationTolerance: 0.1, loss: 1 }, /violationTolerance/],
  ])('refuse what does not go together: %o', async (options, message) => {
    await expect(factorize(X, on(options as Partial<FactorizeOptions>))).rejects.toMatchObject({
      code: 'ERR_NONNEG_OPTION',
      message: expect.stringMatching(message),
    })
  })
})

describe('bounds and frozen components', () => {
  it.each(['mu', 'hals', 'ahals', 'pg', 'online', 'smu', 'svrmu', 'sgd'] as const)('hold under %s', async solver => {
    const H = denseMatrix(4, 25)
    const fit = await factorize(X, on({ solver, maxW: 0.5, maxH: 1.25, init: { H }, frozen: [2, 0] }))
    expect(Math.max(...fit.W.data)).toBeLessThanOrEqual(0.5)
    const rows = (F: { data: ArrayLike<number> }, r: number) => Array.from(F.data).slice(r * 25, (r + 1) * 25)
    for (const r of [0, 2]) expect(rows(fit.H, r)).toEqual(rows(H, r))
    for (const r of [1, 3]) {
      expect(rows(fit.H, r)).not.toEqual(rows(H, r))
      expect(Math.max(...rows(fit.H, r))).toBeLessThanOrEqual(1.25)
    }
    const free = await factorize(X, on({ solver, init: { H }, frozen: [0, 1, 2, 3] }))
    expect(Array.from(free.H.data)).toEqual(Array.from(H.data))
  })
})

describe('bounds of X in other units', () => {
  it.each([1e30, 1e-30])('are those of the caller: %d', async unit => {
    const scaled = { ...X, data: Float64Array.from(X.data, value => value * unit) }
    const root = Math.sqrt(unit)
    const fit = await factorize(scaled, on({ solver: 'hals', maxW: 0.5 * root, maxH: 0.75 * root }))
    expect(Math.max(...fit.W.data)).toBeCloseTo(0.5 * root, -Math.log10(root) + 6)
    expect(Math.max(...fit.W.data)).toBeLessThanOrEqual(0.5 * root * (1 + 1e-12))
    expect(Math.max(...fit.H.data)).toBeLessThanOrEqual(0.75 * root * (1 + 1e-12))
  })

  it('hold for starts that no update moves', async () => {
    const H = { ...denseMatrix(4, 25), data: denseMatrix(4, 25).data.fill(200) }
    const W = { data: new Float64Array(60 * 4), rows: 60, columns: 4 }
    const fit = await factorize(X, on({ solver: 'mu', init: { W, H }, maxH: 0.25 }))
    expect(Math.max(...fit.H.data)).toBeLessThanOrEqual(0.25)
  })
})

describe('starts', () => {
  it('take the best of several, and say nothing of the others', async () => {
    const options = on({ solver: 'hals', maxIterations: 5 })
    const tried = await Promise.all([3, 4, 5].map(seed => factorize(X, { ...options, seed, maxIterations: 12 })))
    const fit = await factorize(X, { ...options, seed: 3, starts: 3, startIterations: 7 })
    expect(fit.iterations).toBe(5)
    expect(fit.loss).toBe(Math.min(...tried.map(({ loss }) => loss)))
  })

  it('may leave one factor to chance', async () => {
    const whole = await factorize(X, on({ solver: 'hals', maxIterations: 3 }))
    const fit = await factorize(X, on({ solver: 'hals', init: { H: whole.H }, seed: 1, maxIterations: 1 }))
    expect(fit.loss).toBeLessThan(whole.history[0].loss)
  })
})

describe('steps', () => {
  it('come as the fit goes, from the first to the last', async () => {
    const fit = factorize(X, on({ maxIterations: 12 }))
    const seen: HistoryEntry[] = []
    for await (const step of fit.steps()) seen.push(step)
    expect(seen).toEqual((await fit).history)
    // and once more when all is over
    const again: HistoryEntry[] = []
    for await (const step of fit.steps()) again.push(step)
    expect(again).toEqual(seen)
  })

  it('end the fit when they are left', async () => {
    const fit = factorize(X, on({ maxIterations: 1_000_000 }))
    for await (const { iteration } of fit.steps()) if (iteration === 5) break
    const { reason, iterations, W } = await fit
    expect(reason).toBe('aborted')
    expect(iterations).toBeGreaterThanOrEqual(5)
    expect(W.data.every(Number.isFinite)).toBe(true)
  })

  it('throw what the fit throws', async () => {
    const fit = factorize(denseView(Float32Array.of(-1), 1, 1), on({ rank: 1 }))
    const follow = async () => {
      for await (const _ of fit.steps());
    }
    await expect(follow()).rejects.toMatchObject({ code: 'ERR_NONNEG_NEGATIVE' })
  })
})

describe('stopping', () => {
  it('by the projected gradient, as scikit-learn’s coordinate descent', async () => {
    const fit = await factorize(X, on({ solver: 'hals', violationTolerance: 0.05, maxIterations: 500 }))
    expect([fit.reason, fit.criterion]).toEqual(['converged', 'violation'])
    const [first, ...rest] = fit.history.map(({ violation }) => violation!)
    expect(rest.findIndex(violation => violation <= 0.05 * first)).toBe(rest.length - 1)
  })

  it('has patience where it is told to', async () => {
    const options = on({ solver: 'hals', tolerance: 1e-3, maxIterations: 5000 })
    const [one, three] = [await factorize(X, options), await factorize(X, { ...options, patience: 3 })]
    expect(three.iterations).toBeGreaterThanOrEqual(one.iterations + 20)
    expect(three.criterion).toBe('gain')
  })
})
