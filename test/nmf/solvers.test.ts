import { describe, expect, it } from 'vitest'
import { denseView } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'
import { SOLVER_NAMES, SOLVERS } from '../../ts/nmf/solvers.js'
import { type Factorization, type FactorizeOptions, factorize, type HistoryEntry } from '../../ts/node.js'
import { denseMatrix, sparseMatrix } from '../conformance/problems.js'

const X = denseMatrix(60, 25)
const sparse = sparseMatrix(70, 41, 25)

/** A start of one's own. */
const own = { W: denseMatrix(60, 4), H: denseMatrix(4, 25) }

const every = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

function lossOf({ W, H }: Pick<Factorization, 'W' | 'H'>): number {
  let loss = 0
  for (let at = 0; at < X.data.length; at++) {
    const [i, j] = [Math.floor(at / 25), at % 25]
    let model = 0
    for (let r = 0; r < 4; r++) model += W.data[4 * i + r] * H.data[25 * r + j]
    loss += (X.data[at] - model) ** 2 / 2
  }
  return loss
}

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
    [{ frozen: [0] }, /init.H/],
    [{ frozen: [4], init: { H: X } }, /frozen/],
    [{ frozen: 2 }, /frozen is 2/],
    [{ frozen: { row: [1] } }, /part of frozen "row"/],
    [{ frozen: { rows: 3 } }, /frozen.rows is 3/],
    [{ frozen: { rows: [1] }, init: { H: denseMatrix(4, 25) } }, /init.W/],
    [{ frozen: { columns: [1] }, init: { W: denseMatrix(60, 4) } }, /init.H/],
    [{ frozen: { rows: [3, 60] }, init: { W: denseMatrix(60, 4) } }, /frozen.rows\[1\] is 60, not .* from 0 to 59/],
    [{ frozen: { columns: [0.5] }, init: { H: denseMatrix(4, 25) } }, /frozen.columns\[0\] is 0.5/],
    [{ frozen: { rows: every(60), components: [0, 1, 2, 3] }, init: own }, /nothing to fit/],
    [{ frozen: { rows: every(60), columns: every(25) }, init: own }, /nothing to fit/],
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

describe('frozen rows and columns', () => {
  const frozen = { components: [1], rows: [59, 3, 4, 3], columns: Uint16Array.of(0, 24, 7) } as const
  const solvers = ['mu', 'hals', 'ahals', 'bpp', 'pg', 'online', 'smu', 'svrmu', 'sgd'] as const

  it.each(solvers)('stay as init has them under %s', async solver => {
    // bounds that some of what stays lies above
    const bounds = { maxW: 0.5, maxH: 0.75 }
    const batches = SOLVERS[solver].batchRows === undefined ? {} : { batchRows: 16 }
    const fit = await factorize(X, on({ solver, ...batches, ...bounds, init: own, frozen }))
    const row = ({ data }: { data: ArrayLike<number> }, i: number) => Array.from(data).slice(i * 4, (i + 1) * 4)
    for (const i of [3, 4, 59]) expect(row(fit.W, i)).toEqual(row(own.W, i))
    for (const i of [0, 5, 58]) expect(row(fit.W, i)).not.toEqual(row(own.W, i))
    for (let r = 0; r < 4; r++) {
      for (const j of [0, 24, 7]) expect(fit.H.data[r * 25 + j]).toBe(own.H.data[r * 25 + j])
      expect(fit.H.data[r * 25 + 1] === own.H.data[r * 25 + 1]).toBe(r === 1)
    }
    // the loss is that of all of X
    expect(fit.loss).toBeCloseTo(lossOf(fit), 8)
  })

  it('stay under KL with a mask, in a scale of their own, and where steps are bounded', async () => {
    const unit = 2 ** 80
    const scaled = { ...X, data: Float64Array.from(X.data, value => value * unit ** 2) }
    const far = {
      W: { ...own.W, data: Float64Array.from(own.W.data, value => value * unit) },
      H: { ...own.H, data: Float64Array.from(own.H.data, value => value * unit) },
    }
    for (const solver of ['mu', 'hals', 'pg'] as const) {
      const mask = { holdout: 0.2, seed: 3 }
      const fit = await factorize(scaled, on({ solver, loss: 1, mask, init: far, frozen, dtype: 'f64' }))
      for (const at of [12, 13, 14, 15]) expect(fit.W.data[at]).toBe(far.W.data[at])
      expect(fit.H.data[24]).toBe(far.H.data[24])
    }
    const steps = await factorize(X, on({ solver: 'sgd', noise: 1, init: own, frozen, maxIterations: 5 }))
    expect(Array.from(steps.W.data.subarray(12, 20))).toEqual(Array.from(own.W.data.subarray(12, 20)))
  })

  it('change nothing where there are none', async () => {
    const plain = await factorize(X, on({ init: own }))
    const none = await factorize(X, on({ init: own, frozen: { rows: [], columns: [], components: [] } }))
    expect([none.W, none.H, none.loss]).toEqual([plain.W, plain.H, plain.loss])
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
