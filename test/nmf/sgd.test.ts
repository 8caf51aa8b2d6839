import { describe, expect, it } from 'vitest'
import type { BatchOptions } from '../../ts/nmf/batch-options.js'
import {
  Checkpoint,
  type DenseInput,
  type DenseView,
  type Factorization,
  type FactorizeOptions,
  factorize,
  type HistoryEntry,
  NMF,
  plan,
} from '../../ts/node.js'
import { Cosine, GreedyLR, Linear } from '../../ts/schedulers/api.js'
import type { Observation, Scheduler } from '../../ts/schedulers/scheduler.js'
import { denseMatrix, sparseMatrix } from '../conformance/problems.js'
import { digits } from '../golden/digits.js'

const X = digits(60)

const on = (options: Partial<FactorizeOptions> = {}): FactorizeOptions => ({
  rank: 5,
  solver: 'sgd',
  backend: 'reference',
  dtype: 'f64',
  tolerance: 0,
  maxIterations: 6,
  batchRows: 16,
  ...options,
})

const squares = (values: ArrayLike<number>): number => Array.from(values).reduce((sum, x) => sum + x * x, 0)
/** ½ Σ v·(x − wh)² by hand. */
function lossOf({ W, H }: Factorization, data: ArrayLike<number>, weight: (i: number, j: number) => number = () => 1) {
  let sum = 0
  for (let i = 0; i < W.rows; i++) {
    for (let j = 0; j < H.columns; j++) {
      let left = data[i * H.columns + j]
      for (let r = 0; r < H.rows; r++) left -= W.data[i * H.rows + r] * H.data[r * H.columns + j]
      sum += weight(i, j) * left * left
    }
  }
  return sum / 2
}

describe('projected stochastic gradient steps', () => {
  it('come near what coordinate descent finds, in as many passes', async () => {
    const best = await factorize(X, { ...on({ solver: 'ahals', maxIterations: 100 }), batchRows: undefined })
    const fit = await factorize(X, on({ maxIterations: 60 }))
    expect(fit.loss).toBeLessThan(1.15 * best.loss)
    const annealed = await factorize(X, on({ maxIterations: 60, scheduler: { H: 'cosine' } }))
    expect(annealed.loss).toBeLessThan(1.15 * best.loss)
  })

  it('start no worse than from nothing, whatever the size of the start', async () => {
    const half = squares(X.data) / 2
    for (const size of [1e-4, 1, 1e3]) {
      const scaled = (F: DenseInput): DenseInput => ({ ...F, data: Float64Array.from(F.data, x => size * x) })
      const init = { W: scaled(denseMatrix(60, 5, { f64: true })), H: scaled(denseMatrix(5, 64, { f64: true })) }
      // at rates of 0 nothing moves: what is left is the start
      const fit = await factorize(X, on({ init, learningRate: 0, maxIterations: 1 }))
      expect(fit.loss).toBeLessThan(half)
      const norms = (F: DenseView, r: number, along: 'rows' | 'columns') =>
        squares(
          Array.from(F.data).filter((_, at) => (along === 'rows' ? Math.floor(at / F.columns) : at % F.columns) === r),
        )
      for (let r = 0; r < 5; r++) expect(norms(fit.W, r, 'columns') / norms(fit.H, r, 'rows')).toBeCloseTo(1, 8)
    }
  })

  it('leave a start as it is where bounds or frozen components tie it', async () => {
    const init = { W: denseMatrix(60, 5), H: denseMatrix(5, 64) }
    for (const tie of [{ maxW: 9 }, { maxH: 9 }, { frozen: [1] }, { safe: false }]) {
      const fit = await factorize(X, on({ init, learningRate: 0, maxIterations: 1, ...tie }))
      expect(fit.W.data).toEqual(Float64Array.from(init.W.data))
      expect(fit.H.data).toEqual(Float64Array.from(init.H.data))
    }
  })

  it('are cut in how far they move an entry', async () => {
    const init = { W: denseMatrix(60, 5), H: denseMatrix(5, 64) }
    const fit = await factorize(X, on({ init, maxW: 9, updateLimit: 1e-3, maxIterations: 1, rounds: 3 }))
    for (const [i, w] of fit.W.data.entries()) expect(Math.abs(w - init.W.data[i])).toBeLessThan(3e-3 + 1e-12)
    for (const [i, h] of fit.H.data.entries()) expect(Math.abs(h - init.H.data[i])).toBeLessThan(4e-3 + 1e-12)
  })

  it('are disturbed by noise, the same for the same seed', async () => {
    const plain = await factorize(X, on())
    const [a, b] = [await factorize(X, on({ noise: 20 })), await factorize(X, on({ noise: 20 }))]
    expect(a.H.data).toEqual(b.H.data)
    expect(a.loss).not.toBe(plain.loss)
    expect(a.H.data.every(h => h >= 0)).toBe(true)
  })
})

describe('rows in another order', () => {
  it.each(['sgd', 'smu', 'svrmu'] as const)('do not show under %s: the factors are those of X', async solver => {
    for (const shuffle of [true, false]) {
      const fit = await factorize(X, on({ solver, shuffle }))
      expect(lossOf(fit, X.data as Float64Array)).toBeCloseTo(fit.loss, 6)
    }
    const sparse = sparseMatrix(60, 41, 25)
    const dense = new Float64Array(60 * 41)
    for (let i = 0; i < 60; i++) {
      for (let p = sparse.indptr[i]; p < sparse.indptr[i + 1]; p++) dense[i * 41 + sparse.indices[p]] = sparse.values[p]
    }
    const fit = await factorize(sparse, on({ solver }))
    expect(lossOf(fit, dense)).toBeCloseTo(fit.loss, 6)
  })

  it('depend on the seed, and on nothing else', async () => {
    const init = { W: denseMatrix(60, 5), H: denseMatrix(5, 64) }
    const [a, b, c] = await Promise.all([0, 0, 1].map(seed => factorize(X, on({ init, seed }))))
    expect(a.W.data).toEqual(b.W.data)
    expect(a.W.data).not.toEqual(c.W.data)
  })

  it('take masks and weights with them', async () => {
    const weight = (i: number, j: number) => ((7 * i + 3 * j) % 5 === 0 ? 0 : 1 + ((i + j) % 3))
    const data = Float32Array.from({ length: 60 * 64 }, (_, at) => weight(Math.floor(at / 64), at % 64))
    const options = on({ solver: 'smu', weights: { data, rows: 60, columns: 64 } })
    const fit = await factorize(X, options)
    expect(lossOf(fit, X.data as Float64Array, weight)).toBeCloseTo(fit.loss, 4)
    const sparse = sparseMatrix(60, 41, 25)
    const listed = await factorize(sparse, on({ solver: 'smu', mask: sparse }))
    const dense = new Float64Array(60 * 41)
    const seen = new Set<number>()
    for (let i = 0; i < 60; i++) {
      for (let p = sparse.indptr[i]; p < sparse.indptr[i + 1]; p++) {
        dense[i * 41 + sparse.indices[p]] = sparse.values[p]
        seen.add(i * 41 + sparse.indices[p])
      }
    }
    expect(lossOf(listed, dense, (i, j) => (seen.has(i * 41 + j) ? 1 : 0))).toBeCloseTo(listed.loss, 6)
    const hashed = await factorize(X, on({ solver: 'smu', mask: { holdout: 0.2, seed: 4 } }))
    expect(hashed.loss).toBeLessThan(hashed.history[0].loss)
  })
})

describe('schedulers', () => {
  it('are told of in history and progress', async () => {
    const seen: HistoryEntry[] = []
    const scheduler = { H: new Linear({ learningRate: 0.8, totalSteps: 24 }) }
    const fit = await factorize(X, on({ scheduler, learningRate: { W: 0.25 }, onProgress: entry => seen.push(entry) }))
    expect(seen).toEqual(fit.history)
    const wanted = new Linear({ learningRate: 0.8, totalSteps: 24 })
    for (const [pass, entry] of seen.entries()) {
      // four batches a pass; the last one's rate
      expect(entry.learningRate).toBe(wanted.next({ step: 4 * pass + 3 }))
      expect(entry.learningRates).toEqual({ W: 0.25, H: entry.learningRate })
    }
  })

  it('by name go from learningRate over all passes', async () => {
    const fit = await factorize(X, on({ scheduler: 'linear', learningRate: { W: 0.4, H: 0.8 } }))
    const [w, h] = [0.4, 0.8].map(learningRate => new Linear({ learningRate, totalSteps: 24 }))
    expect(fit.history.at(-1)!.learningRates).toEqual({ W: w.next({ step: 23 }), H: h.next({ step: 23 }) })
  })

  it('with two groups are for W and H', async () => {
    const scheduler = new GreedyLR({ learningRates: [0.125, 0.25], patience: 1000 })
    const { history } = await factorize(X, on({ scheduler }))
    for (const entry of history) expect(entry.learningRates).toEqual({ W: 0.125, H: 0.25 })
  })

  it('of the caller stay as they are', async () => {
    const scheduler = new GreedyLR({ learningRate: 0.3, patience: 0 })
    const before = scheduler.state()
    const [a, b] = [await factorize(X, on({ scheduler })), await factorize(X, on({ scheduler }))]
    expect(scheduler.state()).toEqual(before)
    expect(a.W.data).toEqual(b.W.data)
    expect(a.history[0].learningRate).not.toBe(a.history.at(-1)!.learningRate)
  })

  /** Answers a constant and notes what it is told. */
  function witness(rate: number): { scheduler: Scheduler; seen: Observation[] } {
    const seen: Observation[] = []
    const scheduler: Scheduler = {
      next(observation = {}) {
        seen.push(observation as Observation)
        return rate
      },
      learningRate: rate,
      learningRates: [rate],
      observes: true,
      state: () => ({}),
      restore() {},
      clone: () => scheduler,
    }
    return { scheduler, seen }
  }

  it('are told what the batch before has brought, in the units of their rate', async () => {
    const { scheduler, seen } = witness(0.5)
    const fit = await factorize(X, on({ scheduler: { H: scheduler }, maxIterations: 2 }))
    expect(seen.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    expect(Object.keys(seen[0])).toEqual(['step'])
    expect(seen[1].alignment).toBeUndefined()
    for (const told of seen.slice(2)) {
      expect(told.loss).toBeGreaterThan(0)
      const { alignment, squaredDirection } = told as { alignment: number; squaredDirection: number }
      // Cauchy and Schwarz
      expect(alignment ** 2).toBeLessThanOrEqual(told.squaredGradient! * squaredDirection * (1 + 1e-9))
      expect(squaredDirection).toBeGreaterThan(0)
      // a step of u lowers the loss by about u·‖g‖², which is of the size of the loss at most
      expect(told.squaredGradient).toBeLessThan(20 * told.loss!)
    }
    expect(seen[7].loss).toBeLessThan(seen[1].loss!)
    // free of units: shares of what no factors would have
    expect((seen[7].loss! * squares(X.data)) / 2 / fit.loss).toBeLessThan(3)
    expect(seen[1].loss).toBeLessThan(1)
  })

  it('are told of raw gradients where the rates are lengths of steps', async () => {
    const { scheduler, seen } = witness(1e-7)
    await factorize(X, on({ safe: false, scheduler, batchRows: 60, rounds: 1, shuffle: false, maxIterations: 3 }))
    // of the full batch the gradient is that of the loss: the next loss is lower by about η·‖g‖² of each factor
    expect(seen).toHaveLength(3)
    const [, first, second] = seen
    expect(first.loss! - second.loss!).toBeGreaterThan(0.9e-7 * first.squaredGradient!)
    expect(second.squaredDirection).toBe(first.squaredGradient)
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -1])('may not answer %d', async rate => {
    const { scheduler } = witness(rate)
    await expect(factorize(X, on({ scheduler }))).rejects.toMatchObject({
      code: 'ERR_NONNEG_OPTION',
      message: expect.stringContaining(`at step 0 is ${rate}`),
    })
  })
})

describe('going on from a checkpoint', () => {
  const ways: readonly Partial<FactorizeOptions>[] = [
    { scheduler: 'cosine' },
    { scheduler: { W: 'step', H: new GreedyLR({ learningRate: 0.3, patience: 1, smooth: true }) } },
    { scheduler: 'hypergradient', noise: 3 },
    { scheduler: 'polyak' },
    { safe: false, learningRate: 1e-6 },
    { solver: 'svrmu', ratio: 0.5 },
    { solver: 'smu', rounds: 2 },
    { solver: 'smu', loss: 1 },
  ]
  it.each(ways)('is going on, bit for bit: %o', async way => {
    const options = on({ ...way, maxIterations: 9 })
    const whole = await factorize(X, options)
    let kept: Checkpoint | undefined
    const onCheckpoint = (checkpoint: Checkpoint) => {
      kept ??= checkpoint
    }
    await factorize(X, { ...options, onCheckpoint, checkpointEvery: 4 })
    const resume = await Checkpoint.fromBytes(await kept!.toBytes())
    expect(resume.iteration).toBe(4)
    const rest = await factorize(X, { ...options, resume })
    expect(rest.W.data).toEqual(whole.W.data)
    expect(rest.H.data).toEqual(whole.H.data)
    const told = ({ loss, learningRates }: HistoryEntry) => ({ loss, learningRates })
    expect(rest.history.map(told)).toEqual(whole.history.map(told))
  })

  it('wants the same seed, rates and order', async () => {
    const resume = (await factorize(X, on())).checkpoint()
    for (const other of [{ seed: 1 }, { learningRate: 0.25 }, { shuffle: false }, { scheduler: 'cosine' as const }]) {
      await expect(factorize(X, on({ ...other, resume, maxIterations: 9 }))).rejects.toMatchObject({
        code: 'ERR_NONNEG_OPTION',
      })
    }
  })
})

describe('units of X', () => {
  it.each([2 ** 40, 2 ** -40])('do not matter: times %d', async unit => {
    const scaled = { ...X, data: Float64Array.from(X.data, x => x * unit) }
    const root = Math.sqrt(unit)
    const same = async (plain: Partial<FactorizeOptions>, other: Partial<FactorizeOptions>) => {
      const [a, b] = [await factorize(X, on(plain)), await factorize(scaled, on(other))]
      expect(b.loss / unit ** 2).toBeCloseTo(a.loss, 8)
      for (const [i, h] of b.H.data.entries()) expect(h / root).toBeCloseTo(a.H.data[i], 9)
    }
    await same({ noise: 5, updateLimit: 0.5 }, { noise: 5 * root ** 3, updateLimit: 0.5 * root })
    await same({ safe: false, learningRate: 1e-6 }, { safe: false, learningRate: 1e-6 / unit })
    const own = { minLr: 1e-9, patience: 0, threshold: 0 }
    await same(
      { safe: false, scheduler: new GreedyLR({ learningRate: 1e-6, maxLr: 1e-5, ...own, eps: 0 }) },
      {
        safe: false,
        scheduler: new GreedyLR({ learningRate: 1e-6 / unit, maxLr: 1e-5 / unit, ...own, minLr: 1e-9 / unit, eps: 0 }),
      },
    )
    await same({ scheduler: 'polyak' }, { scheduler: 'polyak' })
  })
})

describe('what goes with what', () => {
  const refused: readonly (readonly [object, RegExp])[] = [
    [{ solver: 'mu', batchRows: 4 }, /batchRows is for solver: 'online'/],
    [{ solver: 'smu', learningRate: 1, batchRows: undefined }, /learningRate is for solver: 'sgd'/],
    [{ forgetFactor: 0.5 }, /forgetFactor/],
    [{ ratio: 0.5 }, /ratio is for solver: 'svrmu'/],
    [{ solver: 'svrmu', ratio: 0 }, /ratio/],
    [{ learningRate: Number.NaN }, /learningRate/],
    [{ learningRate: Number.POSITIVE_INFINITY }, /learningRate/],
    [{ learningRate: { H: -1 } }, /learningRate\.H/],
    [{ learningRate: { V: 1 } }, /part of learningRate "V"/],
    [{ learningRate: '1' }, /learningRate/],
    [{ scheduler: 'magic' }, /one of/],
    [{ scheduler: { next: 1 } }, /scheduler/],
    [{ scheduler: null }, /scheduler/],
    [{ learningRate: null }, /learningRate/],
    [{ learningRate: { W: null } }, /learningRate\.W/],
    [{ updateLimit: '1' }, /updateLimit/],
    [{ scheduler: { H: 3 } }, /scheduler/],
    [{ scheduler: new Cosine({ totalSteps: 9 }), learningRate: 1 }, /rate of its own/],
    [{ safe: false }, /safe: false takes learningRate/],
    [{ safe: 1 }, /safe/],
    [{ noise: -1 }, /noise/],
    [{ updateLimit: 0 }, /updateLimit/],
    [{ rounds: 0 }, /rounds/],
    [{ shuffle: 'yes' }, /shuffle/],
    [{ loss: 1 }, /not for β = 1/],
    [{ solver: 'svrmu', loss: 0.5 }, /not for β = 0.5/],
    [{ mask: { holdout: 0.1 } }, /takes no mask/],
    [{ solver: 'svrmu', weights: X }, /takes no weights/],
    [{ violationTolerance: 0.1 }, /violationTolerance/],
  ]
  it.each(refused.map(([options, message]) => [String(message), options, message] as const))(
    '%s',
    async (_, options, message) => {
      await expect(factorize(X, on(options as BatchOptions))).rejects.toMatchObject({
        code: 'ERR_NONNEG_OPTION',
        message: expect.stringMatching(message),
      })
    },
  )

  it('models take the options, and transform without them', async () => {
    const model = await new NMF(on({ learningRate: 0.5, scheduler: 'cosine' })).fit(X)
    expect((await model.transform(X, { maxIterations: 5 })).rows).toBe(60)
    expect((await model.partialFit(X)).components.rows).toBe(5)
    expect((await NMF.fromBytes(await model.toBytes())).options.solver).toBe('sgd')
  })

  it('plans count the copy of X with its rows in another order', async () => {
    const [mixed, kept] = [await plan(X, on()), await plan(X, on({ shuffle: false }))]
    expect(mixed.bytes.host - kept.bytes.host).toBe(8 * (60 * 64 + 60 * 5 + 5 * 64))
  })

  it.each(['constant', 'greedy'] as const)(
    'an abort ends a fit whose rate is %s, in the middle of a pass',
    async scheduler => {
      const control = new AbortController()
      const onProgress = ({ iteration }: HistoryEntry) => {
        if (iteration === 3) setTimeout(() => control.abort(), 1)
      }
      const running = { maxIterations: 1_000_000, scheduler, onProgress, signal: control.signal }
      const fit = await factorize(X, on({ ...running, onAbort: 'return' }))
      expect(fit.reason).toBe('aborted')
      expect(fit.iterations).toBeGreaterThanOrEqual(3)
      expect(lossOf(fit, X.data as Float64Array)).toBeCloseTo(fit.loss, 6)
      await expect(factorize(X, on({ ...running, onAbort: 'throw' }))).rejects.toMatchObject({
        code: 'ERR_NONNEG_ABORTED',
      })
    },
  )

  it('the best of several starts goes on', async () => {
    const fit = await factorize(X, on({ starts: 3, startIterations: 2 }))
    expect(fit.iterations).toBe(6)
    expect(lossOf(fit, X.data as Float64Array)).toBeCloseTo(fit.loss, 6)
  })
})
