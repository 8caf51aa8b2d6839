import { describe, expect, it } from 'vitest'
import { cd_csr } from '../../ts/kernels/cd_csr.js'
import { cd_dense } from '../../ts/kernels/cd_dense.js'
import { hals_update } from '../../ts/kernels/hals_update.js'
import { mu_ratio } from '../../ts/kernels/mu_ratio.js'
import { mu_update, SMALLEST, SMALLEST_F64 } from '../../ts/kernels/mu_update.js'
import { pg_step } from '../../ts/kernels/pg_step.js'
import type { Arrays, Dims, KernelSpec } from '../../ts/kernels/spec.js'
import { deviceOf, presentOrSkip, VARIANTS } from './backends.js'
import { guard } from './guarded.js'
import { referenceDims } from './inputs.js'

// No fill of a spec comes near the smallest entry that a factor may have. Here each row of a factor of rank 1 is led to a
// power of two above or below it, in steps that are exact.

interface Case {
  readonly spec: KernelSpec
  readonly dims: Dims
  /** Arrays by the smallest entry. */
  readonly make: (smallest: number) => Arrays
  /** What becomes of F, in multiples of the smallest entry. */
  readonly becomes: readonly number[]
}

const list = (...values: number[]) => Float64Array.from(values)
const none = list()
const scalars = { beta: 2, weighted: 0, measure: 0, zeros: 0, l1: 0, l2: 0, shared: 0 }
const two = { rows: 2, columns: 1, stride: 1, rank: 1, nonzeros: 2, ...scalars }
const four = { ...two, rows: 4 }
const sums = { loss: list(0), violation: list(0) }

const CASES: readonly Case[] = [
  {
    spec: mu_update,
    dims: four,
    make: s => ({ F: list(4 * s, 4 * s, 0, 1), N: list(s / 2, 2 * s, 1, 0), G: list(1) }),
    becomes: [1, 2, 0, 0],
  },
  {
    spec: mu_ratio,
    dims: { ...four, gamma: 1 },
    make: s => ({ F: list(4 * s, 4 * s, 0, 1), N: list(1, 1, 1, 0), P: list(16, 2, 0, 1) }),
    becomes: [1, 2, 0, 0],
  },
  {
    spec: hals_update,
    dims: two,
    make: s => ({ F: list(0, 0), N: list(s / 2, 2 * s), G: list(1), violation: list(0) }),
    becomes: [0, 2],
  },
  {
    spec: pg_step,
    dims: { ...two, step: 1 },
    make: s => ({ F: list(0, 0), N: list(s / 2, 2 * s), P: list(0, 0), L: list(1, 1), violation: list(0) }),
    becomes: [0, 2],
  },
  {
    spec: cd_dense,
    dims: two,
    make: s => ({ X: list(s / 2, 2 * s), V: none, O: list(1), F: list(0, 0), ...sums }),
    becomes: [0, 2],
  },
  {
    spec: cd_csr,
    dims: two,
    make: s => ({
      indptr: Uint32Array.of(0, 1, 2),
      indices: Uint32Array.of(0, 0),
      values: list(s / 2, 2 * s),
      weights: none,
      O: list(1),
      sums: none,
      F: list(0, 0),
      ...sums,
    }),
    becomes: [0, 2],
  },
]

const cases = CASES.flatMap(given => (['f32', 'f64'] as const).map(dtype => [given.spec.name, dtype, given] as const))

describe.each([...VARIANTS])('$name', variant => {
  it.for(cases)('%s keeps or drops what comes below the smallest entry: %s', async ([, dtype, given], context) => {
    await presentOrSkip(variant.id, context)
    const { spec, dims, make, becomes } = given
    const device = await deviceOf(variant)
    if (!device.supportsKernel(spec, dims, dtype).supported) return
    const smallest = dtype === 'f64' ? SMALLEST_F64 : SMALLEST
    const wanted = make(smallest)
    spec.reference(referenceDims(dims, dtype), wanted)
    expect(Array.from(wanted.F, value => value / smallest)).toEqual(becomes)
    const buffers = guard(spec.buffers, make(smallest), 0, dtype)
    await device.runKernel(spec, { dims, dtype, buffers })
    const { data, offset, length } = buffers.F
    expect(Array.from(data.subarray(offset, offset + length), value => value / smallest)).toEqual(becomes)
  })
})
