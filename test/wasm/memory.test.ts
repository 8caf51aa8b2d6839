import { describe, expect, it } from 'vitest'
import type { FitSpec, Weights } from '../../ts/backends/backend.js'
import { totalBytes } from '../../ts/backends/memory.js'
import { referenceBackend } from '../../ts/backends/reference/backend.js'
import { Heap } from '../../ts/backends/wasm/heap.js'
import type { MatrixView } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'
import { dense, fitOn, open, problemOf, sparse, specOf } from './helpers.js'

describe('heap', () => {
  const heapOf = (pages: number) => new Heap(new WebAssembly.Memory({ initial: 1, maximum: pages }), pages)

  it('gives out aligned blocks that do not overlap, and joins what is freed', () => {
    const heap = heapOf(256)
    const random = new Random(1)
    const blocks = new Map<number, number>()
    for (let i = 0; i < 2000; i++) {
      if (random.below(2) === 0 && blocks.size > 0) {
        const address = [...blocks.keys()][random.below(blocks.size)]
        heap.free(address)
        blocks.delete(address)
      } else {
        const bytes = random.below(20_000)
        const address = heap.allocate(bytes)
        expect(address).toBeGreaterThan(0)
        expect(address % 64).toBe(0)
        for (const [other, length] of blocks) {
          expect(address + Math.max(64, bytes) <= other || other + Math.max(64, length) <= address).toBe(true)
        }
        blocks.set(address, bytes)
        if (blocks.size > 60) break
      }
    }
    for (const address of blocks.keys()) heap.free(address)
    expect(heap.used).toBe(0)
    // one block again: nearly all of it can be had at once, from its start
    expect(heap.allocate(250 * 65536)).toBe(64)
  })

  it('refuses what does not fit, with sizes, and stays as it was', () => {
    const heap = heapOf(4)
    const kept = heap.allocate(65536)
    expect(() => heap.allocate(3 * 65536)).toThrow(
      expect.objectContaining({
        code: 'ERR_NONNEG_MEMORY',
        detail: { bytes: 3 * 65536, used: 65536, limit: 3 * 65536 },
      }),
    )
    expect(heap.used).toBe(65536)
    heap.free(kept)
    expect(heap.allocate(65536)).toBe(kept)
  })
})

describe.each([true, false])('fits (shared memory: %s)', shared => {
  it('give back what another loss takes, also where they are disposed of meanwhile', async () => {
    const device = await open({ threads: 2, shared })
    const reference = await referenceBackend.open()
    for (const X of [dense(60, 90), sparse(60, 90, 20)]) {
      const problem = problemOf(X, 12)
      const [fit, wanted] = await Promise.all([device, reference].map(d => d.createFit(problem, specOf(12))))
      const used = await device.bytesInUse()
      // from X·Hᵀ to entries and tiles
      for (const beta of [1, 1.5]) {
        expect((await fit.evaluate(beta)) / (await wanted.evaluate(beta))).toBeCloseTo(1, 4)
        expect(await device.bytesInUse()).toBe(used)
      }
      const late = fit.evaluate(1)
      await Promise.all([fit[Symbol.asyncDispose](), late])
      expect(await device.bytesInUse()).toBe(0)
    }
    await device[Symbol.asyncDispose]()
  })

  it('give back all memory', async () => {
    const device = await open({ threads: 2, shared })
    expect(await device.bytesInUse()).toBe(0)
    const first = await device.createFit(problemOf(dense(500, 300), 12), specOf(12))
    const second = await device.createFit(problemOf(sparse(500, 300, 20), 12), specOf(12))
    const used = await device.bytesInUse()
    expect(used).toBeGreaterThan(0)
    await first[Symbol.asyncDispose]()
    expect(await device.bytesInUse()).toBeLessThan(used)
    await second[Symbol.asyncDispose]()
    await second[Symbol.asyncDispose]()
    expect(await device.bytesInUse()).toBe(0)
    await expect(second.run(1)).rejects.toMatchObject({ code: 'ERR_NONNEG_DISPOSED' })
    await device[Symbol.asyncDispose]()
  })

  it('fail with sizes where memory does not suffice, and leave the device usable', async () => {
    const device = await open({ threads: 2, shared })
    // four matrices of rank × rank take 4.8 GiB, which is refused at once, or 2.3 GiB, of which there is room for one
    const create = (rank: number) => device.createFit(problemOf(dense(1, 1), rank), specOf(rank))
    await expect(create(18000)).rejects.toMatchObject({ code: 'ERR_NONNEG_UNSUPPORTED' })
    const first = await create(12500)
    const used = await device.bytesInUse()
    await expect(create(12500)).rejects.toMatchObject({ code: 'ERR_NONNEG_MEMORY', detail: { used } })
    await first[Symbol.asyncDispose]()
    expect(await device.bytesInUse()).toBe(0)
    expect((await fitOn(device, problemOf(dense(20, 20), 3), 3)).losses).toHaveLength(6)
    await device[Symbol.asyncDispose]()
  })
})

describe('memory', () => {
  const listed: Weights = { kind: 'entries', values: sparse(300, 200, 20).values.map((_, p) => 1 + (p % 2)) }
  const batches = [{ first: 10, count: 50, keep: 0.5 }]

  it.each<{ name: string; X: MatrixView; spec?: Partial<FitSpec>; weights?: Weights }>([
    { name: 'panels', X: dense(900, 401) },
    { name: 'panels in f64', X: dense(300, 200), spec: { dtype: 'f64', rule: 'bpp' } },
    { name: 'blocks', X: dense(150, 9000) },
    { name: 'gather', X: sparse(300, 200, 20) },
    { name: 'gather with extrapolation', X: sparse(300, 200, 20), spec: { rule: 'hals', extrapolate: true } },
    { name: 'entries', X: sparse(300, 200, 20), spec: { beta: 1, rule: 'pg' } },
    { name: 'entries with weights', X: sparse(300, 200, 20), weights: listed },
    { name: 'tiles', X: dense(300, 200), weights: dense(300, 200, { stride: 204 }), spec: { dtype: 'f64' } },
    { name: 'batches of panels', X: dense(900, 401), spec: { batches: true } },
    { name: 'batches of entries', X: sparse(300, 200, 20), spec: { beta: 1, batches: true } },
    { name: 'gradient steps', X: dense(900, 401), spec: { rule: 'sgd', batches: true, sgd: { safety: 0.5 } } },
    { name: 'reduced variance', X: dense(900, 401), spec: { rule: 'svrmu', batches: true } },
    { name: 'reduced variance of blocks', X: dense(150, 9000), spec: { rule: 'svrmu', batches: true } },
    { name: 'reduced variance, sparse', X: sparse(300, 200, 20), spec: { rule: 'svrmu', batches: true } },
  ])('is planned as it is taken: $name', async ({ X, spec: more, weights }) => {
    const device = await open({ threads: 3 })
    const spec: FitSpec = { ...specOf(5), ...more }
    const planned = totalBytes(device.memory(X, spec, weights))
    const fit = await device.createFit({ ...problemOf(X, 5), weights }, spec)
    if (spec.batches) await fit.runBatches(batches)
    const taken = await device.bytesInUse()
    // row pointers lie in JavaScript's memory too, and blocks begin at multiples of 64
    const pointers = X.kind === 'csr' ? 4 * (X.rows + X.columns + 2) : 0
    expect(Math.abs(planned - pointers - taken)).toBeLessThan(256)
    await device[Symbol.asyncDispose]()
  })
})
