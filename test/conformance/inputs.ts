import type { Random } from '../../ts/core/random.js'
import { SMALLEST_F64 } from '../../ts/kernels/mu_update.js'
import type { Arrays, Dims, FillKind, KernelSpec } from '../../ts/kernels/spec.js'

/** Element type of a call. */
export type Dtype = 'f32' | 'f64'

export interface Inputs {
  /** The problem's sizes, and the number of entries that `fill` came to list. */
  readonly dims: Dims
  /** Float64 arrays whose entries the element type holds exactly, so that a kernel and the reference read the same. */
  readonly arrays: Arrays
}

/** What a spec's `fill` makes of a problem, as a call of this element type sees it. */
export function inputsOf(spec: KernelSpec, sizes: Dims, kind: FillKind, dtype: Dtype, random: Random): Inputs {
  const arrays = spec.fill(sizes, kind, random)
  for (const { name, type } of spec.buffers) {
    const values = arrays[name]
    if (type === 'f32' && dtype === 'f32') for (let i = 0; i < values.length; i++) values[i] = Math.fround(values[i])
  }
  return { dims: { ...sizes, nonzeros: arrays.indices?.length ?? 0 }, arrays }
}

/** What the reference makes of inputs for a call of this element type. */
export function expectedOf(spec: KernelSpec, { dims, arrays }: Inputs, dtype: Dtype): Arrays {
  const expected = Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, values.slice()]))
  spec.reference(referenceDims(dims, dtype), expected)
  return expected
}

/** The reference computes in float64 for either element type, and is told where the smallest factor entry lies. */
export function referenceDims(dims: Dims, dtype: Dtype): Dims {
  return dtype === 'f64' ? { ...dims, smallest: SMALLEST_F64 } : dims
}
