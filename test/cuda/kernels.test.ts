import { describe, expect, it } from 'vitest'
import { Random } from '../../ts/core/random.js'
import { kernels } from '../../ts/kernels/index.js'
import { type Dims, type FillKind, type KernelSpec, problemString } from '../../ts/kernels/spec.js'
import { firstDifference } from '../conformance/compare.js'
import { guard, violations } from '../conformance/guarded.js'
import { emulation } from './emulation.js'

const ORDERS = ['forward', 'reverse', 'shuffle:1']

/** Beyond the specs' problems: sums long enough to be split, several tiles of the rank, rows for a whole block. */
const LARGER: Readonly<Record<string, readonly Dims[]>> = {
  xht_dense: [
    { rows: 130, columns: 700, rank: 20, stride: 701 },
    { rows: 3, columns: 1500, rank: 70, stride: 1500 },
  ],
  xtw_dense: [
    { rows: 700, columns: 130, rank: 20, stride: 133 },
    { rows: 1500, columns: 3, rank: 70, stride: 3 },
  ],
  gram: [
    { rows: 1300, rank: 10 },
    { rows: 700, rank: 130 },
  ],
  mu_update: [{ rows: 130, rank: 130 }],
  xht_csr: [
    { rows: 9, columns: 2100, rank: 5, percent: 60 },
    { rows: 9, columns: 2100, rank: 12, percent: 60 },
    { rows: 9, columns: 2100, rank: 40, percent: 60 },
  ],
}

function bits(data: Float32Array | Float64Array | Uint32Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

function problemsOf(spec: KernelSpec): Dims[] {
  return [...spec.problems, ...(LARGER[spec.name] ?? [])]
}

describe.each(kernels.filter(spec => spec.name !== 'sweep_dense').map(spec => [spec.name, spec] as const))(
  '%s on emulated CUDA',
  (_, spec) => {
    it.for(['exact', 'random'] as FillKind[])(
      '%s fills, the same bits in every order of threads',
      async (kind, context) => {
        const device = await emulation(context)
        for (const sizes of problemsOf(spec)) {
          const inputs = spec.fill(sizes, kind, new Random(3))
          const dims = { ...sizes, nonzeros: inputs.indices?.length ?? 0 }
          const expected = Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, values.slice()]))
          spec.reference(dims, expected)
          const runs = []
          for (const order of ORDERS) {
            process.env.NONNEG_EMU_ORDER = order
            const buffers = guard(spec.buffers, inputs, 1)
            await device.runKernel(spec, { dims, buffers })
            runs.push(buffers)
          }
          const label = problemString(spec, dims)
          expect(violations(spec.buffers, guard(spec.buffers, inputs, 1), runs[0]), label).toEqual([])
          const comparison = { spec, dims, kind, backend: device.backend, inputs, expected, actual: runs[0] }
          expect(firstDifference(comparison), label).toBeUndefined()
          for (const run of runs.slice(1)) {
            for (const { name } of spec.buffers) {
              expect(bits(run[name].data).equals(bits(runs[0][name].data)), `${label} ${name}`).toBe(true)
            }
          }
        }
      },
    )
  },
)

it('mu_update on emulated CUDA makes what lies below 2⁻⁶³ zero, and what has no denominator', async context => {
  const device = await emulation(context)
  const spec = kernels.find(kernel => kernel.name === 'mu_update')!
  const dims = { rows: 5, rank: 1 }
  const single = (values: number[]) => Float64Array.from(values, Math.fround)
  const arrays = {
    F: single([1e-18, 1e-18, 0, 1e-30, 3]),
    N: single([2e-19, 1e-19, 5, 1e-38, 0]),
    G: single([1]),
  }
  const expected = { ...arrays, F: arrays.F.slice() }
  spec.reference(dims, expected)
  const buffers = guard(spec.buffers, arrays, 0)
  await device.runKernel(spec, { dims, buffers })
  const { data, offset } = buffers.F
  expect([...data.subarray(offset, offset + 5)]).toEqual([...expected.F].map(Math.fround))
  expect(expected.F[0]).toBeGreaterThan(0)
  expect(expected.F[1]).toBe(0)
})
