import { afterAll, describe, expect, it } from 'vitest'
import { holdout, holdoutThreshold } from '../../../ts/kernels/holdout.js'
import { LOSSES } from '../../../ts/nmf/loss.js'
import { type ChooseRankOptions, chooseRank, closeDevices, factorize, type RankProgress } from '../../../ts/node.js'
import { bruteLoss } from '../brute.js'
import { plantedCounts, plantedDense } from './planted.js'

afterAll(closeDevices)

const shape = { rows: 30, columns: 22, rank: 3 }
const small = plantedDense({ ...shape, seed: 1 })
const counts = plantedCounts({ ...shape, seed: 1 })

const on = (options: Partial<ChooseRankOptions> = {}): ChooseRankOptions => ({
  ranks: [2, 3],
  backend: 'reference',
  dtype: 'f64',
  maxIterations: 8,
  tolerance: 0,
  ...options,
})

describe('the planted rank is found', () => {
  const ranks = [1, 2, 3, 4, 5, 6]
  // native where it is built
  const fast = { backend: 'native', fallback: true } as const

  describe.each([1, 3, 4])('with seed %i', seed => {
    const planted = { rows: 60, columns: 50, rank: 4, seed }

    it.each(['frobenius', 'kullback-leibler'] as const)('by cross-validation of dense X: %s', async loss => {
      const found = await chooseRank(plantedDense(planted), { ranks, seed, loss, ...fast })
      expect(found).toMatchObject({ rank: 4, method: 'cross-validation', solver: 'mu' })
    })

    it.each(['frobenius', 'kullback-leibler'] as const)('by cross-validation of sparse X: %s', async loss => {
      const X = plantedCounts({ ...planted, rows: 120, columns: 60 })
      expect((await chooseRank(X, { ranks, seed, loss, ...fast })).rank).toBe(4)
    })

    it('by consensus', async () => {
      const X = plantedDense({ ...planted, grouped: true })
      const options = { ranks: ranks.slice(1), method: 'consensus', solver: 'mu', seed, ...fast } as const
      const found = await chooseRank(X, options)
      expect(found).toMatchObject({ rank: 4, method: 'consensus', samples: 60 })
      expect(found.table[2].dispersion).toBeGreaterThan(0.999)
    })

    it('by consensus of sparse X', async () => {
      const X = plantedCounts({ ...planted, rows: 120, columns: 60, grouped: true })
      const options = { ranks: [3, 4, 5], method: 'consensus', loss: 'kullback-leibler', seed, ...fast } as const
      expect((await chooseRank(X, { ...options, solver: 'mu' })).rank).toBe(4)
    })
  })
})

describe('errors of held-out entries', () => {
  it.each([
    ['dense', 'frobenius', small],
    ['dense', 'kullback-leibler', small],
    ['sparse', 'frobenius', counts],
    ['sparse', 'kullback-leibler', counts],
  ] as const)('are those of the same fits by factorize, entry by entry: %s X, %s', async (_, loss, X) => {
    const { table, masks } = await chooseRank(X, on({ loss, seed: 5, replicates: 2, holdout: 0.2 }))
    for (const { rank, values, training } of table) {
      let seen = 0
      for (const [replicate, { holdout: fraction, seed = 0 }] of masks.entries()) {
        const V = new Float64Array(X.rows * X.columns)
        const dims = { rows: X.rows, columns: X.columns, row: 0, column: 0, threshold: holdoutThreshold(fraction) }
        holdout.reference({ ...dims, seed, complement: 1 }, { V })
        const entries = V.reduce((sum, value) => sum + value, 0)
        const fit = await factorize(X, {
          rank,
          loss,
          seed: 5 + replicate,
          mask: masks[replicate],
          ...{ backend: 'reference', dtype: 'f64', maxIterations: 8, tolerance: 0 },
        })
        expect(values[replicate] / (bruteLoss(X, fit, LOSSES[loss], V) / entries)).toBeCloseTo(1, 9)
        seen += fit.loss / (V.length - entries) / 2
      }
      expect(training! / seen).toBeCloseTo(1, 9)
    }
  })

  it('are over what the caller’s own mask and weights let count', async () => {
    const plain = await chooseRank(small, on({ replicates: 2 }))
    const twos = { ...small, data: new Float64Array(small.data.length).fill(2) }
    const doubled = await chooseRank(small, on({ replicates: 2, weights: twos }))
    for (const [place, { values, training }] of doubled.table.entries()) {
      expect(training! / plain.table[place].training!).toBeCloseTo(1, 9)
      for (const [at, value] of values.entries()) expect(value / plain.table[place].values[at]).toBeCloseTo(1, 9)
    }
    const listed = await chooseRank(counts, on({ ranks: [1, 2], mask: counts, loss: 1 }))
    const dense = { rows: shape.rows, columns: shape.columns, data: new Float64Array(shape.rows * shape.columns) }
    const mask = { ...dense, data: new Uint8Array(dense.data.length) }
    for (let i = 0; i < shape.rows; i++) {
      for (let p = counts.indptr[i]; p < counts.indptr[i + 1]; p++) {
        dense.data[i * shape.columns + counts.indices[p]] = counts.values[p]
        mask.data[i * shape.columns + counts.indices[p]] = 1
      }
    }
    const spread = await chooseRank(dense, on({ ranks: [1, 2], mask, loss: 1 }))
    for (const [place, row] of listed.table.entries()) expect(row.mean / spread.table[place].mean).toBeCloseTo(1, 9)
  })

  it('do not depend on the scale of X but by its power', async () => {
    const data = Float64Array.from(small.data)
    const big = { ...shape, data: data.map(value => value * 2 ** 60) }
    const [a, b] = [await chooseRank({ ...shape, data }, on()), await chooseRank(big, on())]
    for (const [place, row] of a.table.entries()) {
      expect(b.table[place].mean / row.mean / 2 ** 120).toBeCloseTo(1, 9)
      expect(b.table[place].training! / row.training! / 2 ** 120).toBeCloseTo(1, 9)
    }
  })
})

describe('the same evidence', () => {
  const evidence = async (options: Partial<ChooseRankOptions>) => {
    const { table, rank, masks } = await chooseRank(small, on({ dtype: 'f32', ranks: [2, 3, 4], ...options }))
    return { table, rank, masks }
  }

  it.each([
    ['reference', 'cross-validation'],
    ['wasm', 'cross-validation'],
    ['native', 'cross-validation'],
    ['wasm', 'consensus'],
    ['native', 'consensus'],
  ] as const)('on %s however many threads and fits at once: %s', async (backend, method) => {
    // coordinate descent without extrapolation, as one rule on all of them
    const base = { backend, fallback: true, method, replicates: 4, solver: 'mu' } as const
    const alone = await evidence({ ...base, threads: 1, concurrency: 1 })
    for (const [threads, concurrency] of [
      [2, undefined],
      [2, 1],
      [1, 3],
      [3, 12],
    ]) {
      expect(await evidence({ ...base, threads, concurrency })).toEqual(alone)
    }
    expect(await evidence({ ...base, seed: 1 })).not.toEqual(alone)
  })

  it('whatever the order of the ranks, each once', async () => {
    expect(await evidence({ ranks: [4, 2, 3, 2] })).toEqual(await evidence({}))
  })
})

describe('on the way', () => {
  it('every fit is told of once', async () => {
    const steps: RankProgress[] = []
    const found = await chooseRank(small, on({ replicates: 3, onProgress: step => steps.push(step) }))
    expect(steps.map(({ done }) => done)).toEqual([1, 2, 3, 4, 5, 6])
    for (const { rank, replicate, total, value } of steps) {
      expect(total).toBe(6)
      expect(found.table.find(row => row.rank === rank)!.values[replicate - 1]).toBe(value)
    }
    expect(new Set(steps.map(({ rank, replicate }) => `${rank} ${replicate}`)).size).toBe(6)
  })

  it('what onProgress throws ends the work', async () => {
    let calls = 0
    const failing = () => {
      calls++
      throw new Error('stop here')
    }
    await expect(chooseRank(small, on({ onProgress: failing }))).rejects.toThrow('stop here')
    expect(calls).toBe(1)
  })

  it.each(['cross-validation', 'consensus'] as const)('an abort ends it: %s', async method => {
    const cause = new Error('enough')
    const early = chooseRank(small, on({ method, signal: AbortSignal.abort(cause) }))
    await expect(early).rejects.toMatchObject({ code: 'ERR_NONNEG_ABORTED', cause })
    const controller = new AbortController()
    const endless = on({ method, ranks: [2, 3], maxIterations: 1e9, concurrency: 2, signal: controller.signal })
    const work = chooseRank(small, endless)
    setTimeout(() => controller.abort(cause), 50)
    await expect(work).rejects.toMatchObject({ code: 'ERR_NONNEG_ABORTED', cause })
  })
})

describe('refused before any work', () => {
  it.each<[string, Record<string, unknown>, RegExp]>([
    ['no ranks', { ranks: undefined }, /ranks is undefined/],
    ['an empty list', { ranks: [] }, /ranks is .*not a list of ranks/],
    ['rank 0', { ranks: [2, 0] }, /ranks\[1\] is 0/],
    ['half a rank', { ranks: [2.5] }, /ranks\[0\] is 2.5/],
    ['rank 1 by consensus', { ranks: [1, 2], method: 'consensus' }, /ranks\[0\] is 1, not a whole number from 2/],
    ['another method', { method: 'guess' }, /method is "guess"/],
    ['one replicate', { replicates: 1 }, /replicates is 1/],
    ['nothing held out', { holdout: 0 }, /holdout is 0/],
    ['all held out', { holdout: 1 }, /holdout is 1/],
    ['a rule of the other method', { rule: 'dispersion' }, /rule is "dispersion"/],
    ['a rule of cross-validation', { rule: 'minimum', method: 'consensus' }, /rule is "minimum"/],
    ['holdout by consensus', { holdout: 0.2, method: 'consensus' }, /holdout is for method: 'cross-validation'/],
    ['samples of cross-validation', { sampleRows: 100 }, /sampleRows is for method: 'consensus'/],
    ['too many samples', { sampleRows: 1e6, method: 'consensus' }, /sampleRows is 1000000/],
    ['a hash', { mask: { holdout: 0.1 } }, /mask is/],
    ['concurrency 0', { concurrency: 0 }, /concurrency is 0/],
    ['progress in words', { onProgress: 'yes' }, /onProgress is "yes"/],
    ['a misspelt option', { rank: 3 }, /there is no option "rank"/],
    ['a start of one’s own', { init: 'nndsvd' }, /there is no option "init"/],
    ['what a fit refuses', { alphaW: -1 }, /alphaW is -1/],
    ['a solver that takes no mask', { solver: 'sgd' }, /'sgd' takes no mask/],
  ])('%s', async (_, options, message) => {
    let told = 0
    const given = { ...on(), onProgress: () => told++, ...options } as unknown as ChooseRankOptions
    await expect(chooseRank(small, given)).rejects.toMatchObject({
      code: 'ERR_NONNEG_OPTION',
      message: expect.stringMatching(message),
    })
    expect(told).toBe(0)
  })

  it('X as by factorize, and where nothing is held out of it', async () => {
    const negative = { rows: 2, columns: 2, data: Float32Array.of(1, 2, -3, 4) }
    await expect(chooseRank(negative, on())).rejects.toMatchObject({ code: 'ERR_NONNEG_NEGATIVE' })
    const tiny = { rows: 1, columns: 2, data: Float32Array.of(1, 2) }
    await expect(chooseRank(tiny, on({ ranks: [1], holdout: 0.001 }))).rejects.toMatchObject({
      code: 'ERR_NONNEG_OPTION',
      message: expect.stringContaining('no entry of X that counts is held out in replicate 1'),
    })
  })
})

describe('samples', () => {
  it('of many rows some are compared, the same for the same seed', async () => {
    const X = plantedDense({ ...shape, rows: 100, seed: 2 })
    const options = on({ method: 'consensus', replicates: 3, sampleRows: 50 })
    const found = await chooseRank(X, options)
    expect(found.samples).toBe(50)
    expect(found.explain()).toContain('50 rows')
    expect((await chooseRank(X, options)).table).toEqual(found.table)
    expect((await chooseRank(X, { ...options, sampleRows: 99 })).table[1].dispersion).not.toBe(
      found.table[1].dispersion,
    )
  })
})
