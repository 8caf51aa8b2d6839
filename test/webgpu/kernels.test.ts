import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Device } from '../../ts/backends/backend.js'
import { Random } from '../../ts/core/random.js'
import { dot } from '../../ts/kernels/dot.js'
import { gram } from '../../ts/kernels/gram.js'
import { kernels } from '../../ts/kernels/index.js'
import { mu_update } from '../../ts/kernels/mu_update.js'
import type { Arrays, Dims, KernelSpec } from '../../ts/kernels/spec.js'
import { sweep_dense } from '../../ts/kernels/sweep_dense.js'
import { xht_csr } from '../../ts/kernels/xht_csr.js'
import { xht_dense } from '../../ts/kernels/xht_dense.js'
import { xtw_dense } from '../../ts/kernels/xtw_dense.js'
import { firstDifference } from '../conformance/compare.js'
import { guard, violations } from '../conformance/guarded.js'
import { hasDriver, softwareBackend } from './software.js'

/** Sizes that the kernels read four values at a time, which few of the specs' own problems are. */
const ALIGNED: readonly (readonly [KernelSpec, Dims])[] = [
  [xht_dense, { rows: 1, columns: 4, rank: 4, stride: 4 }],
  [xht_dense, { rows: 7, columns: 20, rank: 12, stride: 24 }],
  [xht_dense, { rows: 66, columns: 64, rank: 68, stride: 64 }],
  [xtw_dense, { rows: 1, columns: 4, rank: 4, stride: 4 }],
  [xtw_dense, { rows: 7, columns: 20, rank: 12, stride: 24 }],
  [xtw_dense, { rows: 65, columns: 68, rank: 36, stride: 68 }],
  [gram, { rows: 1, rank: 4 }],
  [gram, { rows: 71, rank: 36 }],
  [mu_update, { rows: 1, rank: 4 }],
  [mu_update, { rows: 71, rank: 36 }],
  [xht_csr, { rows: 71, columns: 53, rank: 12, percent: 20 }],
]

describe.runIf(hasDriver)('WGSL kernels', () => {
  let device: Device

  beforeAll(async () => {
    device = await softwareBackend().open()
  })
  afterAll(() => device[Symbol.asyncDispose]())

  async function check(spec: KernelSpec, sizes: Dims, kind: 'exact' | 'random'): Promise<void> {
    const inputs = spec.fill(sizes, kind, new Random(17))
    const dims = { ...sizes, ...(inputs.indices ? { nonzeros: inputs.indices.length } : {}) }
    const expected: Arrays = Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, values.slice()]))
    spec.reference(dims, expected)
    const before = guard(spec.buffers, inputs, 0)
    const actual = guard(spec.buffers, inputs, 0)
    await device.runKernel(spec, { dims, buffers: actual })
    expect(violations(spec.buffers, before, actual)).toEqual([])
    const comparison = { spec, dims, kind, backend: device.backend, inputs, expected, actual }
    expect(firstDifference(comparison)).toBeUndefined()
  }

  const own = kernels
    .filter(spec => spec !== sweep_dense)
    .flatMap(spec => spec.problems.map(sizes => [spec, sizes] as const))
  it.for([...own, ...ALIGNED].map(([spec, sizes]) => [spec.name, JSON.stringify(sizes), spec, sizes] as const))(
    '%s %s agrees with the reference',
    async ([, , spec, sizes]) => {
      await check(spec, sizes, 'exact')
      await check(spec, sizes, 'random')
    },
  )

  it('covers grids of more than 65,535 workgroups', async () => {
    const rows = 65_536 * 64 + 130
    const indptr = new Uint32Array(rows + 1)
    // entries in the last row of the first line of the grid, and in the last row of all
    indptr.fill(1, 65_535 * 64 + 1)
    indptr[rows] = 2
    const arrays: Arrays = {
      indptr,
      indices: Uint32Array.of(0, 0),
      values: Float64Array.of(2, 3),
      Ht: Float64Array.of(5),
      N: new Float64Array(rows).fill(Number.NaN),
    }
    const buffers = guard(xht_csr.buffers, arrays, 0)
    await device.runKernel(xht_csr, { dims: { rows, columns: 1, rank: 1, percent: 0, nonzeros: 2 }, buffers })
    const { data, offset } = buffers.N
    expect([data[offset + 65_535 * 64], data[offset + rows - 1]]).toEqual([10, 15])
    let sum = 0
    for (let i = 0; i < rows; i++) sum += data[offset + i]
    expect(sum).toBe(25)
  })

  it('makes zero of a dead denominator and of results below 2⁻⁶³', async () => {
    const arrays: Arrays = {
      F: Float64Array.of(0, 1, 1e-20, 2),
      N: Float64Array.of(1, 1, 1e-19, 3),
      G: Float64Array.of(0, 0, 0, 1),
    }
    const buffers = guard(mu_update.buffers, arrays, 0)
    await device.runKernel(mu_update, { dims: { rows: 2, rank: 2 }, buffers })
    const { data, offset } = buffers.F
    expect([...data.subarray(offset, offset + 4)]).toEqual([0, 1, 0, 3])
    const tiny = guard(
      mu_update.buffers,
      { F: Float64Array.of(1e-18), N: Float64Array.of(1), G: Float64Array.of(1e18) },
      0,
    )
    await device.runKernel(mu_update, { dims: { rows: 1, rank: 1 }, buffers: tiny })
    expect(tiny.F.data[tiny.F.offset]).toBeCloseTo(1e-18, 23)
    const vanishing = guard(
      mu_update.buffers,
      { F: Float64Array.of(1e-18), N: Float64Array.of(1e-1), G: Float64Array.of(1e18) },
      0,
    )
    await device.runKernel(mu_update, { dims: { rows: 1, rank: 1 }, buffers: vanishing })
    expect(vanishing.F.data[vanishing.F.offset]).toBe(0)
  })

  it('refuses what it cannot do, with a reason', async () => {
    const dims = { rows: 1, columns: 1, rank: 1, stride: 1 }
    const support = device.supportsKernel(sweep_dense, dims)
    expect(support).toMatchObject({ supported: false, reason: expect.stringMatching(/composed/) })
    const arrays = { a: Float64Array.of(1, 2), b: Float64Array.of(1, 2), sum: Float64Array.of(0) }
    const shifted = guard(dot.buffers, arrays, 1)
    await expect(device.runKernel(dot, { dims: { length: 2 }, buffers: shifted })).rejects.toMatchObject({
      code: 'ERR_NONNEG_OPTION',
    })
    const small = await softwareBackend({ bindingBytes: 1024 }).open()
    expect(small.supportsKernel(dot, { length: 257 })).toMatchObject({ supported: false })
    await small[Symbol.asyncDispose]()
  })
})
