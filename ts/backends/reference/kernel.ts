import { SMALLEST_F64 } from '../../kernels/mu_update.js'
import type { Arrays, KernelSpec } from '../../kernels/spec.js'
import type { KernelCall } from '../backend.js'

/** Runs a spec's own reference on a call's windows, widening f32 to float64 and rounding back. */
export function runReferenceKernel(spec: KernelSpec, { dims, dtype, buffers }: KernelCall): void {
  const arrays: Arrays = {}
  for (const { name } of spec.buffers) {
    const { data, offset, length } = buffers[name]
    const window = data.subarray(offset, offset + length)
    arrays[name] = window instanceof Uint32Array ? window : Float64Array.from(window)
  }
  spec.reference(dtype === 'f64' ? { ...dims, smallest: SMALLEST_F64 } : dims, arrays)
  for (const { name, access } of spec.buffers) {
    if (access !== 'in') buffers[name].data.set(arrays[name], buffers[name].offset)
  }
}
