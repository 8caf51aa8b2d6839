import { describe, expect, it } from 'vitest'
import { gramBound } from '../../ts/core/gram-bound.js'
import { Random } from '../../ts/core/random.js'
import { symmetricEigen } from '../../ts/core/symmetric-eigen.js'
import { factorize } from '../../ts/node.js'
import { balancedScales, dataBound, jointBound, noiseFloor, stabilityBound } from '../../ts/schedulers/stability.js'

// Everything here is worked out again in plain matrices, without the code under test.

type Matrix = number[][]

const random = new Random(41)

const make = (rows: number, columns: number, entry: (i: number, j: number) => number): Matrix =>
  Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => entry(i, j)))
const uniform = (rows: number, columns: number): Matrix => make(rows, columns, () => random.uniform())
const transpose = (A: Matrix): Matrix => make(A[0].length, A.length, (i, j) => A[j][i])
const times = (A: Matrix, B: Matrix): Matrix =>
  make(A.length, B[0].length, (i, j) => A[i].reduce((sum, a, k) => sum + a * B[k][j], 0))
const plus = (A: Matrix, B: Matrix, factor = 1): Matrix =>
  make(A.length, A[0].length, (i, j) => A[i][j] + factor * B[i][j])
const projected = (A: Matrix): Matrix => A.map(row => row.map(a => Math.max(0, a)))
const squares = (A: Matrix): number => A.flat().reduce((sum, a) => sum + a * a, 0)
const inner = (A: Matrix, B: Matrix): number => A.flat().reduce((sum, a, at) => sum + a * B.flat()[at], 0)
const columnsOf = (A: Matrix, list: readonly number[]): Matrix => A.map(row => list.map(j => row[j]))
const lossOf = (V: Matrix, W: Matrix, H: Matrix): number => squares(plus(times(W, H), V, -1)) / 2
/** Of ½‖V − WH‖² with respect to W. */
const gradient = (V: Matrix, W: Matrix, H: Matrix): Matrix => times(plus(times(W, H), V, -1), transpose(H))

function eigenvalues(A: Matrix): Float64Array {
  const steps = symmetricEigen(Float64Array.from(A.flat()), A.length)
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value.values
  }
}
const spectralNorm = (A: Matrix): number => Math.sqrt(eigenvalues(times(A, transpose(A)))[0])

/** (n/b)·Σ over the batch. */
function batchGradient(V: Matrix, W: Matrix, H: Matrix, batch: readonly number[]): Matrix {
  const scale = H[0].length / batch.length
  return gradient(columnsOf(V, batch), W, columnsOf(H, batch)).map(row => row.map(g => scale * g))
}

function draw(count: number, size: number): number[] {
  const all = Array.from({ length: count }, (_, j) => j)
  for (let i = 0; i < size; i++) {
    const j = i + random.below(count - i)
    ;[all[i], all[j]] = [all[j], all[i]]
  }
  return all.slice(0, size)
}

function subsets(count: number, size: number, from = 0): number[][] {
  if (size === 0) return [[]]
  return Array.from({ length: count - from }, (_, k) => from + k).flatMap(first =>
    subsets(count, size - 1, first + 1).map(rest => [first, ...rest]),
  )
}

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

describe('refusals', () => {
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
      const factor = uniform(1 + random.below(10), 12).map(row => row.map(h => (random.below(3) === 0 ? 0 : h)))
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
    const [X, W, other] = [uniform(3, 5), uniform(3, 2), uniform(2, 5)]
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
    const other = uniform(3, 12)
    const [target, start] = [uniform(5, 3), uniform(5, 3)]
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
      const [X, other] = [uniform(4, 6), uniform(3, 6)]
      const [W, bound] = [uniform(4, 3), stabilityBound(other)]
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
      const other = uniform(rank, columns).map(row => row.map(h => (random.below(4) === 0 ? 0 : h)))
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
    const other = uniform(3, 6)
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
    const [other, target] = [uniform(3, 7), uniform(4, 3)]
    const X = times(target, other)
    const rate = 0.95 * stabilityBound(other, { batch })
    const least = eigenvalues(times(other, transpose(other))).at(-1)!
    const [repeats, steps] = [40, 200]
    let [mean, start] = [0, 0]
    for (let repeat = 0; repeat < repeats; repeat++) {
      let W = uniform(4, 3)
      start += squares(plus(W, target, -1)) / repeats
      for (let step = 0; step < steps; step++) W = projected(plus(W, batchGradient(X, W, other, draw(7, batch)), -rate))
      mean += squares(plus(W, target, -1)) / repeats
    }
    // the theorem's factor with τ → 0, to the power of the steps, with room for the spread of the draws
    const factor = 1 - rate * (2 - 2 * 0.95) * least
    expect(mean).toBeLessThan(1.5 * start * factor ** steps)
  })
})

describe('T1b: batches whose rate was chosen with them', () => {
  it('never move away from W*, whatever chose the rate', () => {
    const [other, target] = [uniform(3, 9), uniform(4, 3)]
    const X = times(target, other)
    let W = uniform(4, 3)
    let violations = 0
    for (let step = 0; step < 10_000; step++) {
      if (step % 50 === 0) W = uniform(4, 3)
      const batch = draw(9, 1 + random.below(4))
      const bound = stabilityBound(columnsOf(other, batch), { kind: 'batch', total: 9 })
      expect(bound).toBeGreaterThanOrEqual(stabilityBound(other, { batch: 1 }) * (1 - 1e-9))
      // of a few rates, the one that leaves W furthest from W*
      const g = batchGradient(X, W, other, batch)
      const moves = [0.25, 0.5, 0.9, 1].map(share => projected(plus(W, g, -share * bound)))
      const before = squares(plus(W, target, -1))
      const errors = moves.map(moved => squares(plus(moved, target, -1)))
      W = moves[errors.indexOf(Math.max(...errors))]
      if (Math.max(...errors) > before * (1 + 1e-12)) violations++
    }
    expect(violations).toBe(0)
  })

  it('is exceeded to some harm: at three times the bound of the batch steps do move away', () => {
    const [other, target] = [uniform(3, 9), uniform(4, 3)]
    const [X, W] = [times(target, other), plus(target, uniform(4, 3), 0.1)]
    const rate = 3 * stabilityBound(columnsOf(other, [2]), { kind: 'batch', total: 9 })
    const moved = plus(W, batchGradient(X, W, other, [2]), -rate)
    expect(squares(plus(moved, target, -1))).toBeGreaterThan(squares(plus(W, target, -1)))
  })
})

describe('T2: the noise floor', () => {
  it('is met within two per cent', () => {
    const [rows, noise, rate] = [4, 0.5, 0.1]
    const normal = () => Math.sqrt(-2 * Math.log(random.uniform())) * Math.cos(2 * Math.PI * random.uniform())
    // without projection the rows of W − W* move on their own: E ← E·(I − ηA) − η·noise, f = ½·Σ e·A·eᵀ
    const A = [5, 2, 2, 2]
    const [steps, warm] = [400_000, 1000]
    const errors = new Float64Array(2 * rows)
    let sum = 0
    for (let step = 0; step < steps; step++) {
      for (let i = 0; i < 2 * rows; i += 2) {
        const [a, b] = [errors[i], errors[i + 1]]
        errors[i] = a - rate * (A[0] * a + A[2] * b + noise * normal())
        errors[i + 1] = b - rate * (A[1] * a + A[3] * b + noise * normal())
        const [c, d] = [errors[i], errors[i + 1]]
        if (step >= warm) sum += 0.5 * (A[0] * c * c + 2 * A[1] * c * d + A[3] * d * d)
      }
    }
    expect(sum / (steps - warm) / noiseFloor(H, { rows, noise, rate })).toBeGreaterThan(0.98)
    expect(sum / (steps - warm) / noiseFloor(H, { rows, noise, rate })).toBeLessThan(1.02)
  })
})

/** W and H times their scales. */
function balanced(X: Matrix, W: Matrix, H: Matrix, rescale: boolean): [Matrix, Matrix] {
  const product = times(W, H)
  const squaredNorm = squares(product)
  const scales = balancedScales({
    squaresW: transpose(W).map(column => squares([column])),
    squaresH: H.map(row => squares([row])),
    product: rescale ? inner(X, product) : squaredNorm,
    squaredNorm,
  })
  return [W.map(row => row.map((w, k) => w * scales.W[k])), H.map((row, k) => row.map(h => h * scales.H[k]))]
}

describe('T3: a rate from the data alone', () => {
  it('starts below the loss of nothing, with as much in W as in H', () => {
    const X = uniform(6, 8)
    const [W, other] = balanced(
      X,
      uniform(6, 3).map(row => row.map(w => 7 * w)),
      uniform(3, 8),
      true,
    )
    expect(lossOf(X, W, other)).toBeLessThanOrEqual(squares(X) / 2)
    for (let k = 0; k < 3; k++) expect(squares(columnsOf(W, [k]))).toBeCloseTo(squares([other[k]]), 10)
    // no scale at all does better
    for (const scale of [0.99, 1.01]) {
      const scaled = W.map(row => row.map(w => scale * w))
      expect(lossOf(X, scaled, other)).toBeGreaterThan(lossOf(X, W, other))
    }
    const { W: none } = balancedScales({ squaresW: [4, 1], squaresH: [0, 1], product: 1, squaredNorm: 1 })
    expect(Array.from(none)).toEqual([0, 1])
  })

  it('never raises the loss, in ten thousand steps', () => {
    let [violations, steps] = [0, 0]
    while (steps < 10_000) {
      const [rows, columns, rank] = [2 + random.below(5), 2 + random.below(5), 1 + random.below(3)]
      const X = uniform(rows, columns)
      const rate = dataBound(Math.sqrt(squares(X)), rank)
      let [W, other] = balanced(X, uniform(rows, rank), uniform(rank, columns), true)
      let loss = lossOf(X, W, other)
      const check = () => {
        steps++
        const next = lossOf(X, W, other)
        if (next > loss * (1 + 1e-12)) violations++
        loss = next
      }
      for (let sweep = 0; sweep < 100; sweep++) {
        W = projected(plus(W, gradient(X, W, other), -rate))
        check()
        ;[W, other] = balanced(X, W, other, false)
        other = transpose(
          projected(plus(transpose(other), gradient(transpose(X), transpose(other), transpose(W)), -rate)),
        )
        check()
        ;[W, other] = balanced(X, W, other, false)
      }
    }
    expect(violations).toBe(0)
  })
})

describe('T4: both factors at once', () => {
  it('never raise the loss with a limit on each move, in ten thousand steps', () => {
    const cut = (F: Matrix, moved: Matrix, limit: number) =>
      make(F.length, F[0].length, (i, j) => F[i][j] + Math.max(-limit, Math.min(limit, moved[i][j] - F[i][j])))
    let [violations, steps] = [0, 0]
    while (steps < 10_000) {
      const [rows, columns, rank] = [2 + random.below(4), 2 + random.below(4), 1 + random.below(3)]
      const X = uniform(rows, columns)
      let [W, other] = [uniform(rows, rank), uniform(rank, columns)]
      for (let sweep = 0; sweep < 100; sweep++, steps++) {
        const loss = lossOf(X, W, other)
        const limit = 10 ** -(1 + random.below(3))
        const residual = random.below(2) === 0 ? Math.sqrt(2 * loss) : spectralNorm(plus(times(W, other), X, -1))
        const bound = jointBound(W, other, { residual, limit })
        const rate = 0.999 * bound
        const w = cut(W, projected(plus(W, gradient(X, W, other), -rate)), limit)
        const g = transpose(gradient(transpose(X), transpose(other), transpose(W)))
        const h = cut(other, projected(plus(other, g, -rate)), limit)
        const gain = (1 / rate - 1 / bound) * (squares(plus(w, W, -1)) + squares(plus(h, other, -1)))
        if (lossOf(X, w, h) > loss - gain + 1e-12) violations++
        ;[W, other] = [w, h]
      }
    }
    expect(violations).toBe(0)
  })

  it('is 2/(s_W² + s_H² + ρ) where nothing moves far', () => {
    const bound = jointBound(START, H, { residual: 2, limit: 0 })
    expect(bound).toBeCloseTo(2 / (2.25 + 6 + 2), 12)
  })
})
