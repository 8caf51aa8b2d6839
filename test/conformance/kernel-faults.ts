import type { Device, KernelBuffer } from '../../ts/backends/backend.js'
import { Random } from '../../ts/core/random.js'
import { type Dims, type FillKind, type KernelSpec, problemString } from '../../ts/kernels/spec.js'
import { firstDifference } from './compare.js'
import { guard, violations } from './guarded.js'
import { type Dtype, expectedOf, inputsOf } from './inputs.js'

/** Element shifts of every window; 1 and 3 leave every alignment above that of an element. */
const SHIFTS = [0, 1, 3]

/** Runs one kernel on one problem in every way and says what is wrong, or nothing. */
export async function kernelFaults(
  device: Device,
  spec: KernelSpec,
  sizes: Dims,
  kind: FillKind,
  dtype: Dtype,
): Promise<string[]> {
  const inputs = inputsOf(spec, sizes, kind, dtype, new Random(7, seedOf(spec)))
  const { dims, arrays } = inputs
  const expected = expectedOf(spec, inputs, dtype)
  const found: string[] = []
  for (const shift of SHIFTS.filter(elements => elements % device.alignment === 0)) {
    const label = `${problemString(spec, dims)} ${dtype} ${kind}, shifted by ${shift}`
    const before = guard(spec.buffers, arrays, shift, dtype)
    const buffers = guard(spec.buffers, arrays, shift, dtype)
    await device.runKernel(spec, { dims, dtype, buffers })
    found.push(...violations(spec.buffers, before, buffers).map(text => `${label}: ${text}`))
    const backend = device.backend
    const comparison = { spec, dims, kind, backend, dtype, inputs: arrays, expected, actual: buffers }
    const difference = firstDifference(comparison)
    if (difference) found.push(`${label}: ${difference}`)
    const again = guard(spec.buffers, arrays, shift, dtype)
    await device.runKernel(spec, { dims, dtype, buffers: again })
    for (const { name } of spec.buffers) {
      if (Buffer.compare(bytes(again[name]), bytes(buffers[name])) !== 0) {
        found.push(`${label}: ${name} differs between two runs`)
      }
    }
  }
  return found
}

function bytes({ data }: KernelBuffer): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
}

/** By its name, so that no other kernel's coming or going changes what one is tried on. */
function seedOf({ name }: KernelSpec): number {
  return Array.from(name).reduce((sum, letter) => (31 * sum + letter.charCodeAt(0)) % 65536, 0)
}
