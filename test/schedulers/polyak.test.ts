import { expect, it } from 'vitest'
import { PolyakStepSize } from '../../ts/schedulers/api.js'

it('is the loss over c times the squared gradient', () => {
  const scheduler = new PolyakStepSize({ adapt: 'constant', eps: 0 })
  expect(scheduler.next({ batchLoss: 3, squaredGradient: 4 })).toBe(1.5)
  expect(new PolyakStepSize({ adapt: 'constant', c: 0.2, eps: 1 }).next({ batchLoss: 3, squaredGradient: 5 })).toBe(1.5)
  const known = new PolyakStepSize({ adapt: 'constant', lowestLoss: 1, eps: 0 })
  expect(known.next({ batchLoss: 3, squaredGradient: 4 })).toBe(1)
})

it('grows by no more than γ in an epoch', () => {
  const scheduler = new PolyakStepSize({ learningRate: 0.5, batchesPerEpoch: 2, gamma: 4, eps: 0 })
  const steep = { batchLoss: 100, squaredGradient: 1 }
  expect(scheduler.next(steep)).toBe(1)
  expect(scheduler.next({ batchLoss: 1, squaredGradient: 8 })).toBe(0.25)
  expect(scheduler.next(steep)).toBe(0.5)
})

it('has an upper bound', () => {
  const scheduler = new PolyakStepSize({ adapt: 'constant', maxLr: 0.3 })
  expect(scheduler.next({ batchLoss: 100, squaredGradient: 1 })).toBe(0.3)
})

it('is 0 where there is nothing to go down, and goes on from the rate before', () => {
  const scheduler = new PolyakStepSize({ learningRate: 1, lowestLoss: 1, batchesPerEpoch: 1 })
  expect(scheduler.next({ batchLoss: 5, squaredGradient: 1e-20 })).toBe(0)
  expect(scheduler.next({ batchLoss: 1, squaredGradient: 1 })).toBe(0)
  expect(scheduler.next({ batchLoss: 0.5, squaredGradient: 1 })).toBe(0)
  expect(scheduler.next({ batchLoss: 100, squaredGradient: 1 })).toBe(2)
})

it('stays where loss or gradient are not seen, or not finite', () => {
  const scheduler = new PolyakStepSize({ learningRate: 0.5 })
  expect(scheduler.next({ batchLoss: 3 })).toBe(0.5)
  expect(scheduler.next({ squaredGradient: 3 })).toBe(0.5)
  expect(scheduler.next(3)).toBe(0.5)
  expect(scheduler.next({ batchLoss: Number.NaN, squaredGradient: 1 })).toBe(0.5)
  expect(scheduler.next({ batchLoss: 1, squaredGradient: Number.NaN })).toBe(0.5)
})

it('reaches the minimum of an interpolated least-squares problem', () => {
  // two batches that agree at x = (1, 2): f_B = ½⟨a, x − x*⟩²
  const rows = [
    [1, 0.5],
    [-0.5, 2],
  ]
  const scheduler = new PolyakStepSize({ adapt: 'constant', eps: 0 })
  const x = [0, 0]
  for (let step = 0; step < 40; step++) {
    const a = rows[step % 2]
    const residual = a[0] * (x[0] - 1) + a[1] * (x[1] - 2)
    const rate = scheduler.next({
      batchLoss: 0.5 * residual ** 2,
      squaredGradient: residual ** 2 * (a[0] ** 2 + a[1] ** 2),
    })
    x[0] -= rate * residual * a[0]
    x[1] -= rate * residual * a[1]
  }
  expect(x[0]).toBeCloseTo(1, 6)
  expect(x[1]).toBeCloseTo(2, 6)
})
