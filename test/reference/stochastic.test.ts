import { describe, expect, it } from 'vitest'
import type { Batch, FitSpec } from '../../ts/backends/backend.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import { gramBound } from '../../ts/core/gram-bound.js'
import { denseView } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'
import { mix } from '../../ts/kernels/holdout.js'
import { noiseOf } from '../../ts/kernels/sgd_update.js'
import { svrmu_update } from '../../ts/kernels/svrmu_update.js'

// V = [[2,1,4],[1,3,2]] ≈ M·[[1,0,2],[0,1,1]] worked by hand, with samples in columns; here they are in rows, so X = Vᵀ, W is
// the known factor, and H = Mᵀ moves.
const X = denseView(Float64Array.of(2, 1, 1, 3, 4, 2), 3, 2)
const W = denseView(Float64Array.of(1, 0, 0, 1, 2, 1), 3, 2)
const H = denseView(Float64Array.of(1, 0.5, 0.5, 1), 2, 2)

async function fitOf(sgd: FitSpec['sgd']) {
  const device = await referenceBackend.open()
  const spec: FitSpec = { rank: 2, beta: 2, rule: 'sgd', dtype: 'f64', batches: true, sgd }
  return await device.createFit({ X, squaredNorm: 35, W, H }, spec)
}

const row = (first: number, rateH: number): Batch => ({ first, count: 1, rateH })

describe('stochastic gradient steps', () => {
  it('follow the losses worked by hand, one row a step', async () => {
    const fit = await fitOf({ safety: 0 })
    expect(await fit.evaluate()).toBeCloseTo(3.875, 12)
    const losses = []
    for (const first of [0, 1, 2, 0, 1, 2]) {
      await fit.runBatches([row(first, 0.1)])
      losses.push(await fit.evaluate())
    }
    const wanted = [2.88125, 2.03375, 2.001125, 1.75298, 1.22580125, 1.624667188]
    for (const [i, loss] of losses.entries()) expect(loss).toBeCloseTo(wanted[i], 9)
    const { H: moved, W: kept } = await fit.factors()
    for (const [i, value] of [1.4875, 0.026, 0.74375, 1.6555].entries()) expect(moved[i]).toBeCloseTo(value, 12)
    expect(kept).toEqual(W.data)
  })

  it('follow the losses worked by hand, all rows a step', async () => {
    const fit = await fitOf({ safety: 0 })
    const all = { first: 0, count: 3, rateH: 0.3 }
    const losses = []
    for (let step = 0; step < 4; step++) {
      await fit.runBatches([all])
      losses.push(await fit.evaluate())
    }
    const wanted = [2.59625, 1.8715625, 1.453681625, 1.208738236]
    for (const [i, loss] of losses.entries()) expect(loss).toBeCloseTo(wanted[i], 8)
  })

  it.each([
    [1, 15],
    [2, 8.25],
    [3, 6],
  ])('take steps of 2u/𝓛, or of the bound of the batch where that is less: %i rows', async (count, curvature) => {
    const [safety, u] = [0.95, 0.5]
    const fit = await fitOf({ safety })
    const { steps } = await fit.runBatches([{ first: 0, count, rateH: u }])
    const rows = Array.from({ length: count }, (_, i) => [W.data[2 * i], W.data[2 * i + 1]])
    const [a, b, d] = [0, 1, 2].map(at => rows.reduce((sum, [p, q]) => sum + [p * p, p * q, q * q][at], 0))
    const ofBatch = (3 / count) * ((a + d) / 2 + Math.hypot((a - d) / 2, b))
    // the bound of the eigenvalue is met to the convergence of its iterations
    expect(steps!.rateH[0]).toBeCloseTo(Math.min((2 * u) / curvature, (2 * safety) / ofBatch), 9)
  })

  it('cut rates to the safety, whatever they are', async () => {
    const fit = await fitOf({ safety: 0.95 })
    const { steps } = await fit.runBatches([{ first: 0, count: 3, rateH: 1e6 }])
    expect(steps!.rateH[0]).toBeCloseTo(0.95 / 3, 9)
  })

  it('tell how the gradient stands to that of the step before, also on another fit that goes on', async () => {
    const fit = await fitOf({ safety: 0 })
    const first = (await fit.runBatches([row(2, 0.05)])).steps!
    expect(first.alignment[0]).toBe(0)
    const other = await fitOf({ safety: 0 })
    await other.setFactors(await fit.factors())
    const [a, b] = [await fit.runBatches([row(2, 0.05)]), await other.runBatches([row(2, 0.05)])]
    expect(a.steps).toEqual(b.steps)
    expect(a.steps!.alignment[0]).toBeGreaterThan(0)
    expect(a.steps!.alignment[0] ** 2).toBeLessThanOrEqual(
      a.steps!.squaredGradient[0] * first.squaredGradient[0] * (1 + 1e-12),
    )
  })

  it('move no entry further than the limit, and never below zero', async () => {
    const fit = await fitOf({ safety: 0, limit: 0.01 })
    await fit.runBatches([{ first: 0, count: 3, rateW: 10, rateH: 10 }])
    const moved = await fit.factors()
    for (const [name, start] of [
      ['W', W],
      ['H', H],
    ] as const) {
      for (const [i, value] of moved[name].entries()) {
        expect(Math.abs(value - start.data[i])).toBeLessThan(0.01 + 1e-12)
        expect(value).toBeGreaterThanOrEqual(0)
      }
    }
  })

  it('have no iterations over all of X', async () => {
    const fit = await fitOf({ safety: 0 })
    await expect(fit.run(1)).rejects.toMatchObject({ code: 'ERR_NONNEG_UNSUPPORTED' })
  })

  it('draw noise of mean 0 and variance 1, without correlation between neighbours', () => {
    const count = 200_000
    let [sum, squares, products, before] = [0, 0, 0, 0]
    for (let i = 0; i < count / 8; i++) {
      const key = mix(mix(mix(1) + 2) + i)
      for (let r = 0; r < 8; r++) {
        const z = noiseOf(key, r)
        sum += z
        squares += z * z
        products += z * before
        before = z
      }
    }
    // five standard deviations of each mean
    const slack = 5 / Math.sqrt(count)
    expect(Math.abs(sum / count)).toBeLessThan(slack)
    expect(Math.abs(squares / count - 1)).toBeLessThan(slack * Math.sqrt(2))
    expect(Math.abs(products / count)).toBeLessThan(slack)
  })
})

describe('the bound of the largest eigenvalue', () => {
  it('is one from above, and close', () => {
    const random = new Random(3)
    for (let trial = 0; trial < 200; trial++) {
      const rank = 1 + random.below(12)
      const F = Float64Array.from({ length: 20 * rank }, () => (random.below(3) === 0 ? 0 : random.uniform()))
      const G = Array.from({ length: rank * rank }, (_, at) => {
        let sum = 0
        for (let i = 0; i < 20; i++) sum += F[i * rank + Math.floor(at / rank)] * F[i * rank + (at % rank)]
        return sum
      })
      // by far more iterations of the Rayleigh quotient, which comes from below
      let v = Array.from({ length: rank }, () => 1)
      let value = 0
      for (let step = 0; step < 2000; step++) {
        const product = v.map((_, r) => v.reduce((sum, x, s) => sum + G[r * rank + s] * x, 0))
        const norm = Math.hypot(...product)
        value = norm
        v = product.map(x => x / norm)
      }
      const bound = gramBound(G, rank)
      expect(bound).toBeGreaterThanOrEqual(value * (1 - 1e-12))
      expect(bound).toBeLessThan(value * (1 + 1e-2))
    }
  })

  it('is that of the largest block where components do not meet, and 0 of nothing', () => {
    expect(gramBound([3, 0, 0, 5], 2)).toBeCloseTo(5, 12)
    expect(gramBound([0, 0, 0, 0], 2)).toBe(0)
    expect(gramBound([4, 0, 0, 0], 2)).toBe(4)
  })
})

describe('variance-reduced multiplicative updates', () => {
  it('have the full gradient where nothing has moved since the snapshot, whatever the batch', () => {
    const random = new Random(5)
    const [total, columns, rank] = [9, 6, 3]
    const draw = (length: number) => Float64Array.from({ length }, () => 0.1 + random.uniform())
    const [data, w, ht] = [draw(total * columns), draw(total * rank), draw(columns * rank)]
    const products = (first: number, count: number) => {
      const [N, G] = [new Float64Array(columns * rank), new Float64Array(rank * rank)]
      for (let i = first; i < first + count; i++) {
        for (let r = 0; r < rank; r++) {
          for (let j = 0; j < columns; j++) N[j * rank + r] += data[i * columns + j] * w[i * rank + r]
          for (let s = 0; s < rank; s++) G[r * rank + s] += w[i * rank + r] * w[i * rank + s]
        }
      }
      return { N, G }
    }
    const { N: A, G: S } = products(0, total)
    const outcomes = [
      [0, 2],
      [4, 5],
      [8, 1],
    ].map(([first, count]) => {
      const { N, G } = products(first, count)
      const F = ht.slice()
      const dims = { rows: columns, rank, count, total, ratio: 1, l1: 0, l2: 0 }
      svrmu_update.reference(dims, { F, N, M: N, F0: ht, A, G, K: G, S })
      // F = F0·n/d: n − d is minus the gradient
      return { F, N, G, count }
    })
    for (const { F, N, G, count } of outcomes) {
      for (let j = 0; j < columns; j++) {
        for (let r = 0; r < rank; r++) {
          const at = j * rank + r
          const product = (M: Float64Array) => [0, 1, 2].reduce((sum, s) => sum + ht[j * rank + s] * M[s * rank + r], 0)
          const denominator = (product(G) + N[at]) / count + product(S) / total
          const gradient = (product(S) - A[at]) / total
          expect(F[at]).toBeCloseTo(ht[at] * (1 - gradient / denominator), 12)
        }
      }
    }
  })
})
