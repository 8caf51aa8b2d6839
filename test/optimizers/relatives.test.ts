import { describe, expect, it } from 'vitest'
import { createOptimizer } from '../../ts/node.js'
import { presentOrSkip } from '../conformance/backends.js'
import { BACKENDS, paramsFor, quadratic } from './problems.js'

describe.each(BACKENDS)('on %s', backend => {
  const near = (actual: ArrayLike<number>, wanted: readonly number[]) => {
    wanted.forEach((value, i) => {
      const bound = backend === 'reference' ? 1e-12 : 1e-5
      expect(Math.abs(actual[i] - value)).toBeLessThanOrEqual(bound * Math.max(1, Math.abs(value)))
    })
  }

  it('Rprop steps by signs, and its rates grow, shrink and stay within bounds', async context => {
    await presentOrSkip(backend, context)
    const params = paramsFor(backend, [0, 0, 0, 0])
    const rateBounds = [0.0625, 0.5] as const
    const options = { kind: 'rprop', learningRate: 0.25, etas: [0.5, 1.5], rateBounds, backend } as const
    await using optimizer = await createOptimizer(params, options)
    // kept, changed, lost and found again, and too small for its square
    const signs = [
      [1, 1, 2, 1e-30],
      [3, -1, 0, 1e-30],
      [5, 1, -1, 1e-30],
      [7, -1, -1, -1e-30],
    ]
    const rates = [
      [0.25, 0.25, 0.25, 0.25],
      [0.375, 0.125, 0.25, 0.375],
      [0.5, 0.0625, 0.25, 0.5],
      [0.5, 0.0625, 0.375, 0.25],
    ]
    const wanted = [0, 0, 0, 0]
    for (let t = 0; t < signs.length; t++) {
      const { learningRate, squaredGradient } = await optimizer.step(Float64Array.from(signs[t]))
      near(await optimizer.parameterRates(), rates[t])
      near([learningRate], [rates[t].reduce((a, b) => a + b) / 4])
      near([squaredGradient!], [signs[t].reduce((sum, g) => sum + g * g, 0)])
      wanted.forEach((_, i) => {
        wanted[i] -= rates[t][i] * Math.sign(signs[t][i])
      })
      near(params, wanted)
    }
  })

  it('Rprop comes to the minimum of a stretched bowl, whatever the stretch', async context => {
    await presentOrSkip(backend, context)
    for (const stretch of [1, 1e4]) {
      const params = paramsFor(backend, [1, 1])
      await using optimizer = await createOptimizer(params, { kind: 'rprop', backend })
      for (let t = 0; t < 120; t++) await optimizer.step(Float64Array.of(params[0], stretch * params[1]))
      expect(Math.max(...params.map(Math.abs))).toBeLessThan(1e-4)
    }
  })

  it('IDBD moves logarithms of rates by the gradient and the trace of steps', async context => {
    await presentOrSkip(backend, context)
    const params = paramsFor(backend, [1, 1])
    const options = { kind: 'idbd', learningRate: 0.05, metaRate: 0.5, trace: 0.75, backend } as const
    await using optimizer = await createOptimizer(params, options)
    const [logs, trace, x] = [
      [Math.log(0.05), Math.log(0.05)],
      [0, 0],
      [1, 1],
    ]
    for (let t = 0; t < 12; t++) {
      await optimizer.step(quadratic.gradient(params))
      quadratic.gradient(x).forEach((g, i) => {
        logs[i] += Math.max(-2, Math.min(2, 0.5 * g * trace[i]))
        const step = Math.exp(logs[i]) * g
        trace[i] = 0.75 * trace[i] + step
        x[i] -= step
      })
      near(await optimizer.parameterRates(), logs.map(Math.exp))
    }
    near(params, x)
  })

  it('IDBD with meta-rate 0 is plain descent', async context => {
    await presentOrSkip(backend, context)
    const [own, plain] = [paramsFor(backend, [1, 1]), paramsFor(backend, [1, 1])]
    await using idbd = await createOptimizer(own, { kind: 'idbd', learningRate: 0.0625, metaRate: 0, backend })
    await using sgd = await createOptimizer(plain, { kind: 'sgd', learningRate: 0.0625, backend })
    for (let t = 0; t < 20; t++) {
      await idbd.step(quadratic.gradient(own))
      await sgd.step(quadratic.gradient(plain))
    }
    expect(own).toEqual(plain)
  })
})
