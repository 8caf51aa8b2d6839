import { describe, expect, it } from 'vitest'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import { type DenseView, type FactorizeOptions, factorize, NMF } from '../../ts/node.js'
import { denseMatrix } from '../conformance/problems.js'
import { bruteLoss, entriesOf } from './brute.js'

const ROWS = 20
const COLUMNS = 13
const RANK = 3
const X = denseMatrix(ROWS, COLUMNS)

const on = (options: Partial<FactorizeOptions> = {}): FactorizeOptions => ({
  rank: RANK,
  backend: 'reference',
  dtype: 'f64',
  maxIterations: 30,
  tolerance: 0,
  ...options,
})

function sum({ data }: DenseView, of: (value: number) => number = value => value): number {
  let total = 0
  for (const value of data) total += of(value)
  return total
}

/** scikit-learn's objective (sklearn.decomposition.NMF, "Regularization"). */
function objective(fit: { W: DenseView; H: DenseView }, beta: number, [alphaW, alphaH, l1Ratio]: readonly number[]) {
  const penalty = (F: DenseView, alpha: number, entries: number) =>
    alpha * entries * (l1Ratio * sum(F) + 0.5 * (1 - l1Ratio) * sum(F, value => value * value))
  return bruteLoss(X, fit, beta) + penalty(fit.W, alphaW, COLUMNS) + penalty(fit.H, alphaH, ROWS)
}

describe('penalties', () => {
  it.each([
    ['hals', 2],
    ['mu', 2],
    ['mu', 1],
  ] as const)('lower what scikit-learn minimises, by every iteration: %s, β = %s', async (solver, loss) => {
    const alphas = [0.02, 0.01, 0.4] as const
    const penalised = { solver, loss, alphaW: alphas[0], alphaH: alphas[1], l1Ratio: alphas[2] }
    let fit = await factorize(X, on({ ...penalised, maxIterations: 1 }))
    for (let i = 0; i < 25; i++) {
      const next = await factorize(X, on({ ...penalised, maxIterations: 1, init: fit }))
      expect(objective(next, loss, alphas)).toBeLessThanOrEqual(objective(fit, loss, alphas) * (1 + 1e-12))
      fit = next
    }
    const free = await factorize(X, on({ solver, loss, maxIterations: 26 }))
    expect(objective(fit, loss, alphas)).toBeLessThan(objective(free, loss, alphas))
    // and the loss that is reported is without them
    expect(fit.loss / bruteLoss(X, fit, loss)).toBeCloseTo(1, 9)
  })

  it('enter the multiplicative update as in Lee & Seung with l1 and l2 in the denominator', async () => {
    const [alpha, l1Ratio] = [0.05, 0.3]
    const start = await factorize(X, on({ solver: 'mu', maxIterations: 1 }))
    const next = await factorize(X, on({ solver: 'mu', maxIterations: 1, init: start, alphaW: alpha, l1Ratio }))
    const x = entriesOf(X)
    const W = Float64Array.from(start.W.data)
    const H = start.H.data
    for (let i = 0; i < ROWS; i++) {
      const row = start.W.data.subarray(i * RANK, (i + 1) * RANK)
      for (let r = 0; r < RANK; r++) {
        let numerator = 0
        let denominator = COLUMNS * alpha * (l1Ratio + (1 - l1Ratio) * row[r])
        for (let j = 0; j < COLUMNS; j++) {
          numerator += x[i * COLUMNS + j] * H[r * COLUMNS + j]
          for (let s = 0; s < RANK; s++) denominator += row[s] * H[s * COLUMNS + j] * H[r * COLUMNS + j]
        }
        W[i * RANK + r] *= numerator / denominator
      }
    }
    for (let at = 0; at < W.length; at++) expect(next.W.data[at] / W[at]).toBeCloseTo(1, 9)
  })

  it('are the same for W and H unless H has its own', async () => {
    const both = await factorize(X, on({ alphaW: 0.1, alphaH: 'same' }))
    expect((await factorize(X, on({ alphaW: 0.1 }))).W).toEqual(both.W)
    expect((await factorize(X, on({ alphaW: 0.1, alphaH: 0.1 }))).W).toEqual(both.W)
    const own = await factorize(X, on({ alphaW: 0.1, alphaH: 0 }))
    expect(sum(own.H)).toBeGreaterThan(sum(both.H))
  })

  it('on sums make zeros, on squares do not', async () => {
    const zeros = async (l1Ratio: number) => {
      const { W } = await factorize(X, on({ solver: 'hals', alphaW: 0.08, alphaH: 0, l1Ratio, maxIterations: 200 }))
      return W.data.filter(value => value === 0).length
    }
    expect(await zeros(1)).toBeGreaterThan(await zeros(0))
  })

  it.each([
    ['mu', 2],
    ['hals', 2],
    ['mu', 1],
    ['mu', 0],
    ['hals', 1.5],
  ] as const)('weigh the same where X is far from 1: %s, β = %s', async (solver, beta) => {
    const factor = 2 ** 60
    const scaled = { ...X, data: Float64Array.from(X.data, value => (value + 0.1) * factor) }
    // as heavy as 0.01 would be for the unscaled X
    const alpha = 0.01 * factor ** (beta - 0.5)
    const options = on({ solver, loss: beta, maxIterations: 4, alphaW: alpha, l1Ratio: 1 })
    // the reference's float64 needs no scaling
    const { W, H } = await factorize(scaled, on({ solver, loss: beta, maxIterations: 1 }))
    const next = await factorize(scaled, { ...options, init: { W, H } })
    const device = await referenceBackend.open()
    const penalties = { penaltyW: { l1: COLUMNS * alpha, l2: 0 }, penaltyH: { l1: ROWS * alpha, l2: 0 } }
    const spec = { rank: RANK, beta, rule: solver, dtype: 'f64', ...penalties } as const
    const plain = await device.createFit({ X: scaled, squaredNorm: 1, W, H }, spec)
    await plain.run(4)
    const factors = await plain.factors()
    for (const name of ['W', 'H'] as const) {
      for (const [at, value] of factors[name].entries()) {
        expect(Math.abs(next[name].data[at] - value)).toBeLessThanOrEqual(1e-9 * factor ** 0.5)
      }
    }
  })

  it('hold for W alone where new rows are transformed', async () => {
    const model = await new NMF(on({ solver: 'hals', alphaW: 0.05, alphaH: 0, maxIterations: 100 })).fit(X)
    const free = await new NMF(on({ solver: 'hals', alphaW: 0, maxIterations: 100 })).fit(X)
    const few = { ...X, rows: 5 }
    // the same sizes of penalty whatever the number of rows
    const one = await model.transform({ ...X, rows: 1 })
    const five = await model.transform(few)
    for (let r = 0; r < RANK; r++) expect(five.data[r]).toBeCloseTo(one.data[r], 6)
    expect(sum(five)).not.toBeCloseTo(sum(await free.transform(few)), 3)
  })

  it.each<[string, object, RegExp]>([
    ['alphaW −1', { alphaW: -1 }, /alphaW is -1/],
    ['alphaH NaN', { alphaH: Number.NaN }, /alphaH/],
    ['alphaH in words', { alphaH: 'both' }, /alphaH is "both"/],
    ['l1Ratio above 1', { l1Ratio: 1.5 }, /l1Ratio is 1.5/],
  ])('refuse %s', async (_name, options, message) => {
    await expect(factorize(X, on(options))).rejects.toMatchObject({
      code: 'ERR_NONNEG_OPTION',
      message: expect.stringMatching(message),
    })
  })
})
