import { describe, expect, it } from 'vitest'
import { createOptimizer, type OptimizerOptions } from '../../ts/node.js'
import { presentOrSkip } from '../conformance/backends.js'
import { BACKENDS, paramsFor, quadratic } from './problems.js'

interface Golden {
  readonly name: string
  readonly options: OptimizerOptions
  /** The rate of each step, of the last group. */
  readonly rates: readonly number[]
  /** f after each step, or after the last alone. */
  readonly losses: readonly number[]
}

// computed in float64 from the pseudo-code of Baydin et al. and, for the loop, from that of their PyTorch code
const GOLDEN: readonly Golden[] = [
  {
    name: 'SGD-HD, additive',
    options: { kind: 'sgd', learningRate: 0.01, hypergradient: { rate: 1e-3 } },
    rates: [0.01, 0.10099, 0.1010692197, 0.1017812097, 0.102356165, 0.1028197403],
    losses: [4.54005, 0.3964646517, 0.3200530741, 0.2582178219, 0.2080627424, 0.1674764464],
  },
  {
    name: 'SGD-HD, multiplicative',
    options: { kind: 'sgd', learningRate: 0.01, hypergradient: { rate: 0.02, rule: 'multiplicative' } },
    rates: [0.01, 0.01019999022, 0.01040397746, 0.01061204084, 0.01082426077, 0.01104071894],
    losses: [1.758756628],
  },
  {
    name: 'SGD-HD with momentum',
    options: { kind: 'momentum', momentum: 0.9, learningRate: 0.01, hypergradient: { rate: 1e-4 } },
    rates: [0.01, 0.019099, 0.02929121165, 0.02775623638, 0.01670511963, 0.008450419129],
    losses: [3.440436479],
  },
  {
    name: 'SGDN-HD',
    options: { kind: 'nesterov', momentum: 0.9, learningRate: 0.01, hypergradient: { rate: 1e-4 } },
    rates: [0.01, 0.02557639, 0.0307347701, 0.02496235819, 0.02111947815, 0.02142192041],
    losses: [1.010805514],
  },
  {
    name: 'Adam-HD, one vector',
    options: { kind: 'adam', learningRate: 0.01, hypergradient: { rate: 1e-4 } },
    rates: [0.01, 0.01108899994, 0.01216550967, 0.01322811574, 0.01427539857, 0.0153059384],
    losses: [4.696458927],
  },
  {
    name: 'Adam-HD, the loop over two tensors',
    options: {
      kind: 'adam',
      learningRate: 0.01,
      groups: [1, 1],
      hypergradient: { rate: 1e-4 },
      compat: 'official-loop',
    },
    rates: [0.01, 0.01108899994, 0.01216560861, 0.01322841493, 0.01427599977, 0.01530694314],
    losses: [4.700891483],
  },
]

/** The numbers above have ten digits. */
const DIGITS = 1e-9

describe.each(BACKENDS)('on %s', backend => {
  const near = (value: number, wanted: number) => {
    const bound = backend === 'reference' ? DIGITS : 1e-5 * Math.abs(wanted)
    expect(Math.abs(value - wanted), `${value} for ${wanted}`).toBeLessThanOrEqual(bound)
  }

  it.for(GOLDEN.map(one => [one.name, one] as const))('%s', async ([, golden], context) => {
    await presentOrSkip(backend, context)
    const params = paramsFor(backend, [1, 1])
    await using optimizer = await createOptimizer(params, { ...golden.options, backend })
    const losses: number[] = []
    for (const wanted of golden.rates) {
      const report = await optimizer.step(quadratic.gradient(params))
      near(optimizer.learningRates.at(-1)!, wanted)
      expect(report.learningRate).toBe(optimizer.learningRate)
      losses.push(quadratic.of(params))
    }
    golden.losses.toReversed().forEach((wanted, i) => {
      near(losses.at(-1 - i)!, wanted)
    })
  })

  it('SGD-HD with a rate for every parameter', async context => {
    await presentOrSkip(backend, context)
    const params = paramsFor(backend, [1, 1])
    const hypergradient = { rate: 1e-3, granularity: 'parameter' } as const
    await using optimizer = await createOptimizer(params, { kind: 'sgd', learningRate: 0.01, hypergradient, backend })
    for (const wanted of [0.01, 0.01099, 0.0119593287, 0.0129065394, 0.013830343, 0.0147296119]) {
      const { step, learningRate } = await optimizer.step(quadratic.gradient(params))
      const [first, second] = await optimizer.parameterRates()
      near(first, wanted)
      near(second, step === 1 ? 0.01 : 0.1)
      near(learningRate, (first + second) / 2)
    }
    near(quadratic.of(params), 0.4304493787)
  })

  // γ = δα + (1 − δ)α∞ with δ = 1/t², written out
  it.for(['global', 'parameter'] as const)(
    'the variant that is proven to converge, %s',
    async (granularity, context) => {
      await presentOrSkip(backend, context)
      const params = paramsFor(backend, [1, 1])
      const hypergradient = { rate: 1e-3, granularity, convergent: { learningRate: 0.05 } }
      await using optimizer = await createOptimizer(params, { kind: 'sgd', learningRate: 0.01, hypergradient, backend })
      const x = [1, 1]
      let before = [0, 0]
      let rates = [0.01, 0.01]
      for (let t = 1; t <= 8; t++) {
        await optimizer.step(quadratic.gradient(params))
        const g = [...quadratic.gradient(x)]
        const moves = g.map((value, i) => 1e-3 * value * before[i])
        const total = moves[0] + moves[1]
        rates = rates.map((rate, i) => rate + (granularity === 'global' ? total : moves[i]))
        const used = rates.map(rate => rate / t ** 2 + (1 - 1 / t ** 2) * 0.05)
        near(optimizer.learningRate, (used[0] + used[1]) / 2)
        for (const i of [0, 1]) x[i] -= used[i] * g[i]
        before = g
      }
      params.forEach((value, i) => {
        expect(Math.abs(value - x[i])).toBeLessThanOrEqual(backend === 'reference' ? 1e-12 : 1e-6)
      })
    },
  )
})
