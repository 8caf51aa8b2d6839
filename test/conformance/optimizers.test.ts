import { describe, expect, it } from 'vitest'
import type { BackendId, Device } from '../../ts/backends/backend.js'
import type { Sums, Vectors } from '../../ts/backends/vectors.js'
import type { FloatArray } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'
import { adam_products } from '../../ts/kernels/adam_products.js'
import { adam_step } from '../../ts/kernels/adam_step.js'
import { axpby } from '../../ts/kernels/axpby.js'
import { gradient_products } from '../../ts/kernels/gradient_products.js'
import { hypergradient_adam } from '../../ts/kernels/hypergradient_adam.js'
import { hypergradient_momentum } from '../../ts/kernels/hypergradient_momentum.js'
import { hypergradient_nesterov } from '../../ts/kernels/hypergradient_nesterov.js'
import { momentum_step } from '../../ts/kernels/momentum_step.js'
import { nesterov_step } from '../../ts/kernels/nesterov_step.js'
import { sgd_step } from '../../ts/kernels/sgd_step.js'
import type { Dims } from '../../ts/kernels/spec.js'
import type { VectorKernel } from '../../ts/kernels/vector_kernel.js'
import { deviceOf, presentOrSkip, VARIANTS } from './backends.js'
import { CASES, type Case, correction, GROUPS, GUARDS, LENGTH, STEPS, single } from './optimizer-cases.js'

const drawn = new Map<number, Float32Array>()

/** The same numbers in (−1, 1) for one stream. */
function signed(stream: number): Float32Array {
  let values = drawn.get(stream)
  if (!values) {
    const random = new Random(17, stream)
    values = Float32Array.from({ length: LENGTH }, () => 2 * random.uniform() - 1)
    drawn.set(stream, values)
  }
  return values
}

interface Trace {
  readonly sums: readonly (readonly Sums[])[]
  readonly arrays: Readonly<Record<string, FloatArray>>
}

/** Steps with gradients that depend on the step alone, so that rounding does not feed on itself. */
async function trace(device: Device, { kernels, step }: Case): Promise<Trace> {
  const vectors = await device.createOptimizer(LENGTH, { kernels, groups: GROUPS })
  try {
    await vectors.upload('p', signed(0))
    if (vectors.arrays.includes('rates')) await vectors.fill('rates', 0.05)
    const sums: (readonly Sums[])[] = []
    for (let t = 1; t <= STEPS; t++) {
      await vectors.upload('g', signed(t))
      sums.push(await step(vectors, t))
    }
    const arrays: Record<string, FloatArray> = {}
    for (const name of vectors.arrays) arrays[name] = await vectors.read(name)
    return { sums, arrays }
  } finally {
    await vectors[Symbol.asyncDispose]()
  }
}

/** Names of the arrays of `wanted` that are not bit for bit the same in `own`. */
function otherBits(own: Trace, wanted: Trace): string[] {
  const bytes = ({ buffer, byteOffset, byteLength }: FloatArray) => new Uint8Array(buffer, byteOffset, byteLength)
  return Object.keys(wanted.arrays).filter(
    name => Buffer.compare(bytes(own.arrays[name]), bytes(wanted.arrays[name])) !== 0,
  )
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): { difference: number; norm: number } {
  let difference = 0
  let norm = 0
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2
    norm += b[i] ** 2
  }
  return { difference: Math.sqrt(difference), norm: Math.sqrt(norm) }
}

const references = new Map<string, Promise<Trace>>()

function referenceOf(one: Case): Promise<Trace> {
  let found = references.get(one.name)
  if (!found) {
    found = deviceOf('reference').then(device => trace(device, one))
    references.set(one.name, found)
  }
  return found
}

function outside(own: Trace, reference: Trace): string[] {
  const found: string[] = []
  for (const [name, wanted] of Object.entries(reference.arrays)) {
    const { difference, norm } = distance(own.arrays[name], wanted)
    // 16 roundings a step of norms that none of the steps makes larger
    if (difference > STEPS * 16 * 2 ** -24 * norm) found.push(`${name} is ${difference} off, its norm is ${norm}`)
  }
  own.sums.forEach((groups, t) => {
    groups.forEach((sums, k) => {
      const wanted = reference.sums[t][k]
      const largest = Math.max(...Object.values(wanted).map(Math.abs))
      for (const name of Object.keys({ ...sums, ...wanted })) {
        if (Math.abs(sums[name] - wanted[name]) <= 1e-5 * largest) continue
        found.push(`${name} of group ${k} in step ${t + 1} is ${sums[name]}, not ${wanted[name]}`)
      }
    })
  })
  return found
}

/** The backends whose steps several threads share. */
const THREADED: readonly BackendId[] = ['wasm', 'native']

describe.each([...VARIANTS])('$name optimizers', variant => {
  it.for(CASES.map(one => [one.name, one] as const))('%s', async ([, one], context) => {
    await presentOrSkip(variant.id, context)
    const device = await deviceOf(variant, 1)
    const support = device.supportsOptimizer(LENGTH, one)
    if (!support.supported) {
      expect(support.reason).toMatch(/optimizers/)
      await expect(device.createOptimizer(LENGTH, one)).rejects.toMatchObject({ code: 'ERR_NONNEG_UNSUPPORTED' })
      return
    }
    const alone = await trace(device, one)
    expect(outside(alone, await referenceOf(one))).toEqual([])
    for (const threads of THREADED.includes(variant.id) ? [2, 3] : []) {
      const shared = await trace(await deviceOf(variant, threads), one)
      expect(otherBits(shared, alone)).toEqual([])
      expect(shared.sums).toEqual(alone.sums)
    }
  })
})

/** f(x) = ½(x₁² + 10·x₂²) from (1, 1): the rate of each of six steps, and f after the last. */
async function quadratic(
  device: Device,
  kernels: readonly VectorKernel[],
  step: (vectors: Vectors, t: number) => Promise<readonly number[]>,
): Promise<{ rates: readonly (readonly number[])[]; f: number }> {
  await using vectors = await device.createOptimizer(2, { kernels })
  await vectors.fill('p', 1)
  if (vectors.arrays.includes('rates')) await vectors.fill('rates', 0.01)
  const rates: (readonly number[])[] = []
  for (let t = 1; t <= 6; t++) {
    const [x, y] = await vectors.read('p')
    await vectors.upload('g', Float64Array.of(x, 10 * y))
    rates.push(await step(vectors, t))
  }
  const [x, y] = await vectors.read('p')
  return { rates, f: 0.5 * (x * x + 10 * y * y) }
}

// computed in float64 from the pseudo-code of Baydin et al.
const GOLDEN = {
  sgd: { rates: [0.01, 0.10099, 0.1010692197, 0.1017812097, 0.102356165, 0.1028197403], f: 0.1674764464 },
  nesterov: { rates: [0.01, 0.02557639, 0.0307347701, 0.02496235819, 0.02111947815, 0.02142192041], f: 1.010805514 },
  adam: { rates: [0.01, 0.01108899994, 0.01216550967, 0.01322811574, 0.01427539857, 0.0153059384], f: 4.696458927 },
  first: [0.01, 0.01099, 0.0119593287, 0.0129065394, 0.013830343, 0.0147296119],
  parameters: 0.4304493787,
}

const capable = VARIANTS.filter(({ id }) => id !== 'cuda')

describe.each(capable)('$name', variant => {
  const { id } = variant
  function close(values: readonly number[], wanted: readonly number[]): void {
    values.forEach((value, i) => {
      expect(Math.abs(value - wanted[i])).toBeLessThanOrEqual(id === 'reference' ? 1e-9 : 1e-5 * wanted[i])
    })
  }

  function global(kernel: VectorKernel, products: VectorKernel, hyperRate: number, further: (t: number) => Dims) {
    let rate = 0.01
    return async (vectors: Vectors, t: number) => {
      const [{ gu }] = await vectors.run(products)
      const before = kernel === adam_step ? correction(t - 1) : 1
      rate += hyperRate * before * gu
      await vectors.run(kernel, { rate, ...further(t) })
      return [rate]
    }
  }

  it('makes the steps of the paper', async context => {
    await presentOrSkip(id, context)
    const device = await deviceOf(variant)
    const runs = [
      [GOLDEN.sgd, momentum_step, gradient_products, global(momentum_step, gradient_products, 1e-3, () => ({}))],
      [
        GOLDEN.nesterov,
        nesterov_step,
        gradient_products,
        global(nesterov_step, gradient_products, 1e-4, () => ({ momentum: 0.9 })),
      ],
      [
        GOLDEN.adam,
        adam_step,
        adam_products,
        global(adam_step, adam_products, 1e-4, t => ({ correction: correction(t) })),
      ],
    ] as const
    for (const [golden, kernel, products, step] of runs) {
      const { rates, f } = await quadratic(device, [kernel, products], step)
      close(
        rates.map(([rate]) => rate),
        golden.rates,
      )
      close([f], [golden.f])
    }
    const { rates, f } = await quadratic(device, [hypergradient_momentum], async vectors => {
      await vectors.run(hypergradient_momentum, { hyperRate: 1e-3 })
      return [...(await vectors.read('rates'))]
    })
    close(
      rates.map(([first]) => first),
      GOLDEN.first,
    )
    expect(rates[0][1]).toBeCloseTo(0.01, 8)
    for (const [, second] of rates.slice(1)) expect(second).toBeCloseTo(0.1, 6)
    close([f], [GOLDEN.parameters])
  })

  it('is the plain optimizer, bit for bit, where no hypergradient moves the rates', async context => {
    await presentOrSkip(id, context)
    const device = await deviceOf(variant)
    const rate = 0.0625
    const pairs = [
      [hypergradient_momentum, momentum_step, () => ({ momentum: 0.9, dampening: 0.3, ...GUARDS })],
      [hypergradient_nesterov, nesterov_step, () => ({ momentum: 0.9, ...GUARDS })],
      [hypergradient_adam, adam_step, (t: number) => ({ correction: correction(t), ...GUARDS })],
    ] as const
    for (const [moving, plain, scalars] of pairs) {
      const before = (t: number): Dims => (moving === hypergradient_adam ? { correctionBefore: correction(t - 1) } : {})
      const withRates: Case = {
        name: moving.name,
        kernels: [moving],
        async step(vectors, t) {
          if (t === 1) await vectors.fill('rates', rate)
          return vectors.run(moving, { ...scalars(t), ...before(t) })
        },
      }
      const own = await trace(device, withRates)
      const base = await trace(
        device,
        single(plain.name, plain, t => ({ rate, ...scalars(t) })),
      )
      expect(otherBits(own, base)).toEqual([])
    }
  })

  it('reads and writes its arrays, where the host does if it can', async context => {
    await presentOrSkip(id, context)
    await using vectors = await (await deviceOf(variant)).createOptimizer(5, { kernels: [sgd_step], arrays: ['start'] })
    expect(vectors.arrays).toEqual(['p', 'g', 'start'])
    if (id === 'webgpu') {
      // a GPU has memory of its own
      expect(vectors.view('p')).toBeUndefined()
      await vectors.upload('g', Float64Array.of(1, 2, 3, 4, 5))
    } else {
      vectors.view('g')!.set([1, 2, 3, 4, 5])
    }
    const now = async () => [...(vectors.view('p') ?? (await vectors.read('p')))]
    await vectors.fill('p', 10, 1, 4)
    await vectors.run(axpby, { a: 0, b: 1 }, { arrays: { x: 'g', y: 'p', out: 'start' } })
    const [{ gg }] = await vectors.run(sgd_step, { rate: 0.5 })
    expect(gg).toBe(55)
    expect(await now()).toEqual([-0.5, 9, 8.5, 8, -2.5])
    expect([...(await vectors.read('p', 1, 4))]).toEqual([9, 8.5, 8])
    expect([...(await vectors.read('start'))]).toEqual([0, 10, 10, 10, 0])
    await vectors.upload('p', Float64Array.of(7, 8), 3)
    expect(await now()).toEqual([-0.5, 9, 8.5, 7, 8])
  })

  it('refuses what makes no sense, with a code, and goes on', async context => {
    await presentOrSkip(id, context)
    const device = await deviceOf(variant)
    const code = (name: string) => ({ code: `ERR_NONNEG_${name}` })
    for (const groups of [[2, 2], [6, -1], [2.5, 2.5], []]) {
      await expect(device.createOptimizer(5, { kernels: [sgd_step], groups })).rejects.toMatchObject(code('SHAPE'))
    }
    await expect(device.createOptimizer(-1, { kernels: [sgd_step] })).rejects.toMatchObject(code('SHAPE'))
    const vectors = await device.createOptimizer(5, { kernels: [sgd_step], groups: [2, 3] })
    expect(() => vectors.view('q')).toThrow(expect.objectContaining(code('OPTION')))
    const runs: [VectorKernel, Dims | Dims[], string][] = [
      [sgd_step, {}, 'OPTION'],
      [sgd_step, { rate: Number.NaN }, 'OPTION'],
      [sgd_step, { rate: 1, momentum: 0.5 }, 'OPTION'],
      [sgd_step, [{ rate: 1 }, { rate: 1 }, { rate: 1 }], 'SHAPE'],
      [momentum_step, { rate: 1 }, 'OPTION'],
    ]
    for (const [kernel, scalars, name] of runs) {
      await expect(vectors.run(kernel, scalars)).rejects.toMatchObject(code(name))
    }
    await expect(vectors.read('q')).rejects.toMatchObject(code('OPTION'))
    await expect(vectors.read('p', 3, 2)).rejects.toMatchObject(code('SHAPE'))
    await expect(vectors.upload('p', new Float32Array(3), 3)).rejects.toMatchObject(code('SHAPE'))
    await expect(vectors.fill('p', 1, -1)).rejects.toMatchObject(code('SHAPE'))

    await vectors.fill('g', 1)
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(vectors.run(sgd_step, { rate: 1 }, { signal })).rejects.toMatchObject(code('ABORTED'))
    expect([...(await vectors.read('p'))]).toEqual([0, 0, 0, 0, 0])
    const first = vectors.run(sgd_step, { rate: 1 })
    await expect(vectors.run(sgd_step, { rate: 1 })).rejects.toMatchObject(code('BACKEND'))
    expect(await first).toEqual([{ gg: 2 }, { gg: 3 }])
    expect([...(await vectors.read('p'))]).toEqual([-1, -1, -1, -1, -1])

    await vectors[Symbol.asyncDispose]()
    await vectors[Symbol.asyncDispose]()
    await expect(vectors.run(sgd_step, { rate: 1 })).rejects.toMatchObject(code('DISPOSED'))
    expect(() => vectors.view('p')).toThrow(expect.objectContaining(code('DISPOSED')))
  })

  it('refuses what no machine has room for', async context => {
    await presentOrSkip(id, context)
    const device = await deviceOf(variant)
    const refused = device.createOptimizer(2 ** 40, { kernels: [sgd_step] })
    const code = expect.stringMatching(/^ERR_NONNEG_(MEMORY|UNSUPPORTED)$/)
    await expect(refused).rejects.toMatchObject({ code })
  })
})
