import { describe, expect, it } from 'vitest'
import type { Vectors } from '../../ts/backends/vectors.js'
import { Random } from '../../ts/core/random.js'
import { gradient_products } from '../../ts/kernels/gradient_products.js'
import { hypergradient_momentum } from '../../ts/kernels/hypergradient_momentum.js'
import { sgd_step } from '../../ts/kernels/sgd_step.js'
import { vectorKernels } from '../../ts/kernels/vectors.js'
import { firstDifference } from '../conformance/compare.js'
import { guard, violations } from '../conformance/guarded.js'
import { expectedOf, inputsOf } from '../conformance/inputs.js'
import { open } from './helpers.js'

/** More chunks than this thread would do itself. */
const LENGTH = 200_003

async function stepped(vectors: Vectors): Promise<unknown[]> {
  const random = new Random(3)
  const values = Float32Array.from({ length: LENGTH }, () => random.uniform() - 0.5)
  await vectors.upload('p', values)
  await vectors.upload('g', values.toReversed())
  await vectors.fill('rates', 0.1)
  const sums: unknown[] = []
  for (let t = 0; t < 3; t++) sums.push(await vectors.run(hypergradient_momentum, { hyperRate: 0.1, momentum: 0.5 }))
  const arrays: unknown[] = []
  for (const array of vectors.arrays) arrays.push(Buffer.from((await vectors.read(array)).buffer).toString('base64'))
  return [sums, ...arrays]
}

describe.each([
  { build: 'relaxed', shared: false },
  { build: 'plain', shared: false },
] as const)('vector kernels of the $build build (shared memory: $shared)', mode => {
  it.each(vectorKernels.map(kernel => [kernel.name, kernel] as const))('%s', async (_name, kernel) => {
    await using device = await open(mode)
    for (const sizes of kernel.problems) {
      const kind = kernel.exact ? 'exact' : 'random'
      const inputs = inputsOf(kernel, sizes, kind, 'f32', new Random(2))
      const { dims, arrays } = inputs
      const before = guard(kernel.buffers, arrays, 1, 'f32')
      const actual = guard(kernel.buffers, arrays, 1, 'f32')
      await device.runKernel(kernel, { dims, buffers: actual })
      const expected = expectedOf(kernel, inputs, 'f32')
      expect(violations(kernel.buffers, before, actual)).toEqual([])
      const spec = kernel
      expect(firstDifference({ spec, dims, kind, backend: 'wasm', inputs: arrays, expected, actual })).toBeUndefined()
    }
  })
})

it('steps without shared memory to the same bits, and gives no view that growth would detach', async () => {
  await using shared = await open({ threads: 2 })
  await using alone = await open({ shared: false })
  const spec = { kernels: [hypergradient_momentum] }
  const one = await shared.createOptimizer(LENGTH, spec)
  const other = await alone.createOptimizer(LENGTH, spec)
  expect(one.view('p')).toHaveLength(LENGTH)
  expect(other.view('p')).toBeUndefined()
  const wanted = await stepped(one)
  expect(await stepped(other)).toEqual(wanted)
  // another optimizer makes the memory grow
  await alone.createOptimizer(4 * LENGTH, spec)
  expect(await stepped(await alone.createOptimizer(LENGTH, spec))).toEqual(wanted)
})

it('lets several optimizers step at once, and gives memory back clean', async () => {
  await using device = await open({ threads: 2 })
  const spec = { kernels: [hypergradient_momentum] }
  const several = await Promise.all([1, 2, 3].map(() => device.createOptimizer(LENGTH, spec)))
  const [first, ...others] = await Promise.all(several.map(stepped))
  for (const other of others) expect(other).toEqual(first)
  const address = several[0].view('p')!.byteOffset
  await several[0][Symbol.asyncDispose]()
  const next = await device.createOptimizer(LENGTH, spec)
  expect(next.view('p')!.byteOffset).toBe(address)
  for (const array of next.arrays) expect((await next.read(array)).some(value => value !== 0)).toBe(false)
})

it('rejects what is under way when the device is closed', async () => {
  const device = await open({ threads: 2 })
  const vectors = await device.createOptimizer(4_000_000, { kernels: [sgd_step, gradient_products] })
  await vectors.run(sgd_step, { rate: 1 })
  const running = vectors.run(gradient_products)
  const outcome = expect(running).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
  await Promise.resolve()
  await device[Symbol.asyncDispose]()
  await outcome
  await expect(vectors.run(sgd_step, { rate: 1 })).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
  await vectors[Symbol.asyncDispose]()
})
