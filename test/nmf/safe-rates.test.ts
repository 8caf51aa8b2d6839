import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { type DenseInput, type DenseView, type FactorizeOptions, factorize } from '../../ts/node.js'
import { GreedyLR } from '../../ts/schedulers/api.js'
import { SCHEDULER_NAMES } from '../../ts/schedulers/registry.js'
import { stabilityBound } from '../../ts/schedulers/stability.js'
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
const transposed = ({ data, rows, columns }: DenseView): DenseInput => ({
  data: Float64Array.from({ length: rows * columns }, (_, at) => data[(at % rows) * columns + Math.floor(at / rows)]),
  rows: columns,
  columns: rows,
})

function lossAtError(error: unknown): number {
  expect(error).toMatchObject({ code: 'ERR_NONNEG_DIVERGED' })
  return Number.POSITIVE_INFINITY
}

describe('rates', () => {
  /** Three times what each factor bears where a safe fit has come to. */
  async function tooLarge(data: DenseInput, seed: number): Promise<Partial<FactorizeOptions>> {
    const { W, H } = await factorize(data, on({ seed, maxIterations: 4 }))
    const rate = { W: 3 * stabilityBound(H), H: 3 * stabilityBound(transposed(W), { batch: 16 }) }
    return { init: { W, H }, seed, learningRate: rate }
  }

  it('of three times the bound make a fit diverge where nothing bounds its steps, and not where something does', async () => {
    const half = squares(X.data) / 2
    for (let seed = 0; seed < 20; seed++) {
      const options = on({ ...(await tooLarge(X, seed)), maxIterations: 30 })
      // it grows without end, or the projection throws it to zero, where nothing moves any more
      const loss = await factorize(X, { ...options, safe: false }).then(fit => fit.loss, lossAtError)
      expect(loss).toBeGreaterThanOrEqual(half * (1 - 1e-12))
      const safe = await factorize(X, { ...options, learningRate: 1e6, maxIterations: 5 })
      expect(safe.loss).toBeLessThan(half)
    }
  })

  it('leave a level of noise behind that lower rates lower, however long they last', async () => {
    const half = squares(X.data) / 2
    const runs = async (learningRate: number, maxIterations: number) => {
      const seeds = Array.from({ length: 3 }, (_, seed) =>
        on({ seed, learningRate, noise: 150, rounds: 2, maxIterations }),
      )
      const fits = await Promise.all(seeds.map(options => factorize(X, options)))
      return Math.max(...fits.map(({ loss }) => loss))
    }
    expect(await runs(0.5, 150)).toBeLessThan(2 * half)
    expect(await runs(0.02, 150)).toBeLessThan(half / 2)
  })

  it('move a factor that starts at zero, and components that one factor lacks', async () => {
    const half = squares(X.data) / 2
    const { H } = await factorize(X, on({ maxIterations: 1 }))
    const zeros = { data: new Float64Array(60 * 5), rows: 60, columns: 5 }
    const fromZero = await factorize(X, on({ init: { W: zeros, H } }))
    expect(fromZero.loss).toBeLessThan(half / 2)
    const lacking = { ...zeros, data: zeros.data.map((_, at) => (at % 5 === 2 ? 0 : 1)) }
    const fit = await factorize(X, on({ init: { W: lacking, H } }))
    expect(fit.deadComponents).toEqual([])
  })

  it('that leave the range of numbers are an error that says what helps', async () => {
    for (const scheduler of [undefined, { H: new GreedyLR({ learningRate: 1 }) }]) {
      const learningRate = scheduler ? { W: 1 } : 1
      await expect(
        factorize(X, on({ safe: false, learningRate, scheduler, maxIterations: 500 })),
      ).rejects.toMatchObject({
        code: 'ERR_NONNEG_DIVERGED',
        fix: expect.stringContaining('safe: true'),
      })
    }
  })

  it('are an error where the reference holds in float64 what float32 cannot', async () => {
    const options = on({ safe: false, learningRate: 1, dtype: 'f32' })
    for (const maxIterations of [2, 10, 20, 40]) {
      const end = await factorize(X, { ...options, maxIterations }).catch(error => error)
      if (end instanceof Error) expect(end).toMatchObject({ code: 'ERR_NONNEG_DIVERGED' })
      else expect(Math.sqrt(end.loss)).toBeLessThan(16 * 2 ** 128)
    }
  })

  it('has svrmu none to bound: single rows without entries end in an error that says what helps', async () => {
    const data = Float32Array.from({ length: 60 }, (_, at) => (at >= 10 && at < 35 ? 0 : 1 + (at % 7)))
    const options = on({ solver: 'svrmu', rank: 2, batchRows: 1, maxIterations: 200 })
    await expect(factorize({ data, rows: 12, columns: 5 }, { ...options, dtype: 'f32' })).rejects.toMatchObject({
      code: 'ERR_NONNEG_DIVERGED',
      fix: expect.stringContaining('batchRows'),
    })
  })

  it.each(SCHEDULER_NAMES)('of %s never make a bounded fit diverge, from whatever seed and rate', async scheduler => {
    const half = squares(X.data) / 2
    for (let seed = 0; seed < 20; seed++) {
      const learningRate = [0.5, 0.95, 10, 1e6][seed % 4]
      const fit = await factorize(X, on({ seed, scheduler, learningRate, rounds: 2, maxIterations: 4 }))
      for (const { loss } of fit.history) expect(loss).toBeLessThan(half)
      for (const { learningRates } of fit.history)
        expect(Math.max(...Object.values(learningRates!))).toBeLessThanOrEqual(0.95)
    }
  })
})

/** Ten thousand pictures of clothes, 28 × 28, as `npm run bench:objective` leaves them. */
const FASHION_MNIST = path.join('build', 'bench', 'objective', 'matrices', 'fashion-mnist', 'X')

describe('on Fashion-MNIST', () => {
  const rows = 500
  const pictures = (): DenseInput => {
    const bytes = readFileSync(FASHION_MNIST).subarray(0, 4 * rows * 784)
    return { data: new Float32Array(Uint8Array.from(bytes).buffer), rows, columns: 784 }
  }

  it('raw rates of three times the bound diverge, and no scheduler makes a bounded fit do so', async context => {
    if (!existsSync(FASHION_MNIST)) context.skip('absent: npm run bench:objective fetches it')
    const data = pictures()
    const half = squares(data.data) / 2
    const fit = (options: Partial<FactorizeOptions>) =>
      factorize(data, { rank: 5, solver: 'sgd', tolerance: 0, init: 'random', ...options })
    for (let seed = 0; seed < 20; seed++) {
      const { W, H } = await fit({ seed, maxIterations: 4 })
      const learningRate = { W: 3 * stabilityBound(H), H: 3 * stabilityBound(transposed(W), { batch: 128 }) }
      const raw = fit({ seed, init: { W, H }, learningRate, safe: false, maxIterations: 40 })
      expect(await raw.then(({ loss }) => loss, lossAtError)).toBeGreaterThan(half * (1 - 1e-6))
      for (const scheduler of SCHEDULER_NAMES) {
        const safe = await fit({ seed, scheduler, learningRate: [0.5, 0.95, 10, 1e6][seed % 4], maxIterations: 2 })
        expect(safe.loss).toBeLessThan(half)
      }
    }
  })
})
