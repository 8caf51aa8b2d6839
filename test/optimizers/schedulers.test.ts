import { describe, expect, it } from 'vitest'
import { createOptimizer } from '../../ts/node.js'
import { GreedyLR } from '../../ts/schedulers/greedy.js'
import { Hypergradient } from '../../ts/schedulers/hypergradient.js'
import { PolyakStepSize } from '../../ts/schedulers/polyak.js'
import { presentOrSkip } from '../conformance/backends.js'
import { BACKENDS, drawnPath, paramsFor, quadratic, sameBits } from './problems.js'

describe.each(BACKENDS)('schedulers that observe, on %s', backend => {
  it.for(['sgd', 'momentum', 'nesterov', 'adam'] as const)(
    'see what the hypergradient of the optimizer sees: %s',
    async (kind, context) => {
      await presentOrSkip(backend, context)
      for (const rule of ['additive', 'multiplicative'] as const) {
        const [learningRate, rate] = [2 ** -6, 0.03]
        const size = { length: 37, steps: 8 }
        const own = await drawnPath({ kind, learningRate, hypergradient: { rate, rule }, backend }, size)
        const scheduler = new Hypergradient({ learningRate, rate, rule })
        const scheduled = await drawnPath({ kind, scheduler, backend }, size)
        expect(scheduled.rates).toEqual(own.rates)
        expect(sameBits(scheduled.params, own.params)).toBe(true)
        expect(own.rates.at(-1)).not.toEqual(own.rates[0])
      }
    },
  )

  it('see it for each group where they have several rates', async context => {
    await presentOrSkip(backend, context)
    const [groups, rate] = [[30, 7], 0.03]
    const size = { length: 37, steps: 8 }
    const hypergradient = { rate, granularity: 'group' } as const
    const own = await drawnPath({ kind: 'momentum', learningRate: 0.125, groups, hypergradient, backend }, size)
    const scheduler = new Hypergradient({ learningRates: [0.125, 0.125], rate })
    const scheduled = await drawnPath({ kind: 'momentum', groups, scheduler, backend }, size)
    expect(scheduled.rates).toEqual(own.rates)
  })

  it('see the batch that they step on: a Polyak step of a parabola halves the way', async context => {
    await presentOrSkip(backend, context)
    const params = paramsFor(backend, [8])
    const scheduler = new PolyakStepSize({ c: 1, adapt: 'constant', eps: 0 })
    await using optimizer = await createOptimizer(params, { kind: 'sgd', scheduler, backend })
    for (const wanted of [4, 2, 1, 0.5]) {
      await optimizer.step(() => ({ loss: params[0] ** 2 / 2, gradient: params.slice() }))
      expect(params[0]).toBe(wanted)
    }
  })

  it('follow the loss of closures', async context => {
    await presentOrSkip(backend, context)
    const params = paramsFor(backend, [1, 1])
    const scheduler = new GreedyLR({ learningRate: 0.01, patience: 2, factor: 0.5, maxLr: 0.09 })
    await using optimizer = await createOptimizer(params, { kind: 'sgd', scheduler, backend })
    const closure = () => ({ loss: quadratic.of(params), gradient: quadratic.gradient(params) })
    for (let t = 0; t < 60; t++) await optimizer.step(closure)
    expect(optimizer.learningRate).toBe(0.09)
    expect(quadratic.of(params)).toBeLessThan(0.01)
  })
})
