import { describe, expect, it } from 'vitest'
import { type DenseView, type FactorizeOptions, factorize, type HistoryEntry, NMF, NonnegError } from '../../ts/node.js'
import { denseMatrix, sparseMatrix } from '../conformance/problems.js'

const X = denseMatrix(60, 40)
const on = (options: Partial<FactorizeOptions> = {}): FactorizeOptions => ({
  rank: 3,
  backend: 'reference',
  ...options,
})

describe('factorize', () => {
  it('finds a low-rank matrix', async () => {
    const fit = await factorize(X, on({ maxIterations: 500, tolerance: 1e-6 }))
    expect(fit.W).toMatchObject({ rows: 60, columns: 3, stride: 3, offset: 0 })
    expect(fit.H).toMatchObject({ rows: 3, columns: 40, stride: 40, offset: 0 })
    expect(fit.relativeError).toBeLessThan(0.5)
    expect(fit.loss).toBe(fit.history.at(-1)!.loss)
    expect(fit.backend).toBe('reference')
    expect(fit.emulated).toBe(false)
    expect(fit.explain()).toContain('reference: chosen')
  })

  it('runs exactly maxIterations with tolerance 0, and history has them all', async () => {
    const seen: HistoryEntry[] = []
    const fit = await factorize(X, on({ maxIterations: 23, tolerance: 0, onProgress: entry => seen.push(entry) }))
    expect([fit.iterations, fit.reason]).toEqual([23, 'max-iterations'])
    expect(fit.history.map(entry => entry.iteration)).toEqual(Array.from({ length: 23 }, (_, i) => i + 1))
    expect(seen).toEqual(fit.history)
    for (let i = 1; i < 23; i++) expect(fit.history[i].seconds).toBeGreaterThanOrEqual(fit.history[i - 1].seconds)
  })

  it('converges at a look every ten iterations', async () => {
    const fit = await factorize(X, on({ maxIterations: 5000 }))
    expect(fit.reason).toBe('converged')
    expect(fit.iterations % 10).toBe(0)
  })

  it('gives the same factors for the same seed, and others for another', async () => {
    const [a, b, c] = await Promise.all([1, 1, 2].map(seed => factorize(X, on({ seed, maxIterations: 5 }))))
    expect(a.W).toEqual(b.W)
    expect(a.H).toEqual(b.H)
    expect(a.W).not.toEqual(c.W)
  })

  it('starts from factors given, without writing to them', async () => {
    const exact = { tolerance: 0, dtype: 'f64', solver: 'hals' } as const
    const first = await factorize(X, on({ ...exact, maxIterations: 10 }))
    const W = first.W.data.slice()
    const second = await factorize(X, on({ ...exact, maxIterations: 10, init: first }))
    const whole = await factorize(X, on({ ...exact, maxIterations: 20 }))
    expect(first.W.data).toEqual(W)
    expect(second.loss).toBeCloseTo(whole.loss, 10)
  })

  it.each([
    ['f32', 1e70],
    ['f32', 1e-70],
    ['f64', 1e200],
  ] as const)('refuses what its factors cannot hold: %s, %s', async (dtype, scale) => {
    const data = Float64Array.from(X.data, value => value * scale)
    const wrong = factorize({ data, rows: 60, columns: 40 }, on({ dtype }))
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_NONNEG_DTYPE', fix: expect.any(String) })
  })

  it('keeps entries in float64 that float32 must flush', async () => {
    const tiny = Array.from({ length: 6 }, (_, i) => [1, 2, 3, 4].map(v => (i === 0 ? 1e-20 * v : v + i)))
    const wide = await factorize(tiny, on({ rank: 1, dtype: 'f64', maxIterations: 30 }))
    expect(wide.W.data[0]).toBeGreaterThan(0)
  })

  it.each([1e15, 1e-15])('refuses a start that float32 would lose: factors of size %s', async size => {
    const factor = (rows: number, columns: number) => ({
      data: new Float64Array(rows * columns).fill(size),
      rows,
      columns,
    })
    const init = { W: factor(60, 3), H: factor(3, 40) }
    await expect(factorize(X, on({ init }))).rejects.toMatchObject({
      code: 'ERR_NONNEG_DTYPE',
      fix: expect.stringMatching(/f64/),
    })
    const wide = await factorize(X, on({ init, dtype: 'f64', solver: 'mu', maxIterations: 50 }))
    expect(wide.relativeError).toBeLessThan(1)
    // one factor may make up for the other, and for the size of X
    const lopsided = { W: factor(60, 3), H: { ...factor(3, 40), data: new Float64Array(120).fill(1 / size) } }
    const fit = await factorize(X, on({ init: lopsided, solver: 'mu', maxIterations: 50 }))
    expect(fit.relativeError).toBeCloseTo(wide.relativeError, 5)
    const large = { ...X, data: Float64Array.from(X.data, value => value * size ** 2) }
    expect((await factorize(large, on({ init, maxIterations: 5 }))).relativeError).toBeLessThan(1)
  })

  it('takes sparse X', async () => {
    const sparse = sparseMatrix(50, 70, 10)
    const dense = { data: new Float64Array(50 * 70), rows: 50, columns: 70 }
    for (let i = 0; i < 50; i++) {
      for (let p = sparse.indptr[i]; p < sparse.indptr[i + 1]; p++)
        dense.data[i * 70 + sparse.indices[p]] = sparse.values[p]
    }
    const options = on({ rank: 4, maxIterations: 20, tolerance: 0, dtype: 'f64' })
    const [a, b] = [await factorize(sparse, options), await factorize(dense, options)]
    expect(a.loss).toBeCloseTo(b.loss, 8)
  })

  it('factorises zeros into zeros', async () => {
    const fit = await factorize({ data: new Float32Array(12), rows: 3, columns: 4 }, on())
    expect(fit).toMatchObject({ loss: 0, relativeError: 0, reason: 'converged' })
    expect([...fit.W.data, ...fit.H.data].every(value => value === 0)).toBe(true)
  })

  it('keeps to a time budget, but does one iteration', async () => {
    const fit = await factorize(X, on({ timeBudgetMs: 0, tolerance: 0 }))
    expect([fit.iterations, fit.reason]).toEqual([1, 'time-budget'])
  })

  it('throws on abort, with the reason as cause', async () => {
    const controller = new AbortController()
    const reason = new Error('enough')
    const onProgress = () => controller.abort(reason)
    const fit = factorize(X, on({ signal: controller.signal, onProgress, maxIterations: 1e6, tolerance: 0 }))
    await expect(fit).rejects.toMatchObject({ code: 'ERR_NONNEG_ABORTED', cause: reason })
    await expect(factorize(X, on({ signal: controller.signal }))).rejects.toMatchObject({ code: 'ERR_NONNEG_ABORTED' })
  })

  it('returns on abort where asked to', async () => {
    const controller = new AbortController()
    const onProgress = (entry: HistoryEntry) => entry.iteration === 3 && controller.abort()
    const fit = await factorize(
      X,
      on({ signal: controller.signal, onProgress, onAbort: 'return', maxIterations: 1e6, tolerance: 0 }),
    )
    expect(fit.reason).toBe('aborted')
    expect(fit.iterations).toBeGreaterThanOrEqual(3)
    expect(fit.loss).toBeLessThanOrEqual(fit.history.at(-1)!.loss * (1 + 1e-9))
  })

  it('ends with what onProgress throws', async () => {
    const onProgress = () => {
      throw new RangeError('mine')
    }
    await expect(factorize(X, on({ onProgress }))).rejects.toThrow(RangeError)
  })

  it('leaves the event loop alive', async () => {
    const big = denseMatrix(700, 300)
    let turns = 0
    const timer = setInterval(() => turns++, 1)
    await factorize(big, on({ rank: 12, maxIterations: 4, tolerance: 0 }))
    clearInterval(timer)
    // 160 million multiply-adds in plain JavaScript, in slices of two million or about 5 ms: not in a few long stretches
    expect(turns).toBeGreaterThan(10)
  })
})

describe('refusals before any work', () => {
  it.each<[string, unknown, string, RegExp]>([
    ['no options', undefined, 'ERR_NONNEG_RANK', /rank/],
    ['rank 0', { rank: 0 }, 'ERR_NONNEG_RANK', /rank is 0/],
    ['rank 2.5', { rank: 2.5 }, 'ERR_NONNEG_RANK', /rank is 2.5/],
    ['rank as text', { rank: '3' }, 'ERR_NONNEG_RANK', /"3"/],
    ['a misspelt option', { rank: 1, maxIter: 3 }, 'ERR_NONNEG_OPTION', /maxIter/],
    ['maxIterations 0', { rank: 1, maxIterations: 0 }, 'ERR_NONNEG_OPTION', /maxIterations/],
    ['tolerance −1', { rank: 1, tolerance: -1 }, 'ERR_NONNEG_OPTION', /tolerance/],
    ['tolerance NaN', { rank: 1, tolerance: Number.NaN }, 'ERR_NONNEG_OPTION', /tolerance/],
    ['seed −1', { rank: 1, seed: -1 }, 'ERR_NONNEG_OPTION', /seed/],
    ['threads 0', { rank: 1, threads: 0 }, 'ERR_NONNEG_OPTION', /threads/],
    ['a backend nobody knows', { rank: 1, backend: 'gpu' }, 'ERR_NONNEG_OPTION', /backend/],
    ['a bare object for a rank', { rank: Object.create(null) }, 'ERR_NONNEG_RANK', /rank is \[object/],
    ['an init without W and H', { rank: 1, init: {} }, 'ERR_NONNEG_OPTION', /init/],
    ['onProgress that is no function', { rank: 1, onProgress: 1 }, 'ERR_NONNEG_OPTION', /onProgress/],
    ['a signal that is none', { rank: 1, signal: {} }, 'ERR_NONNEG_OPTION', /signal/],
    ['an init of another shape', { rank: 1, init: { W: [[1]], H: [[1]] } }, 'ERR_NONNEG_SHAPE', /init.W is 1 × 1/],
  ])('%s', async (_name, options, code, message) => {
    await expect(factorize(X, options as FactorizeOptions)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
  })

  it.each([
    ['no rows', { data: [], rows: 0, columns: 3 }],
    ['no columns', { data: [], rows: 3, columns: 0 }],
    ['an empty list', []],
  ])('%s', async (_name, empty) => {
    await expect(factorize(empty, on())).rejects.toMatchObject({ code: 'ERR_NONNEG_SHAPE' })
  })

  it('negative entries of X and of init', async () => {
    await expect(factorize([[1, -1]], on({ rank: 1 }))).rejects.toMatchObject({ code: 'ERR_NONNEG_NEGATIVE' })
    const init = { W: [[1]], H: [[1, -1]] }
    await expect(factorize([[1, 1]], on({ rank: 1, init }))).rejects.toMatchObject({
      code: 'ERR_NONNEG_NEGATIVE',
      message: expect.stringContaining('init.H[0, 1]'),
    })
  })
})

/** ½‖X − WH‖² entry by entry. */
async function lossOf(model: NMF, W: DenseView): Promise<number> {
  const back = await model.inverseTransform(W)
  let loss = 0
  for (let i = 0; i < X.data.length; i++) loss += 0.5 * (X.data[i] - back.data[i]) ** 2
  return loss
}

describe('NMF', () => {
  it('fits, and gives components and reconstruction', async () => {
    const model = new NMF(on({ maxIterations: 50 }))
    const W = await model.fitTransform(X)
    expect(W).toMatchObject({ rows: 60, columns: 3 })
    expect(model.components).toMatchObject({ rows: 3, columns: 40 })
    expect(await lossOf(model, W)).toBeCloseTo(model.result.loss, 3)
  })

  it('transforms rows without touching the components', async () => {
    const model = new NMF(on({ maxIterations: 400, tolerance: 0, dtype: 'f64' }))
    await model.fit(X)
    const H = model.components.data.slice()
    const again = await model.transform(X)
    expect(model.components.data).toEqual(H)
    // for a fixed H the problem is convex: the constant start ends where the fit ended, or lower
    expect(await lossOf(model, again)).toBeLessThanOrEqual(model.result.loss * 1.001)
    await expect(model.transform(denseMatrix(5, 7))).rejects.toMatchObject({ code: 'ERR_NONNEG_SHAPE' })
  })

  it('says so when it is not fitted', () => {
    expect(() => new NMF({ rank: 2 }).components).toThrow(NonnegError)
  })
})
