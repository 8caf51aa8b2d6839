import type { Arrays, KernelSpec } from '../../kernels/spec.js'
import type { KernelCall } from '../backend.js'

/** Runs a spec's own reference on a call's windows, widening f32 to float64 and rounding back. */
export function runReferenceKernel(spec: KernelSpec, call: KernelCall): void {
  const arrays: Arrays = {}
  for (const { name } of spec.buffers) {
    const { data, offset, length } = call.buffers[name]
    const window = data.subarray(offset, offset + length)
    arrays[name] = window instanceof Uint32Array ? window : Float64Array.from(window)
  }
  spec.reference(call.dims, arrays)
  for (const { name, access } of spec.buffers) {
    if (access !== 'in') call.buffers[name].data.set(arrays[name], call.buffers[name].offset)
  }
}
