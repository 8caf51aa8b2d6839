import { describe, expect, it } from 'vitest'
import type { Device } from '../../ts/backends/backend.js'
import { denseView } from '../../ts/core/matrix.js'
import { Random } from '../../ts/core/random.js'
import { dot } from '../../ts/kernels/dot.js'
import { gram } from '../../ts/kernels/gram.js'
import { hals_update } from '../../ts/kernels/hals_update.js'
import { mu_update, SMALLEST } from '../../ts/kernels/mu_update.js'
import { type Dims, type FillKind, type KernelSpec, problemString } from '../../ts/kernels/spec.js'
import { xht_csr } from '../../ts/kernels/xht_csr.js'
import { xht_dense } from '../../ts/kernels/xht_dense.js'
import { xtw_dense } from '../../ts/kernels/xtw_dense.js'
import { firstDifference } from '../conformance/compare.js'
import { guard, violations } from '../conformance/guarded.js'
import { cuda } from './emulation.js'

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
  mu_update: [{ rows: 130, rank: 130, l1: 0, l2: 0 }],
  xht_csr: [
    { rows: 9, columns: 2100, rank: 5, percent: 60 },
    { rows: 9, columns: 2100, rank: 12, percent: 60 },
    { rows: 9, columns: 2100, rank: 40, percent: 60 },
  ],
}

function bits(data: Float32Array | Float64Array | Uint32Array): Buffer {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
}

function problemsOf(device: Device, spec: KernelSpec): Dims[] {
  const own = spec.problems.filter(dims => device.supportsKernel(spec, dims).supported)
  return [...own, ...(LARGER[spec.name] ?? [])]
}

describe.each([xht_dense, xtw_dense, xht_csr, gram, mu_update, dot].map(spec => [spec.name, spec] as const))(
  '%s on CUDA',
  (_, spec) => {
    it.for(['exact', 'random'] as FillKind[])(
      '%s fills, the same bits in every order of threads',
      async (kind, context) => {
        const device = await cuda(context)
        for (const sizes of problemsOf(device, spec)) {
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

it('mu_update on CUDA keeps what is positive at 2⁻⁶³ or above; zero is what has no denominator', async context => {
  const device = await cuda(context)
  const dims = { rows: 5, rank: 1, l1: 0, l2: 0 }
  const arrays = {
    F: Float64Array.from([1e-18, 1e-18, 0, 1e-18, 3], Math.fround),
    // the fourth quotient times N is 1e-48, below all of f32, though each is a normal number
    N: Float64Array.from([0.2, 0.1, 5, 1e-30, 0], Math.fround),
    G: Float64Array.from([1e18], Math.fround),
  }
  const expected = { ...arrays, F: arrays.F.slice() }
  mu_update.reference(dims, expected)
  const buffers = guard(mu_update.buffers, arrays, 0)
  await device.runKernel(mu_update, { dims, buffers })
  const { data, offset } = buffers.F
  const got = [...data.subarray(offset, offset + 5)]
  expect(got.slice(1)).toEqual([SMALLEST, 0, SMALLEST, 0])
  expect(got[0] / expected.F[0]).toBeCloseTo(1, 6)
})

it('says which kernels and calls it has not', async context => {
  const device = await cuda(context)
  const refused = (spec: KernelSpec, dims: Dims, dtype?: 'f64') => {
    const support = device.supportsKernel(spec, { rows: 1, rank: 1, ...dims }, dtype)
    return support.supported ? undefined : support.reason
  }
  expect(refused(hals_update, { l1: 0, l2: 0 })).toBe('there is no CUDA kernel hals_update')
  expect(refused(mu_update, { l1: 0, l2: 1 })).toMatch(/penalties/)
  expect(refused(gram, {}, 'f64')).toMatch(/f32/)
  expect(refused(mu_update, { l1: 0, l2: 0 })).toBeUndefined()
  const X = denseView(new Float32Array(6), 2, 3)
  const fit = { rank: 1, beta: 2, rule: 'mu', dtype: 'f32' } as const
  expect(device.supports(X, fit)).toEqual({ supported: true })
  for (const beyond of [{ rule: 'hals' }, { beta: 1 }, { dtype: 'f64' }, { penaltyW: { l1: 1, l2: 0 } }] as const) {
    expect(device.supports(X, { ...fit, ...beyond })).toMatchObject({
      supported: false,
      reason: expect.stringMatching(/^CUDA /),
    })
  }
  const weights = { kind: 'holdout', fraction: 0.5, seed: 0 } as const
  expect(device.supports(X, fit, weights)).toMatchObject({ supported: false })
})
