import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Device } from '../../ts/backends/backend.js'
import { axpby } from '../../ts/kernels/axpby.js'
import { gradient_products } from '../../ts/kernels/gradient_products.js'
import { momentum_step } from '../../ts/kernels/momentum_step.js'
import { sgd_step } from '../../ts/kernels/sgd_step.js'
import { createOptimizer } from '../../ts/node.js'
import { hasDriver, softwareBackend, watched } from './software.js'

describe.runIf(hasDriver)('WebGPU vectors', () => {
  const watch = watched()
  let device: Device

  beforeAll(async () => {
    device = await softwareBackend({}, watch.provider).open()
  })
  afterAll(() => device[Symbol.asyncDispose]())

  it('adds vectors in place, on either side and on both', async () => {
    await using vectors = await device.createOptimizer(3, { kernels: [axpby] })
    const after = async (arrays: Record<string, string>) => {
      await vectors.upload('x', Float32Array.of(1, 2, 3))
      await vectors.upload('y', Float32Array.of(10, 20, 30))
      await vectors.run(axpby, { a: 2, b: 3 }, { arrays })
      return [...(await vectors.read(arrays.out))]
    }
    expect(await after({ out: 'out' })).toEqual([32, 64, 96])
    expect(await after({ out: 'x' })).toEqual([32, 64, 96])
    expect(await after({ out: 'y' })).toEqual([32, 64, 96])
    expect(await after({ y: 'x', out: 'x' })).toEqual([5, 10, 15])
  })

  it('refuses an array that is written and stands for another', async () => {
    await using vectors = await device.createOptimizer(3, { kernels: [momentum_step] })
    await expect(vectors.run(momentum_step, { rate: 1 }, { arrays: { g: 'u' } })).rejects.toMatchObject({
      code: 'ERR_NONNEG_OPTION',
      message: expect.stringMatching(/"u"/),
    })
    // two that are only read may be one
    await vectors.upload('p', Float32Array.of(1, 2, 3))
    expect(await vectors.run(gradient_products, {}, { arrays: { g: 'p' } })).toEqual([{ gu: 0, gg: 14, uu: 0 }])
  })

  it('takes one submission and one read-back a step, and no new buffer', async () => {
    await using vectors = await device.createOptimizer(5000, { kernels: [sgd_step], groups: [4000, 0, 1000] })
    await vectors.fill('g', 1)
    await vectors.run(sgd_step, { rate: 1 })
    const before = [watch.dispatches(), watch.submissions(), watch.maps(), watch.made()]
    expect(await vectors.run(sgd_step, { rate: 1 })).toEqual([{ gg: 4000 }, { gg: 0 }, { gg: 1000 }])
    const now = [watch.dispatches(), watch.submissions(), watch.maps(), watch.made()]
    expect(now.map((count, at) => count - before[at])).toEqual([2, 1, 1, 0])
  })

  it('steps parameters of createOptimizer as the reference does', async () => {
    const outcomes: number[][] = []
    for (const backend of ['webgpu', 'reference'] as const) {
      const params = Float32Array.of(5, 5, -2)
      await using optimizer = await createOptimizer(params, {
        kind: 'nesterov',
        backend,
        learningRate: 1e-3,
        hypergradient: { rate: 0.1, rule: 'multiplicative', granularity: 'global' },
      })
      for (let step = 0; step < 40; step++) {
        await optimizer.step(Float32Array.from(params, (p, i) => (i + 1) * (p - i)))
      }
      outcomes.push([...params])
    }
    const [own, wanted] = outcomes
    own.forEach((value, i) => {
      expect(Math.abs(value - wanted[i])).toBeLessThan(1e-4)
    })
    expect(Math.abs(own[0])).toBeLessThan(4)
  })

  it('frees its memory', async () => {
    const before = watch.live.size
    for (let round = 0; round < 3; round++) {
      const vectors = await device.createOptimizer(100, { kernels: [momentum_step] })
      await vectors.run(momentum_step, { rate: 1 })
      await vectors[Symbol.asyncDispose]()
      expect(watch.live.size).toBe(before)
    }
  })
})
