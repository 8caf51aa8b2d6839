import { describe, expect, it } from 'vitest'
import { Random } from '../../ts/core/random.js'
import { balancedScales, dataBound, jointBound, noiseFloor, stabilityBound } from '../../ts/schedulers/stability.js'
import {
  batchGradient,
  columnsOf,
  draw,
  gradient,
  inner,
  lossOf,
  type Matrix,
  make,
  plus,
  projected,
  spectralNorm,
  squares,
  times,
  transpose,
  uniform,
} from './matrices.js'

// Steps that the theorems of docs/stability.md allow, by the thousand, in plain matrices.

const random = new Random(43)

const H: Matrix = [
  [1, 0, 2],
  [0, 1, 1],
]
const START: Matrix = [
  [1, 0.5],
  [0.5, 1],
]

describe('T1b: batches whose rate was chosen with them', () => {
  it('never move away from W*, whatever chose the rate', () => {
    const [other, target] = [uniform(random, 3, 9), uniform(random, 4, 3)]
    const X = times(target, other)
    let W = uniform(random, 4, 3)
    let violations = 0
    for (let step = 0; step < 10_000; step++) {
      if (step % 50 === 0) W = uniform(random, 4, 3)
      const batch = draw(random, 9, 1 + random.below(4))
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
    const [other, target] = [uniform(random, 3, 9), uniform(random, 4, 3)]
    const [X, W] = [times(target, other), plus(target, uniform(random, 4, 3), 0.1)]
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
    const X = uniform(random, 6, 8)
    const [W, other] = balanced(
      X,
      uniform(random, 6, 3).map(row => row.map(w => 7 * w)),
      uniform(random, 3, 8),
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
      const X = uniform(random, rows, columns)
      const rate = dataBound(Math.sqrt(squares(X)), rank)
      let [W, other] = balanced(X, uniform(random, rows, rank), uniform(random, rank, columns), true)
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
      const X = uniform(random, rows, columns)
      let [W, other] = [uniform(random, rows, rank), uniform(random, rank, columns)]
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
