import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Device } from '../../ts/backends/backend.js'
import { Random } from '../../ts/core/random.js'
import { beta_xht_dense } from '../../ts/kernels/beta_xht_dense.js'
import { bpp_dense } from '../../ts/kernels/bpp_dense.js'
import { bpp_update } from '../../ts/kernels/bpp_update.js'
import { dot } from '../../ts/kernels/dot.js'
import { gram } from '../../ts/kernels/gram.js'
import { hals_update } from '../../ts/kernels/hals_update.js'
import { holdout } from '../../ts/kernels/holdout.js'
import { mu_update, SMALLEST } from '../../ts/kernels/mu_update.js'
import { pg_step } from '../../ts/kernels/pg_step.js'
import type { Arrays, Dims, KernelSpec } from '../../ts/kernels/spec.js'
import { xht_csr } from '../../ts/kernels/xht_csr.js'
import { xht_dense } from '../../ts/kernels/xht_dense.js'
import { xtw_dense } from '../../ts/kernels/xtw_dense.js'
import { firstDifference } from '../conformance/compare.js'
import { guard, violations } from '../conformance/guarded.js'
import { hasDriver, softwareBackend } from './software.js'
import { errorOfThirds } from './thirds.js'

/** Both products of the rows beside the model, and the loss with them. */
const BESIDE = { turned: 0, push: 1, measure: 1, weighted: 0 } as const

/** Sizes that the kernels read four values at a time, which few of the specs' own problems are; those the conformance suite has. */
const ALIGNED: readonly (readonly [KernelSpec, Dims])[] = [
  [xht_dense, { rows: 1, columns: 4, rank: 4, stride: 4 }],
  [xht_dense, { rows: 7, columns: 20, rank: 12, stride: 24 }],
  [xht_dense, { rows: 66, columns: 64, rank: 68, stride: 64 }],
  [xtw_dense, { rows: 1, columns: 4, rank: 4, stride: 4 }],
  [xtw_dense, { rows: 7, columns: 20, rank: 12, stride: 24 }],
  [xtw_dense, { rows: 65, columns: 68, rank: 36, stride: 68 }],
  [gram, { rows: 1, rank: 4 }],
  [gram, { rows: 71, rank: 36 }],
  [mu_update, { rows: 1, rank: 4, l1: 0, l2: 0 }],
  [mu_update, { rows: 71, rank: 36, l1: 0, l2: 0 }],
  [mu_update, { rows: 9, rank: 8, l1: 0.5, l2: 0.25, moving: 5, most: 0.25 }],
  [hals_update, { rows: 71, rank: 36, l1: 0.5, l2: 0 }],
  [pg_step, { rows: 71, rank: 36, step: 1, l1: 0, l2: 0.5, shared: 2 }],
  [xht_csr, { rows: 71, columns: 53, rank: 12, percent: 20 }],
]

function floats(arrays: Readonly<Record<string, number[]>>): Arrays {
  return Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, Float64Array.from(values)]))
}

/** Those that a GPU takes another way: more threads, rows in registers, more of the factors staged. */
const PARALLEL: readonly (readonly [KernelSpec, Dims])[] = [
  [mu_update, { rows: 71, rank: 36, l1: 0, l2: 0 }],
  [mu_update, { rows: 9, rank: 7, l1: 0.5, l2: 0.25, moving: 5, most: 0.25 }],
  [hals_update, { rows: 71, rank: 16, l1: 0.5, l2: 0 }],
  [hals_update, { rows: 70, rank: 13, l1: 0, l2: 0.25, moving: 10, most: 0.5 }],
  [hals_update, { rows: 5, rank: 3, l1: 0, l2: 0 }],
  [beta_xht_dense, { rows: 70, columns: 37, rank: 20, stride: 40, ...BESIDE, beta: 1.5 }],
  [dot, { length: 4000 }],
]

describe.runIf(hasDriver)('WGSL kernels', () => {
  let device: Device
  let parallel: Device

  beforeAll(async () => {
    device = await softwareBackend().open()
    parallel = await softwareBackend({ parallel: true, busyThreads: 1 << 16 }).open()
  })
  afterAll(async () => {
    await device[Symbol.asyncDispose]()
    await parallel[Symbol.asyncDispose]()
  })

  it('run with subgroups, which the driver has', () => {
    expect(device.info.subgroups).toMatch(device.emulated ? /^of 4$/ : /^of \d+/)
  })

  async function check(spec: KernelSpec, sizes: Dims, kind: 'exact' | 'random', on = device): Promise<void> {
    const inputs = spec.fill(sizes, kind, new Random(17))
    const dims = { ...sizes, ...(inputs.indices ? { nonzeros: inputs.indices.length } : {}) }
    const expected: Arrays = Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, values.slice()]))
    spec.reference(dims, expected)
    const before = guard(spec.buffers, inputs, 0)
    const actual = guard(spec.buffers, inputs, 0)
    await on.runKernel(spec, { dims, buffers: actual })
    expect(violations(spec.buffers, before, actual)).toEqual([])
    const comparison = { spec, dims, kind, backend: on.backend, inputs, expected, actual }
    expect(firstDifference(comparison)).toBeUndefined()
  }

  it.for(ALIGNED.map(([spec, sizes]) => [spec.name, JSON.stringify(sizes), spec, sizes] as const))(
    '%s %s agrees with the reference',
    async ([, , spec, sizes]) => {
      await check(spec, sizes, 'exact')
      await check(spec, sizes, 'random')
    },
  )

  it.for(PARALLEL.map(([spec, sizes]) => [spec.name, JSON.stringify(sizes), spec, sizes] as const))(
    '%s %s agrees with the reference as a GPU takes it',
    async ([, , spec, sizes]) => {
      await check(spec, sizes, 'exact', parallel)
      await check(spec, sizes, 'random', parallel)
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

  it('makes zero of a dead denominator, and keeps what is positive at 2⁻⁶³ or above', async () => {
    const updated = async (rank: number, arrays: Arrays) => {
      const buffers = guard(mu_update.buffers, arrays, 0)
      const rows = arrays.F.length / rank
      await device.runKernel(mu_update, { dims: { rows, rank, l1: 0, l2: 0 }, buffers })
      const { data, offset, length } = buffers.F
      return [...data.subarray(offset, offset + length)]
    }
    const two = { F: [0, 1, 1e-20, 2], N: [1, 1, 1e-19, 3], G: [0, 0, 0, 1] }
    expect(await updated(2, floats(two))).toEqual([0, 1, 0, 3])
    const [kept, low, vanishing, none, dead] = await updated(
      1,
      floats({ F: [1e-18, 1e-18, 1e-18, 1e-18, 0], N: [1e18, 1e17, 1e-30, 0, 1], G: [1e18] }),
    )
    expect(kept).toBeCloseTo(1, 5)
    // 0.1 and 1e-48, of which f32 holds the first alone
    expect([low > 0.09, vanishing, none, dead]).toEqual([true, SMALLEST, 0, 0])
    const [floor] = await updated(1, floats({ F: [1e-18], N: [0.1], G: [1e18] }))
    expect(floor).toBe(SMALLEST)
  })

  it('adds the terms of an inner product as if with more digits than f32 has', async () => {
    expect(await errorOfThirds(device)).toBeLessThan(1e-12)
  })

  it('refuses what it cannot do, with a reason', async () => {
    const refused = (spec: KernelSpec, dims: Dims, dtype?: 'f64') => {
      const support = device.supportsKernel(spec, { rows: 1, rank: 1, ...dims }, dtype)
      return support.supported ? undefined : support.reason
    }
    expect(refused(bpp_update, { rank: 64, l1: 0, l2: 0 })).toBeUndefined()
    expect(refused(bpp_update, { rank: 65, l1: 0, l2: 0 })).toMatch(/up to 64 components/)
    expect(refused(bpp_dense, { rank: 65, columns: 1, stride: 1, measure: 0, l1: 0, l2: 0 })).toMatch(
      /up to 64 components/,
    )
    expect(refused(holdout, { columns: 1 })).toMatch(/no WGSL kernel holdout/)
    expect(refused(gram, {}, 'f64')).toMatch(/f32 only.*give dtype: 'f32'/)
    expect(refused(gram, {})).toBeUndefined()
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
