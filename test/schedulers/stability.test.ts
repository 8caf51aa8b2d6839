import { describe, expect, it } from 'vitest'
import { gramBound } from '../../ts/core/gram-bound.js'
import { Random } from '../../ts/core/random.js'
import { factorize } from '../../ts/node.js'
import { jointBound, noiseFloor, stabilityBound } from '../../ts/schedulers/stability.js'
import {
  batchGradient,
  columnsOf,
  draw,
  eigenvalues,
  gradient,
  lossOf,
  type Matrix,
  make,
  plus,
  projected,
  squares,
  subsets,
  times,
  transpose,
  uniform,
} from './matrices.js'

// Everything here is worked out again in plain matrices, without the code under test.

const random = new Random(41)

const H: Matrix = [
  [1, 0, 2],
  [0, 1, 1],
]
const V: Matrix = [
  [2, 1, 4],
  [1, 3, 2],
]
const START: Matrix = [
  [1, 0.5],
  [0.5, 1],
]

describe('numbers worked by hand', () => {
  it.each([
    [1, 2 / 15, 2 / 13, 0.1555508],
    [2, 2 / 8.25, 0.2580645, 0.259338],
    [3, 1 / 3, 1 / 3, 1 / 3],
  ])('bounds for batches of %i columns', (batch, predictable, oneStep, meanSquare) => {
    expect(stabilityBound(H, { batch })).toBeCloseTo(predictable, 12)
    expect(stabilityBound(H, { batch, kind: 'one-step' })).toBeCloseTo(oneStep, batch === 2 ? 7 : 12)
    expect(stabilityBound(H, { batch, kind: 'mean-square' })).toBeCloseTo(meanSquare, batch === 3 ? 12 : 7)
  })

  it('the full batch is what is meant unless another is named', () => {
    expect(stabilityBound(H)).toBeCloseTo(1 / 3, 12)
  })

  it('a batch with replacement spreads more', () => {
    // κ = 1/2: 𝓛 = 3 + 7.5
    expect(stabilityBound(H, { batch: 2, replacement: true })).toBeCloseTo(2 / 10.5, 12)
    expect(stabilityBound(H, { batch: 10, replacement: true })).toBeCloseTo(2 / (0.9 * 6 + 0.1 * 15), 12)
  })

  it('one batch', () => {
    expect(stabilityBound([[2], [1]], { kind: 'batch', total: 3 })).toBeCloseTo(2 / 15, 12)
    expect(stabilityBound(H, { kind: 'batch' })).toBeCloseTo(1 / 3, 12)
  })

  it('views with strides, and nothing but zeros', () => {
    const data = Float32Array.of(9, 1, 0, 2, 9, 0, 1, 1)
    expect(stabilityBound({ data, rows: 2, columns: 3, stride: 4, offset: 1 })).toBeCloseTo(1 / 3, 7)
    for (const kind of ['predictable', 'one-step', 'mean-square', 'batch'] as const) {
      expect(stabilityBound([[0, 0]], { kind })).toBe(Number.POSITIVE_INFINITY)
    }
    // a component that nothing is made of bounds nothing
    expect(stabilityBound([...H, [0, 0, 0]], { batch: 1, kind: 'one-step' })).toBeCloseTo(2 / 13, 12)
    expect(stabilityBound([...H, [0, 0, 0]], { batch: 1, kind: 'mean-square' })).toBeCloseTo(0.1555508, 7)
  })

  it('the noise floor', () => {
    expect(noiseFloor(H, { rows: 4, noise: 0.5, rate: 0.1 })).toBeCloseTo(0.06203007519, 11)
    expect(noiseFloor(H, { rows: 4, noise: 0.5, rate: 1 / 3 })).toBe(Number.POSITIVE_INFINITY)
  })

  it('steps of one column each', () => {
    let W = START
    expect(lossOf(V, W, H)).toBeCloseTo(3.875, 12)
    const losses = [0, 1, 2, 0, 1, 2].map(j => {
      W = projected(plus(W, batchGradient(V, W, H, [j]), -0.1))
      return lossOf(V, W, H)
    })
    for (const [i, loss] of [2.88125, 2.03375, 2.001125, 1.75298, 1.22580125, 1.6246671875].entries()) {
      expect(losses[i]).toBeCloseTo(loss, 9)
    }
    for (const [at, value] of [1.4875, 0.74375, 0.026, 1.6555].entries()) expect(W.flat()[at]).toBeCloseTo(value, 12)
  })

  it('multiplicative updates', async () => {
    const [X, W] = [transpose(V), transpose(H.map(row => row.map(h => h + 0.5)))]
    const options = { rank: 2, solver: 'mu', backend: 'reference', dtype: 'f64', tolerance: 0 } as const
    const fit = await factorize(X, { ...options, maxIterations: 3, init: { W, H: transpose(START) } })
    for (const [i, loss] of [0.5620830483, 0.282156045, 0.1283800874].entries()) {
      expect(fit.history[i].loss).toBeCloseTo(loss, 9)
    }
  })
})

describe('factors far from 1', () => {
  it.each(['predictable', 'one-step', 'mean-square', 'batch'] as const)('%s stays a number', kind => {
    const near = stabilityBound(H, { batch: 1, kind })
    for (const power of [-450, 450]) {
      const scaled = H.map(row => row.map(entry => entry * 2 ** power))
      expect(stabilityBound(scaled, { batch: 1, kind })).toBe(near / 2 ** power / 2 ** power)
    }
    expect(stabilityBound([[1e200, 1]], { kind })).toBe(0)
    expect(stabilityBound([[1e-200, 1e-201]], { kind })).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('refusals', () => {
  it('of options that are none', () => {
    expect(() => stabilityBound(H, null as unknown as object)).toThrow('options is null, not an object')
  })

  it.each([
    [H, { batch: 4 }, 'ERR_NONNEG_OPTION'],
    [H, { batch: 0 }, 'ERR_NONNEG_OPTION'],
    [H, { kind: 'best' }, 'ERR_NONNEG_OPTION'],
    [H, { kind: 'batch', total: 2 }, 'ERR_NONNEG_OPTION'],
    [H, { size: 2 }, 'ERR_NONNEG_OPTION'],
    [make(17, 1, () => 1), { kind: 'mean-square' }, 'ERR_NONNEG_OPTION'],
    [[[1, -1]], {}, 'ERR_NONNEG_NEGATIVE'],
    [[[1, Number.NaN]], {}, 'ERR_NONNEG_NOT_FINITE'],
    [[], {}, 'ERR_NONNEG_SHAPE'],
    [{ data: [1, 2, 3], rows: 2, columns: 2 }, {}, 'ERR_NONNEG_SHAPE'],
    [[[1, 2], [3]], {}, 'ERR_NONNEG_SHAPE'],
    [[['1']], {}, 'ERR_NONNEG_NOT_FINITE'],
    ['H', {}, 'ERR_NONNEG_OPTION'],
    [{ indptr: [0, 0], indices: [], values: [], rows: 1, columns: 1 }, {}, 'ERR_NONNEG_SHAPE'],
  ])('%o %o', (matrix, options, code) => {
    expect(() => stabilityBound(matrix as Matrix, options as object)).toThrow(expect.objectContaining({ code }))
  })

  it('of factors that do not fit', () => {
    expect(() => jointBound(START, [[1, 2, 3]], { residual: 1, limit: 0 })).toThrow(/2 columns/)
    expect(() => jointBound([[1, -2]], H, { residual: 1, limit: 0 })).toThrow('W[0, 1] = -2')
  })
})

describe('the bound of the largest eigenvalue', () => {
  it('is that of Jacobi to a millionth, and never below it', () => {
    for (let trial = 0; trial < 300; trial++) {
      const factor = uniform(random, 1 + random.below(10), 12).map(row => row.map(h => (random.below(3) === 0 ? 0 : h)))
      const A = times(factor, transpose(factor))
      const exact = eigenvalues(A)[0]
      const bound = gramBound(A.flat(), A.length, 300)
      expect(bound).toBeGreaterThanOrEqual(exact * (1 - 1e-13))
      expect(bound).toBeLessThanOrEqual(exact * (1 + 1e-6))
    }
  })
})

describe('gradients', () => {
  it('are those of finite differences, and batches have them in the mean', () => {
    const [X, W, other] = [uniform(random, 3, 5), uniform(random, 3, 2), uniform(random, 2, 5)]
    const exact = gradient(X, W, other)
    const step = 1e-5
    for (let i = 0; i < 3; i++) {
      for (let r = 0; r < 2; r++) {
        const moved = (by: number) => make(3, 2, (a, b) => W[a][b] + (a === i && b === r ? by : 0))
        const slope = (lossOf(X, moved(step), other) - lossOf(X, moved(-step), other)) / (2 * step)
        expect(slope).toBeCloseTo(exact[i][r], 6)
      }
    }
    for (let size = 1; size <= 5; size++) {
      const batches = subsets(5, size)
      let mean = make(3, 2, () => 0)
      for (const batch of batches) mean = plus(mean, batchGradient(X, W, other, batch), 1 / batches.length)
      expect(Math.sqrt(squares(plus(mean, exact, -1)))).toBeLessThan(1e-12)
    }
  })
})

describe('T0: the full batch', () => {
  it('converges just below 2/L, and diverges just above', () => {
    const other = uniform(random, 3, 12)
    const [target, start] = [uniform(random, 5, 3), uniform(random, 5, 3)]
    const X = times(target, other)
    const bound = stabilityBound(other)
    const descend = (share: number, steps: number) => {
      let W = start
      for (let step = 0; step < steps; step++) W = plus(W, gradient(X, W, other), -share * bound)
      return lossOf(X, W, other)
    }
    expect(descend(0.99, 6000)).toBeLessThan(1e-12 * lossOf(X, start, other))
    expect(descend(1.01, 6000)).toBeGreaterThan(1e12 * lossOf(X, start, other))
  })

  it('never raises the loss of projected steps below it', () => {
    for (let trial = 0; trial < 300; trial++) {
      const [X, other] = [uniform(random, 4, 6), uniform(random, 3, 6)]
      const [W, bound] = [uniform(random, 4, 3), stabilityBound(other)]
      const rate = 0.999 * bound
      const moved = projected(plus(W, gradient(X, W, other), -rate))
      const gain = (1 / rate - 1 / bound) * squares(plus(moved, W, -1))
      expect(lossOf(X, moved, other)).toBeLessThanOrEqual(lossOf(X, W, other) - gain + 1e-12)
    }
  })
})

describe('T1: batches whose rate was chosen before', () => {
  it('2/𝓛 is at most the bound of one step, and that the mean-square limit', () => {
    for (let trial = 0; trial < 1000; trial++) {
      const [rank, columns] = [1 + random.below(3), 2 + random.below(5)]
      const other = uniform(random, rank, columns).map(row => row.map(h => (random.below(4) === 0 ? 0 : h)))
      const batch = 1 + random.below(columns)
      const replacement = random.below(2) === 0
      const [least, middle, most] = (['predictable', 'one-step', 'mean-square'] as const).map(kind =>
        stabilityBound(other, { batch, replacement, kind }),
      )
      if (least === Number.POSITIVE_INFINITY) continue
      expect(least).toBeLessThanOrEqual(middle * (1 + 1e-9))
      expect(middle).toBeLessThanOrEqual(most * (1 + 1e-9))
    }
  })

  it('is the limit itself for columns at right angles, one at a time', () => {
    const identity = make(4, 4, (i, j) => (i === j ? 1.5 : 0))
    for (const kind of ['predictable', 'one-step', 'mean-square'] as const) {
      expect(stabilityBound(identity, { batch: 1, kind })).toBeCloseTo(2 / (4 * 2.25), 10)
    }
  })

  it('the mean-square limit is where the second moment begins to grow', () => {
    const other = uniform(random, 3, 6)
    for (const batch of [1, 3]) {
      const limit = stabilityBound(other, { batch, kind: 'mean-square' })
      const batches = subsets(6, batch)
      // E[(I − ηX_B)·P·(I − ηX_B)] over all batches, exactly
      const growth = (rate: number) => {
        let P = make(3, 3, (i, j) => (i === j ? 1 : 0))
        let last = 1
        for (let step = 0; step < 300; step++) {
          let next = make(3, 3, () => 0)
          for (const list of batches) {
            const part = columnsOf(other, list)
            const shrink = plus(
              make(3, 3, (i, j) => (i === j ? 1 : 0)),
              times(part, transpose(part)),
              (-rate * 6) / batch,
            )
            next = plus(next, times(times(shrink, P), shrink), 1 / batches.length)
          }
          last = Math.sqrt(squares(next) / squares(P))
          P = next.map(row => row.map(p => p / Math.sqrt(squares(next))))
        }
        return last
      }
      expect(growth(0.999 * limit)).toBeLessThan(1)
      expect(growth(1.001 * limit)).toBeGreaterThan(1)
    }
  })

  it.each([1, 2, 4, 7])('the error falls in the mean at 0.95 of the bound, %i columns a batch', batch => {
    const [other, target] = [uniform(random, 3, 7), uniform(random, 4, 3)]
    const X = times(target, other)
    const rate = 0.95 * stabilityBound(other, { batch })
    const least = eigenvalues(times(other, transpose(other))).at(-1)!
    const [repeats, steps] = [40, 200]
    let [mean, start] = [0, 0]
    for (let repeat = 0; repeat < repeats; repeat++) {
      let W = uniform(random, 4, 3)
      start += squares(plus(W, target, -1)) / repeats
      for (let step = 0; step < steps; step++)
        W = projected(plus(W, batchGradient(X, W, other, draw(random, 7, batch)), -rate))
      mean += squares(plus(W, target, -1)) / repeats
    }
    // the theorem's factor with τ → 0, to the power of the steps, with room for the spread of the draws
    const factor = 1 - rate * (2 - 2 * 0.95) * least
    expect(mean).toBeLessThan(1.5 * start * factor ** steps)
  })
})
