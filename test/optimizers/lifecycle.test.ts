import { describe, expect, it } from 'vitest'
import { sgd_step } from '../../ts/kernels/sgd_step.js'
import { type Closure, closeDevices, createOptimizer, type FloatArray, type OptimizerOptions } from '../../ts/node.js'
import type { Method, MethodReport, StepContext } from '../../ts/optimizers/method.js'
import { Optimizer } from '../../ts/optimizers/optimizer.js'
import { deviceOf, presentOrSkip } from '../conformance/backends.js'
import { Halving } from './halving.js'
import { BACKENDS, numbers, paramsFor, quadratic, sameBits } from './problems.js'

const code = (name: string) => expect.objectContaining({ code: `ERR_NONNEG_${name}` })

describe.each(BACKENDS)('an optimizer on %s', backend => {
  it('steps the array that it was given, in groups', async context => {
    await presentOrSkip(backend, context)
    const params = Float32Array.of(1, 1, 1, 1)
    const groups = [1, { length: 2, learningRate: 0.25, weightDecay: 1 }, { length: 1, limit: 0.125 }]
    await using optimizer = await createOptimizer(params, { kind: 'sgd', learningRate: 0.5, groups, backend })
    expect(optimizer.backend).toBe(backend)
    expect(optimizer.learningRates).toEqual([0.5, 0.25, 0.5])
    const report = await optimizer.step(Float32Array.of(1, 1, 0, 1))
    expect([...params]).toEqual([0.5, 0.5, 0.75, 0.875])
    expect(report).toEqual({ step: 1, learningRate: 0.5, squaredGradient: 1 + 4 + 1 + 1, forwards: 0, backwards: 1 })
    expect(optimizer.explain()).toContain(`${backend}: chosen`)
  })

  it('takes a closure, and tells the scheduler of the loss', async context => {
    await presentOrSkip(backend, context)
    const params = paramsFor(backend, [1, 1])
    const scheduler = new Halving(0.0625)
    await using optimizer = await createOptimizer(params, { kind: 'sgd', scheduler, backend })
    const closure = async () => ({ loss: quadratic.of(params), gradient: quadratic.gradient(params) })
    const rates: number[] = []
    for (let t = 0; t < 4; t++) rates.push((await optimizer.step(closure)).learningRate)
    expect(rates).toEqual([0.0625, 0.0625, 0.03125, 0.03125])
    expect(scheduler.seen.map(({ step }) => step)).toEqual([0, 1, 2, 3])
    const [first, second] = scheduler.seen
    expect(first).toEqual({
      step: 0,
      loss: 5.5,
      batchLoss: 5.5,
      squaredGradient: 101,
      alignment: 0,
      squaredDirection: 0,
    })
    // of the gradients at (1, 1) and (0.9375, 0.375)
    expect(second).toMatchObject({ squaredGradient: 14.94140625, alignment: 38.4375, squaredDirection: 101 })
    await optimizer.step(quadratic.gradient(params), { loss: 3 })
    expect(scheduler.seen[4]).toMatchObject({ step: 4, loss: 3 })
  })

  it('takes the rates of groups from a scheduler that has several', async context => {
    await presentOrSkip(backend, context)
    const params = paramsFor(backend, [1, 1])
    const scheduler = new Halving(0.5, 0.25)
    await using optimizer = await createOptimizer(params, { kind: 'sgd', groups: [1, 1], scheduler, backend })
    await optimizer.step(Float32Array.of(1, 1))
    expect([...params]).toEqual([0.5, 0.75])
    expect(optimizer.learningRates).toEqual([0.5, 0.25])
  })

  it('reads gradients where they are written', async context => {
    await presentOrSkip(backend, context)
    const params = Float32Array.of(1, 2)
    await using optimizer = await createOptimizer(params, { kind: 'sgd', learningRate: 1, backend })
    const { gradient } = optimizer
    expect(gradient).toHaveLength(2)
    gradient!.set([0.5, 1])
    await optimizer.step(gradient!)
    expect([...params]).toEqual([0.5, 1])
  })

  it('learns of other parameters by reload alone', async context => {
    await presentOrSkip(backend, context)
    const params = Float32Array.of(1)
    await using optimizer = await createOptimizer(params, { kind: 'sgd', learningRate: 1, backend })
    params[0] = 5
    await optimizer.step(Float32Array.of(0))
    expect(params[0]).toBe(1)
    params[0] = 5
    await optimizer.reload()
    await optimizer.step(Float32Array.of(1))
    expect(params[0]).toBe(4)
    expect([...(await optimizer.evaluated())]).toEqual([4])
  })

  it('lets no gradient through that is not finite, unless told so', async context => {
    await presentOrSkip(backend, context)
    const params = Float32Array.of(1, 1, 1)
    const bad = Float32Array.of(1, Number.NaN, Number.POSITIVE_INFINITY)
    const options = { kind: 'momentum', learningRate: 0.5, backend } as const
    await using strict = await createOptimizer(params, options)
    await expect(strict.step(bad)).rejects.toThrow(code('NOT_FINITE'))
    await expect(strict.step(bad)).rejects.toThrow('gradient[1] = NaN')
    await using lenient = await createOptimizer(params, { ...options, nonFinite: 'skip' })
    expect(await lenient.step(bad)).toMatchObject({ step: 0, skipped: true, backwards: 1 })
    expect([...params]).toEqual([1, 1, 1])
    expect(await lenient.step(Float32Array.of(1, 1, 1))).toMatchObject({ step: 1 })
    expect([...params]).toEqual([0.5, 0.5, 0.5])
    // squares beyond float32, but no entry is
    await lenient.step(Float32Array.of(1e30, 0, 0))
    expect(params[0]).toBeCloseTo(-5e29, -25)
    await using careless = await createOptimizer(params, { ...options, nonFinite: 'pass' })
    await careless.step(bad)
    expect(params[1]).toBeNaN()
  })

  it('refuses a gradient that does not fit, calls that overlap and calls after the end', async context => {
    await presentOrSkip(backend, context)
    const params = Float32Array.of(1, 1)
    const optimizer = await createOptimizer(params, { kind: 'sgd', learningRate: 1, backend })
    await expect(optimizer.step(new Float32Array(3))).rejects.toThrow(code('SHAPE'))
    await expect(optimizer.step([1, 1] as unknown as Float32Array)).rejects.toThrow(code('DTYPE'))
    await expect(optimizer.step(() => ({ loss: 1 }))).rejects.toThrow(code('DTYPE'))
    await expect(optimizer.step((() => ({})) as never)).rejects.toThrow(code('OPTION'))
    await expect(optimizer.step(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine')
    await expect(optimizer.parameterRates()).rejects.toThrow(code('OPTION'))
    expect([...params]).toEqual([1, 1])
    const first = optimizer.step(Float32Array.of(1, 1))
    await expect(optimizer.step(Float32Array.of(1, 1))).rejects.toThrow(code('BACKEND'))
    await expect(optimizer.state()).rejects.toThrow(code('BACKEND'))
    const ended = optimizer[Symbol.asyncDispose]()
    expect(await first).toMatchObject({ step: 1 })
    expect([...params]).toEqual([0, 0])
    await ended
    await optimizer[Symbol.asyncDispose]()
    await expect(optimizer.step(Float32Array.of(1, 1))).rejects.toThrow(code('DISPOSED'))
    expect(() => optimizer.gradient).toThrow(code('DISPOSED'))
  })

  it('ends by a signal between steps', async context => {
    await presentOrSkip(backend, context)
    const params = Float32Array.of(1)
    const own = new AbortController()
    const options = { kind: 'sgd', learningRate: 0.5, signal: own.signal, backend } as const
    await using optimizer = await createOptimizer(params, options)
    const controller = new AbortController()
    const closure = () => {
      controller.abort(new Error('enough'))
      return { loss: 1, gradient: Float32Array.of(1) }
    }
    await expect(optimizer.step(closure, { signal: controller.signal })).rejects.toMatchObject({
      code: 'ERR_NONNEG_ABORTED',
      cause: new Error('enough'),
    })
    expect(params[0]).toBe(1)
    await optimizer.step(Float32Array.of(1))
    expect(params[0]).toBe(0.5)
    own.abort()
    await expect(optimizer.step(Float32Array.of(1))).rejects.toThrow(code('ABORTED'))
    await expect(createOptimizer(params, options)).rejects.toThrow(code('ABORTED'))
  })

  it('does not make steps depend on threads', async context => {
    await presentOrSkip(backend, context)
    const [start, gradient] = [numbers(200_003, 5), numbers(200_003, 6)]
    const paths = await Promise.all(
      [1, 3].map(async threads => {
        const params = start.slice()
        const options = { kind: 'adam', hypergradient: { rate: 1e-3 }, threads, backend } as const
        await using optimizer = await createOptimizer(params, options)
        for (let t = 0; t < 3; t++) await optimizer.step(gradient)
        return { params, rate: optimizer.learningRate }
      }),
    )
    expect(sameBits(paths[1].params, paths[0].params)).toBe(true)
    expect(paths[1].rate).toBe(paths[0].rate)
    expect(sameBits(paths[0].params, start)).toBe(false)
  })
})

/** Steps back and forth with looks at the loss, one of which may fail. */
class Probing implements Method {
  readonly needs = { kernels: [sgd_step], arrays: ['start'] }
  readonly needsClosure = true
  readonly evaluated = 'start'
  tried = 0

  async step({ vectors, lossNow, loss }: StepContext): Promise<MethodReport> {
    const losses = [loss]
    for (const rate of [1, -0.5, -0.5]) {
      this.tried++
      await vectors.run(sgd_step, { rate })
      losses.push(await lossNow())
    }
    expect(losses).toEqual([8, 2, 4.5, 8])
    return { learningRate: 0 }
  }

  state() {
    return { tried: this.tried }
  }

  restore({ tried }: Readonly<Record<string, unknown>>): void {
    this.tried = tried as number
  }
}

describe('a kind that looks at the loss elsewhere', () => {
  const make = async (params: FloatArray) => {
    const method = new Probing()
    const device = await deviceOf('reference')
    const vectors = await device.createOptimizer(params.length, method.needs)
    await vectors.upload('p', params)
    const loan = { device, giveBack: async () => {} }
    const ranking = { candidates: [], refusals: [], threads: 1, fast: false, chosenBy: 'option' } as const
    const known = { kind: 'sgd', backend: 'reference', nonFinite: 'throw', groups: [1], learningRates: [1] } as const
    const nothing = { scheduler: undefined, signal: undefined }
    return { method, optimizer: new Optimizer({ ...known, ...nothing, params, method, ranking, loan, vectors }) }
  }

  it('sees the parameters there, counts, and leaves no trace where the closure fails', async () => {
    const params = Float64Array.of(4)
    const { method, optimizer } = await make(params)
    const closure: Closure = withGradient => {
      const loss = 0.5 * params[0] ** 2
      return withGradient ? { loss, gradient: Float64Array.of(2) } : { loss }
    }
    expect(await optimizer.step(closure)).toMatchObject({ step: 1, loss: 8, forwards: 3, backwards: 1 })
    let looks = 0
    const failing: Closure = async withGradient => {
      if (++looks === 3) throw new Error('mine')
      return closure(withGradient)
    }
    await expect(optimizer.step(failing)).rejects.toThrow('mine')
    expect([...params]).toEqual([4])
    expect(method.tried).toBe(3)
    expect(await optimizer.step(closure)).toMatchObject({ step: 2, forwards: 8, backwards: 3 })
    await expect(optimizer.step(Float64Array.of(2))).rejects.toThrow(code('OPTION'))
    expect([...(await optimizer.evaluated())]).toEqual([0])
    await optimizer[Symbol.asyncDispose]()
  })
})

describe('createOptimizer', () => {
  it('keeps float64 on the reference, unless another backend is asked for by name', async context => {
    const params = Float64Array.of(1)
    await using exact = await createOptimizer(params, { kind: 'sgd', learningRate: 2 ** -30 })
    expect(exact.backend).toBe('reference')
    expect(exact.explain()).toContain('it steps in float32')
    await exact.step(Float64Array.of(1))
    expect(params[0]).toBe(1 - 2 ** -30)
    await using rounded = await createOptimizer(params, { kind: 'sgd', learningRate: 2 ** -30, backend: 'wasm' })
    await rounded.step(Float64Array.of(1))
    expect(params[0]).toBe(1)
    await presentOrSkip('native', context)
    await using quick = await createOptimizer(Float32Array.of(1), { kind: 'sgd' })
    expect(quick.backend).toBe('native')
  })

  it('refuses what makes no sense before any work', async () => {
    const sgd = (more: object) => ({ kind: 'sgd', ...more }) as OptimizerOptions
    const adam = (more: object) => ({ kind: 'adam', ...more }) as OptimizerOptions
    const options: readonly (readonly [OptimizerOptions, string])[] = [
      [{} as OptimizerOptions, 'OPTION'],
      [{ kind: 'adamax' } as never, 'OPTION'],
      [sgd({ momentum: 0.9 }), 'OPTION'],
      [sgd({ learningRate: -1 }), 'OPTION'],
      [sgd({ learningRate: Number.NaN }), 'OPTION'],
      [sgd({ clip: 0 }), 'OPTION'],
      [sgd({ limit: 'no' }), 'OPTION'],
      [sgd({ nonNegative: 1 }), 'OPTION'],
      [sgd({ weightDecay: -1 }), 'OPTION'],
      [sgd({ groups: [1] }), 'SHAPE'],
      [sgd({ groups: [] }), 'OPTION'],
      [sgd({ groups: [1, 0, 1] }), 'OPTION'],
      [sgd({ groups: [1, { length: 1, momentum: 0.5 }] }), 'OPTION'],
      [sgd({ groups: [1, { length: 1, kind: 'adam' }] }), 'OPTION'],
      [sgd({ groups: [1, { length: 1, learningRate: 1 }], scheduler: new Halving(1) }), 'OPTION'],
      [sgd({ scheduler: new Halving(1, 2, 3) }), 'SHAPE'],
      [sgd({ scheduler: new Halving(1), hypergradient: { rate: 1 } }), 'OPTION'],
      [sgd({ hypergradient: {} }), 'OPTION'],
      [sgd({ hypergradient: { rate: -1 } }), 'OPTION'],
      [sgd({ hypergradient: { rate: 1, rule: 'multiplicative' } }), 'OPTION'],
      [sgd({ hypergradient: { rate: 0.5, rule: 'multiplicative' }, learningRate: 0 }), 'OPTION'],
      [sgd({ hypergradient: { rate: 1, granularity: 'layer' } }), 'OPTION'],
      [sgd({ hypergradient: { rate: 1, lowest: 1, highest: 0 } }), 'OPTION'],
      [sgd({ hypergradient: { rate: 1, convergent: { learningRate: 1, exponent: 1 } } }), 'OPTION'],
      [sgd({ hypergradient: { rate: 1, speed: 2 } }), 'OPTION'],
      [sgd({ hypergradient: { rate: 1 }, groups: [1, { length: 1, learningRate: 0.5 }] }), 'OPTION'],
      [sgd({ compat: 'official-loop' }), 'OPTION'],
      [sgd({ compat: 'official-loop', hypergradient: { rate: 1, granularity: 'group' } }), 'OPTION'],
      [sgd({ backend: 'gpu' }), 'OPTION'],
      [sgd({ threads: 0 }), 'OPTION'],
      [sgd({ nonFinite: 'ignore' }), 'OPTION'],
      [{ kind: 'momentum', momentum: 1 }, 'OPTION'],
      [{ kind: 'momentum', dampening: 1.5 }, 'OPTION'],
      [adam({ betas: [0.9] }), 'OPTION'],
      [adam({ betas: [0.9, 1] }), 'OPTION'],
      [adam({ epsilon: 0 }), 'OPTION'],
      [{ kind: 'rprop', etas: [1.2, 0.5] }, 'OPTION'],
      [{ kind: 'rprop', rateBounds: [2, 1] }, 'OPTION'],
      [{ kind: 'idbd', trace: 1 }, 'OPTION'],
      [{ kind: 'idbd', scheduler: new Halving(1) }, 'OPTION'],
    ]
    for (const [given, name] of options) {
      await expect(createOptimizer(Float32Array.of(1, 1), given), JSON.stringify(given)).rejects.toThrow(code(name))
    }
    const kind = { kind: 'sgd' } as const
    await expect(createOptimizer([1] as unknown as Float32Array, kind)).rejects.toThrow(code('DTYPE'))
    await expect(createOptimizer(new Float32Array(0), kind)).rejects.toThrow(code('SHAPE'))
    const named = createOptimizer(Float32Array.of(1), { ...kind, backend: 'cuda' })
    await expect(named).rejects.toThrow(code('NO_BACKEND'))
  })

  it('shares devices with fits, and outlives nothing that closes them', async () => {
    const params = numbers(200_000, 1)
    const optimizer = await createOptimizer(params, { kind: 'sgd', backend: 'wasm' })
    await optimizer.step(params.slice())
    await closeDevices()
    await expect(optimizer.step(params.slice())).rejects.toThrow(code('DISPOSED'))
    await optimizer[Symbol.asyncDispose]()
    await using next = await createOptimizer(params, { kind: 'sgd', backend: 'wasm' })
    expect(await next.step(params.slice())).toMatchObject({ step: 1 })
  })
})
