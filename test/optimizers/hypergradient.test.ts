import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createOptimizer, type HypergradientOptions, type OptimizerOptions } from '../../ts/node.js'
import { presentOrSkip } from '../conformance/backends.js'
import { holds } from '../properties/problems.js'
import { BACKENDS, drawnPath, numbers, paramsFor, rosenbrock, sameBits } from './problems.js'

const KINDS = ['sgd', 'momentum', 'nesterov', 'adam'] as const
const GRANULARITIES = ['global', 'group', 'parameter'] as const
const RULES = ['additive', 'multiplicative'] as const
/** As what the reference, and what float32 keep of a sum of a few dozen terms. */
const NEAR = { reference: 1e-12, native: 1e-5, wasm: 1e-5 } as const

/** Options of a kind, drawn; rates are powers of two, so that no conversion rounds them. */
const drawn = fc.record({
  seed: fc.integer({ min: 1, max: 1e6 }),
  length: fc.integer({ min: 1, max: 40 }),
  learningRate: fc.constantFrom(2 ** -3, 2 ** -5, 2 ** -7),
  weightDecay: fc.constantFrom(0, 0.125),
  clip: fc.constantFrom(Number.POSITIVE_INFINITY, 0.5),
  limit: fc.constantFrom(Number.POSITIVE_INFINITY, 0.05),
  nonNegative: fc.boolean(),
})

describe.each(BACKENDS)('hypergradients on %s', backend => {
  const near = (actual: ArrayLike<number>, wanted: ArrayLike<number>, scale = 1) => {
    for (let i = 0; i < wanted.length; i++) {
      expect(Math.abs(actual[i] - wanted[i])).toBeLessThanOrEqual(NEAR[backend as 'wasm'] * scale)
    }
  }
  const each = KINDS.flatMap(kind => RULES.map(rule => [kind, rule] as const))

  it.for(each)('with rate 0 are the plain %s, bit for bit: %s', async ([kind, rule], context) => {
    await presentOrSkip(backend, context)
    await holds(fc.tuple(drawn, fc.constantFrom(...GRANULARITIES)), 12, async ([given, granularity]) => {
      const { seed, length, ...settings } = given
      const options: OptimizerOptions & { backend: typeof backend } = { kind, ...settings, backend }
      const plain = await drawnPath(options, { length, seed })
      const moved = await drawnPath({ ...options, hypergradient: { rate: 0, rule, granularity } }, { length, seed })
      expect(sameBits(moved.params, plain.params)).toBe(true)
      expect(moved.rates).toEqual(plain.rates)
    })
  })

  it('with rate 0 are so across chunks and groups too', async context => {
    await presentOrSkip(backend, context)
    const groups = [40_000, 1, { length: 50_003, learningRate: 0.25 }]
    const options: OptimizerOptions & { backend: typeof backend } = {
      kind: 'momentum',
      groups,
      learningRate: 0.5,
      backend,
    }
    const size = { length: 90_004, steps: 3 }
    const plain = await drawnPath(options, size)
    for (const granularity of ['group', 'parameter'] as const) {
      const moved = await drawnPath({ ...options, hypergradient: { rate: 0, granularity } }, size)
      expect(sameBits(moved.params, plain.params)).toBe(true)
    }
  })

  it.for(each)('for one group are those for all: %s, %s', async ([kind, rule], context) => {
    await presentOrSkip(backend, context)
    await holds(drawn, 12, async ({ seed, length, ...settings }) => {
      const options: OptimizerOptions & { backend: typeof backend } = { kind, ...settings, backend }
      const [all, group] = await Promise.all(
        (['global', 'group'] as const).map(granularity =>
          drawnPath({ ...options, hypergradient: { rate: 0.125, rule, granularity } }, { length, seed }),
        ),
      )
      expect(sameBits(group.params, all.params)).toBe(true)
      expect(group.rates).toEqual(all.rates)
    })
  })

  it.for(each)('for one parameter are those for all: %s, %s', async ([kind, rule], context) => {
    await presentOrSkip(backend, context)
    await holds(drawn, 12, async ({ seed, length: _, ...settings }) => {
      const options: OptimizerOptions & { backend: typeof backend } = { kind, ...settings, backend }
      const [all, own] = await Promise.all(
        (['global', 'parameter'] as const).map(granularity =>
          drawnPath({ ...options, hypergradient: { rate: 0.03, rule, granularity } }, { length: 1, seed }),
        ),
      )
      near(own.params, all.params)
      near(own.rates.flat(), all.rates.flat())
    })
  })

  // loss·c with learningRate/c, for Adam epsilon·c: the same path, with rates divided by c
  it.for(KINDS)('of the multiplicative rule do not see the scale of the loss: %s', async (kind, context) => {
    await presentOrSkip(backend, context)
    const given = fc.tuple(drawn, fc.constantFrom(...GRANULARITIES), fc.constantFrom(-12, -3, 4, 20))
    await holds(given, 12, async ([{ seed, length, learningRate }, granularity, power]) => {
      const scale = 2 ** power
      const hypergradient = { rate: 0.25, rule: 'multiplicative', granularity } as const
      const isAdam = kind === 'adam'
      const path = (factor: number) => {
        const rates = isAdam ? { learningRate, epsilon: factor * 2 ** -20 } : { learningRate: learningRate / factor }
        return drawnPath({ kind, ...rates, hypergradient, backend }, { length, seed, scale: factor })
      }
      const [one, other] = [await path(1), await path(scale)]
      expect(sameBits(other.params, one.params)).toBe(true)
      expect(other.rates.map(list => list.map(rate => (isAdam ? rate : rate * scale)))).toEqual(one.rates)
    })
  })

  it.for(each)('keep rates within their bounds: %s, %s', async ([kind, rule], context) => {
    await presentOrSkip(backend, context)
    const [lowest, highest] = [2 ** -6, 2 ** -4]
    const given = fc.tuple(drawn, fc.constantFrom(...GRANULARITIES))
    await holds(given, 10, async ([{ seed, length }, granularity]) => {
      const hypergradient: HypergradientOptions = { rate: 0.9, rule, granularity, lowest, highest }
      const groups = length > 1 ? [1, length - 1] : [1]
      const { rates } = await drawnPath(
        { kind, learningRate: 2 ** -5, groups, hypergradient, backend },
        { length, seed, steps: 8 },
      )
      const met = rates.flat()
      expect(Math.min(...met)).toBeGreaterThanOrEqual(lowest)
      expect(Math.max(...met)).toBeLessThanOrEqual(highest)
      expect(met.some(rate => rate !== 2 ** -5)).toBe(true)
    })
  })
})

describe('a hypergradient', () => {
  // h = −∂f(θ_t)/∂α_{t−1}: the rate of step t − 1 is moved a little, its direction kept
  it.for(KINDS.flatMap(kind => GRANULARITIES.map(granularity => [kind, granularity] as const)))(
    'is the derivative of the loss by the rate before: %s, %s',
    async ([kind, granularity]) => {
      const groups = granularity === 'group' ? [2, 3] : [5]
      const params = Float64Array.from(numbers(5, 3))
      const [rate, learningRate] = [1e-7, 1e-3]
      const hypergradient = { rate, granularity, lowest: Number.NEGATIVE_INFINITY }
      await using optimizer = await createOptimizer(params, { kind, learningRate, groups, hypergradient })
      const ratesNow = async () =>
        granularity === 'parameter' ? [...(await optimizer.parameterRates())] : [...optimizer.learningRates]
      /** Which rate a parameter steps with. */
      const rateOf = (i: number) => (granularity === 'parameter' ? i : granularity === 'group' && i >= 2 ? 1 : 0)
      for (let t = 1; t <= 6; t++) {
        const before = params.slice()
        await optimizer.step(rosenbrock.gradient(params))
        const stepped = await ratesNow()
        const directions = params.map((value, i) => (before[i] - value) / stepped[rateOf(i)])
        const after = params.slice()
        await optimizer.step(rosenbrock.gradient(params))
        const moved = await ratesNow()
        for (let k = 0; k < moved.length; k++) {
          const at = (change: number) =>
            rosenbrock.of(after.map((value, i) => (rateOf(i) === k ? value - change * directions[i] : value)))
          const width = 1e-6
          const slope = (at(width) - at(-width)) / (2 * width)
          const found = (moved[k] - stepped[k]) / rate
          expect(Math.abs(found + slope)).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(slope)))
        }
      }
    },
  )

  it('under the official loop may make a rate negative, elsewhere not', async () => {
    const path = async (compat?: 'official-loop') => {
      const params = Float64Array.of(1, 1)
      const hypergradient = { rate: 0.5 }
      await using optimizer = await createOptimizer(params, { kind: 'sgd', learningRate: 0.125, hypergradient, compat })
      await optimizer.step(Float64Array.of(1, 1))
      await optimizer.step(Float64Array.of(-1, -1))
      return optimizer.learningRate
    }
    expect(await path()).toBe(0)
    expect(await path('official-loop')).toBe(-0.875)
  })

  it('of a gradient that is not finite leaves the rate as it is', async () => {
    const params = paramsFor('reference', [1, 1])
    const options = { kind: 'sgd', learningRate: 0.5, hypergradient: { rate: 1 }, nonFinite: 'pass' } as const
    await using optimizer = await createOptimizer(params, options)
    await optimizer.step(Float64Array.of(1, 1))
    await optimizer.step(Float64Array.of(Number.NaN, 1))
    expect(optimizer.learningRate).toBe(0.5)
    expect(params[0]).toBeNaN()
    expect(params[1]).toBe(0)
  })
})
