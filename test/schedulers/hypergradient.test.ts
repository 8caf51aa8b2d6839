import { describe, expect, it } from 'vitest'
import { Hypergradient, type HypergradientOptions } from '../../ts/schedulers/api.js'

const CURVATURES = [1, 10]
const START = 0.01

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0)
const combined = (a: number, x: readonly number[], b: number, y: readonly number[]) => x.map((v, i) => a * v + b * y[i])

interface Run {
  readonly rates: readonly number[]
  readonly losses: readonly number[]
}

/** The direction of step t (from 1) from the gradient; it may remember. */
type Direction = (gradient: readonly number[], t: number) => readonly number[]
/** What the direction before is multiplied with when the rate is moved at step t. */
type Rescale = (direction: readonly number[], t: number) => readonly number[]

/** Six steps on f(x) = ½(x₁² + 10x₂²) from (1, 1). */
function descend(options: HypergradientOptions, direction: Direction, rescale: Rescale = u => u): Run {
  const scheduler = new Hypergradient({ learningRate: START, ...options })
  let x: readonly number[] = [1, 1]
  let before: readonly number[] = [0, 0]
  const rates: number[] = []
  const losses: number[] = []
  for (let t = 1; t <= 6; t++) {
    const gradient = x.map((value, i) => CURVATURES[i] * value)
    const u = rescale(before, t)
    const rate = scheduler.next({
      alignment: dot(gradient, u),
      squaredGradient: dot(gradient, gradient),
      squaredDirection: dot(u, u),
    })
    before = direction(gradient, t)
    x = combined(1, x, -rate, before)
    rates.push(rate)
    losses.push(
      0.5 *
        dot(
          x,
          combined(
            1,
            [0, 0],
            1,
            x.map((value, i) => CURVATURES[i] * value),
          ),
        ),
    )
  }
  return { rates, losses }
}

function momentum(mu: number, nesterov: boolean): Direction {
  let v: readonly number[] = [0, 0]
  return gradient => {
    v = combined(mu, v, 1, gradient)
    return nesterov ? combined(1, gradient, mu, v) : v
  }
}

function adam(): Direction {
  let m: readonly number[] = [0, 0]
  let v: readonly number[] = [0, 0]
  return (gradient, t) => {
    m = combined(0.9, m, 0.1, gradient)
    v = v.map((value, i) => 0.999 * value + 0.001 * gradient[i] ** 2)
    const scale = Math.sqrt(1 - 0.999 ** t) / (1 - 0.9 ** t)
    return m.map((value, i) => (scale * value) / (Math.sqrt(v[i]) + 1e-8))
  }
}

function expectNear(found: readonly number[], wanted: readonly number[]): void {
  expect(found.length).toBe(wanted.length)
  // the golden numbers have ten digits
  for (const [i, value] of found.entries()) expect(Math.abs(value / wanted[i] - 1), `at ${i}`).toBeLessThan(1e-9)
}

describe('six steps on a quadratic', () => {
  it('additive', () => {
    const { rates, losses } = descend({ rate: 1e-3 }, gradient => gradient)
    expectNear(rates, [0.01, 0.10099, 0.1010692197, 0.1017812097, 0.102356165, 0.1028197403])
    expectNear(losses, [4.54005, 0.3964646517, 0.3200530741, 0.2582178219, 0.2080627424, 0.1674764464])
  })

  it('multiplicative', () => {
    const { rates, losses } = descend({ rate: 0.02, rule: 'multiplicative' }, gradient => gradient)
    expectNear(rates, [0.01, 0.01019999022, 0.01040397746, 0.01061204084, 0.01082426077, 0.01104071894])
    expectNear([losses[5]], [1.758756628])
  })

  it('with momentum', () => {
    const { rates, losses } = descend({ rate: 1e-4 }, momentum(0.9, false))
    expectNear(rates, [0.01, 0.019099, 0.02929121165, 0.02775623638, 0.01670511963, 0.008450419129])
    expectNear([losses[5]], [3.440436479])
  })

  it('with Nesterov momentum', () => {
    const { rates, losses } = descend({ rate: 1e-4 }, momentum(0.9, true))
    expectNear(rates, [0.01, 0.02557639, 0.0307347701, 0.02496235819, 0.02111947815, 0.02142192041])
    expectNear([losses[5]], [1.010805514])
  })

  it('with Adam', () => {
    const { rates, losses } = descend({ rate: 1e-4 }, adam())
    expectNear(rates, [0.01, 0.01108899994, 0.01216550967, 0.01322811574, 0.01427539857, 0.0153059384])
    expectNear([losses[5]], [4.696458927])
  })
})

describe('the rules', () => {
  it('the multiplicative one does not know the unit of the loss', () => {
    const options = { learningRate: 1, rule: 'multiplicative', rate: 0.5 } as const
    const one = new Hypergradient(options)
    const other = new Hypergradient(options)
    one.next({ alignment: 3, squaredGradient: 4, squaredDirection: 9 })
    other.next({ alignment: 3e6, squaredGradient: 4e6, squaredDirection: 9e6 })
    expect(one.learningRate).toBe(1.25)
    expect(other.learningRate).toBeCloseTo(1.25, 12)
  })

  it('a norm of 0 moves nothing, nor does what is not finite or not seen', () => {
    const multiplicative = new Hypergradient({ rule: 'multiplicative' })
    expect(multiplicative.next({ alignment: 0, squaredGradient: 0, squaredDirection: 1 })).toBe(1)
    expect(multiplicative.next({ alignment: 1 })).toBe(1)
    const additive = new Hypergradient()
    expect(additive.next({ alignment: Number.NaN })).toBe(1)
    expect(additive.next({ alignment: Number.POSITIVE_INFINITY })).toBe(1)
    expect(additive.next(3)).toBe(1)
    expect(additive.next()).toBe(1)
  })

  it('groups move by what is theirs, and by one number all alike', () => {
    const scheduler = new Hypergradient({ learningRates: [1, 2], rate: 0.5 })
    scheduler.next({ alignment: [1, -2] })
    expect(scheduler.learningRates).toEqual([1.5, 1])
    scheduler.next({ alignment: 1 })
    expect(scheduler.learningRates).toEqual([2, 1.5])
    const wrong = () => scheduler.next({ alignment: [1, 2, 3] })
    expect(wrong).toThrow(expect.objectContaining({ code: 'ERR_NONNEG_OPTION' }))
  })

  it('stays within its bounds, and ≥ 0 by itself', () => {
    const steep = { alignment: -1e9 }
    expect(new Hypergradient().next(steep)).toBe(0)
    expect(new Hypergradient({ minLr: 0.25, maxLr: 2 }).next(steep)).toBe(0.25)
    expect(new Hypergradient({ minLr: 0.25, maxLr: 2 }).next({ alignment: 1e9 })).toBe(2)
    expect(new Hypergradient({ minLr: Number.NEGATIVE_INFINITY }).next(steep)).toBe(1 - 1e6)
  })

  it('tends to its limit as 1/t²', () => {
    const scheduler = new Hypergradient({ learningRate: 1, limit: 0.1, rate: 0.5 })
    expect(scheduler.next()).toBe(1)
    expect(scheduler.next({ alignment: 2 })).toBeCloseTo(0.25 * 2 + 0.75 * 0.1, 12)
    expect(scheduler.next()).toBeCloseTo(2 / 9 + (8 / 9) * 0.1, 12)
    expect(scheduler.next({ step: 999 })).toBeCloseTo(0.1, 5)
  })

  it('refuses a start at 0 that it could never leave', () => {
    expect(new Hypergradient({ learningRate: 0, rate: 0.5 }).next({ alignment: 1 })).toBe(0.5)
    const wrong = () => new Hypergradient({ learningRate: 0, rule: 'multiplicative' })
    expect(wrong).toThrow(expect.objectContaining({ code: 'ERR_NONNEG_OPTION' }))
  })
})
