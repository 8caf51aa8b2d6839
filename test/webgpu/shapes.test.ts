import { afterAll, describe, expect, it, vi } from 'vitest'
import type { Device } from '../../ts/backends/backend.js'
import {
  heightOf,
  limitBroken,
  SHAPES,
  SHAPES_OF,
  type Shape,
  type ShapedKernel,
  shapeFor,
  shapeNamed,
  shapingOf,
  threadsOf,
  tileCount,
  widthOf,
  workgroupBytes,
} from '../../ts/backends/webgpu/shapes.js'
import { Random } from '../../ts/core/random.js'
import { gram } from '../../ts/kernels/gram.js'
import type { Arrays, Dims, KernelSpec } from '../../ts/kernels/spec.js'
import { xht_dense } from '../../ts/kernels/xht_dense.js'
import { xtw_dense } from '../../ts/kernels/xtw_dense.js'
import { firstDifference } from '../conformance/compare.js'
import { guard, violations } from '../conformance/guarded.js'
import { dense, plainFit, problemOf, SPEC } from './plain.js'
import { hasDriver, softwareBackend } from './software.js'

/** What every WebGPU device grants. */
const GRANTED = {
  ...{ maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupSizeX: 256, maxComputeWorkgroupSizeY: 256 },
  maxComputeWorkgroupStorageSize: 16_384,
}

const SPECS: Readonly<Record<ShapedKernel, KernelSpec>> = { xht_dense, xtw_dense, gram }
const KERNELS = Object.keys(SPECS) as ShapedKernel[]
const STAGED = SHAPES.filter(({ depth }) => depth > 0)

describe('shapes of products', () => {
  it('are named by what they cover, and fit every device', () => {
    for (const shape of SHAPES) {
      const { name, across, down, depth } = shape
      expect(name).toBe(`${heightOf(shape)}x${widthOf(shape)}`)
      expect(limitBroken(shape, GRANTED), name).toBeUndefined()
      expect(workgroupBytes(shape), name).toBeLessThanOrEqual(12 * 1024)
      if (depth === 0) continue
      const threads = across * down
      expect([depth % 4, threads >= 64, threads <= 256, heightOf(shape) % 32], name).toEqual([0, true, true, 0])
      // what a thread loads of both sides at once
      expect((heightOf(shape) * depth) / 16 / threads, name).toBeLessThanOrEqual(2)
      const right = (widthOf(shape) * depth) / 4 / threads
      expect(right <= 1 || right === 2 || right === 4, name).toBe(true)
    }
    for (const kernel of KERNELS) {
      const widths = SHAPES_OF[kernel].map(name => widthOf(shapeNamed(name)))
      expect(widths, kernel).toEqual([...widths].sort((a, b) => a - b))
    }
  })

  it('hold all ranks where one does, and beyond that pad little', () => {
    const shaping = shapingOf(GRANTED, false)
    const names = (kernel: ShapedKernel, ranks: readonly number[], rows?: number) =>
      ranks.map(rank => shapeFor(kernel, rows ?? rank, rank, shaping).name)
    const ranks = [8, 10, 16, 17, 32, 33, 64, 65, 128, 129, 193, 256]
    const wanted = ['4x4', '128x16', '128x16', '128x32', '128x32', '128x64', '128x64', '128x128', '128x128']
    expect(names('xht_dense', ranks, 1000)).toEqual([...wanted, '128x64', '128x128', '128x128'])
    expect(names('xtw_dense', ranks, 65)).toEqual(names('xht_dense', ranks, 1000))
    expect(new Set(names('xht_dense', ranks, 64))).toEqual(new Set(['4x4']))
    expect(names('gram', [8, 16, 17, 32, 33, 64, 65, 97])).toEqual([
      ...['4x4', '4x4', '32x32', '32x32', '64x64', '64x64', '32x32', '64x64'],
    ])
  })

  it('count tiles that cover a product', () => {
    for (const shape of SHAPES) {
      const [height, width] = [heightOf(shape), widthOf(shape)]
      expect(tileCount(shape, height, width)).toBe(1)
      expect(tileCount(shape, height + 1, 2 * width + 1)).toBe(6)
      expect(threadsOf(shape, height + 1, width)).toBe(2 * shape.across * shape.down)
    }
  })

  it('are smaller where a device has less, and none where it computes on the CPU', () => {
    const widest = (limits: Partial<typeof GRANTED>) =>
      shapeFor('xht_dense', 1000, 128, shapingOf({ ...GRANTED, ...limits }, false)).name
    expect(widest({ maxComputeInvocationsPerWorkgroup: 128 })).toBe('128x64')
    expect(widest({ maxComputeWorkgroupStorageSize: 10_240 })).toBe('128x128')
    expect(widest({ maxComputeWorkgroupStorageSize: 8000 })).toBe('4x4')
    expect(widest({ maxComputeWorkgroupSizeX: 8 })).toBe('128x64')
    expect(widest({ maxComputeWorkgroupSizeY: 8 })).toBe('4x4')
    expect(shapeFor('xht_dense', 1000, 128, shapingOf(GRANTED, true)).name).toBe('4x4')
    expect(shapeFor('gram', 1000, 128, undefined).name).toBe('4x4')
  })

  it('are taken where they are asked for by kernels that have them, or refused', () => {
    const forced = shapeNamed('128x128')
    const shaping = shapingOf(GRANTED, true, forced)
    expect(shapeFor('xht_dense', 1, 1, shaping)).toBe(forced)
    expect(shapeFor('gram', 64, 64, shaping).name).toBe('4x4')
    const refused = () => shapingOf({ ...GRANTED, maxComputeInvocationsPerWorkgroup: 128 }, false, forced)
    expect(refused).toThrow(
      expect.objectContaining({
        code: 'ERR_NONNEG_OPTION',
        detail: { tile: '128x128', limit: 'maxComputeInvocationsPerWorkgroup', value: 128, needed: 256 },
      }),
    )
    expect(() => shapeNamed('7x7')).toThrow(
      expect.objectContaining({ code: 'ERR_NONNEG_OPTION', fix: expect.stringContaining('4x4, 32x32') }),
    )
  })
})

describe.runIf(hasDriver)('shapes of products on the software driver', () => {
  const devices = new Map<Shape, Promise<Device>>()

  /** One device for all tests of a shape: each compiles its kernels anew. */
  function deviceOf(shape: Shape): Promise<Device> {
    // panels of 135 rows of 204 columns, and sums in many parts
    const limits = { shape, bindingBytes: 204 * 4 * 180, busyThreads: 1 << 16 }
    const device = devices.get(shape) ?? softwareBackend(limits).open()
    devices.set(shape, device)
    return device
  }

  afterAll(async () => {
    for (const device of devices.values()) await (await device)[Symbol.asyncDispose]()
  })

  async function check(device: Device, spec: KernelSpec, dims: Dims, kind: 'exact' | 'random'): Promise<void> {
    const inputs = spec.fill(dims, kind, new Random(23))
    const expected: Arrays = Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, values.slice()]))
    spec.reference(dims, expected)
    const before = guard(spec.buffers, inputs, 0)
    const actual = guard(spec.buffers, inputs, 0)
    await device.runKernel(spec, { dims, buffers: actual })
    const label = `${spec.name} ${JSON.stringify(dims)} ${kind}`
    expect(violations(spec.buffers, before, actual), label).toEqual([])
    const comparison = { spec, dims, kind, backend: device.backend, inputs, expected, actual }
    expect(firstDifference(comparison), label).toBeUndefined()
  }

  /** What no side of a tile divides: nearly two tiles each way, a little more than one, and a corner of one. */
  function sizesOf(kernel: ShapedKernel, shape: Shape): readonly Dims[] {
    const [height, width, { depth }] = [heightOf(shape), widthOf(shape), shape]
    if (kernel === 'gram') {
      return [
        { rows: 2 * depth + 5, rank: 2 * width - 4 },
        { rows: depth + 3, rank: width + 4 },
        { rows: 3, rank: 4 },
      ]
    }
    const sized = (long: number, terms: number, rank: number): Dims => {
      const [rows, columns] = kernel === 'xht_dense' ? [long + 1, terms] : [terms + 1, long]
      return { rows, columns, rank, stride: columns + 4 }
    }
    return [sized(2 * height - 4, depth + 4, width + 4), sized(height + 4, 2 * depth + 4, width - 4), sized(4, 4, 4)]
  }

  it.for(STAGED.map(shape => [shape.name, shape] as const))(
    '%s agrees with the reference in every kernel that has it',
    async ([name, shape]) => {
      const device = await deviceOf(shape)
      for (const kernel of KERNELS.filter(one => SHAPES_OF[one].some(listed => listed === name))) {
        const spec = SPECS[kernel]
        for (const dims of sizesOf(kernel, shape)) {
          await check(device, spec, dims, 'exact')
          await check(device, spec, dims, 'random')
        }
      }
    },
  )

  it.for(['128x16', '64x64'] as const)('%s carries a fit in row panels and parts', async name => {
    const device = await deviceOf(shapeNamed(name))
    const [rank, iterations] = [18, 6]
    const problem = problemOf(dense(270, 203), rank)
    const plain = plainFit(problem, iterations)
    const fit = await device.createFit(problem, SPEC(rank))
    const { losses } = await fit.run(iterations)
    const slack = 4e-6 * problem.squaredNorm
    for (let i = 0; i < iterations; i++) {
      expect(Math.abs(losses[i] - plain.losses[i])).toBeLessThanOrEqual(slack + 1e-4 * plain.losses[i])
    }
    await fit[Symbol.asyncDispose]()
  })

  it('is refused by a name that no shape has, before any device', async () => {
    vi.stubEnv('NONNEG_WEBGPU_TILE', '9x9')
    await expect(softwareBackend().open()).rejects.toMatchObject({
      code: 'ERR_NONNEG_OPTION',
      message: 'NONNEG_WEBGPU_TILE is "9x9", which is no tile of a product',
    })
    vi.stubEnv('NONNEG_WEBGPU_TILE', '32x32')
    const device = await softwareBackend().open()
    await device[Symbol.asyncDispose]()
    vi.unstubAllEnvs()
  })
})
