import type { KernelBuffer } from '../../ts/backends/backend.js'
import type { Arrays, BufferSpec } from '../../ts/kernels/spec.js'
import type { Dtype } from './inputs.js'

/** Elements of guard zone on each side: at least 256 bytes, so that WebGPU's binding offsets stay aligned. */
export const GUARD = 64
/** A NaN that no kernel computes. */
const CANARY = 0x7fc0beef

function words(data: KernelBuffer['data']): Uint32Array {
  return new Uint32Array(data.buffer, data.byteOffset, data.byteLength / 4)
}

function allocate(type: BufferSpec['type'], dtype: Dtype, length: number): KernelBuffer['data'] {
  if (type === 'u32') return new Uint32Array(length)
  return type === 'f32' && dtype === 'f32' ? new Float32Array(length) : new Float64Array(length)
}

/**
 * Host buffers with canaries on both sides of every window, optional buffers that a problem does without as windows of
 * length 0. `shift` moves the windows off their alignment, by elements.
 */
export function guard(
  specs: readonly BufferSpec[],
  arrays: Arrays,
  shift: number,
  dtype: Dtype = 'f32',
): Record<string, KernelBuffer> {
  const buffers: Record<string, KernelBuffer> = {}
  for (const { name, type } of specs) {
    const { length } = arrays[name]
    const offset = GUARD + shift
    const data = allocate(type, dtype, offset + length + GUARD)
    words(data).fill(CANARY)
    data.set(arrays[name], offset)
    buffers[name] = { data, offset, length }
  }
  return buffers
}

/** The names of buffers whose guard zones, or whose contents although they are inputs, were written to. */
export function violations(
  specs: readonly BufferSpec[],
  before: Readonly<Record<string, KernelBuffer>>,
  after: Readonly<Record<string, KernelBuffer>>,
): string[] {
  const found: string[] = []
  for (const { name, access } of specs) {
    const { data, offset, length } = after[name]
    const perElement = data.BYTES_PER_ELEMENT / 4
    const now = words(data)
    const was = words(before[name].data)
    for (let i = 0; i < now.length; i++) {
      const inside = i >= offset * perElement && i < (offset + length) * perElement
      if (inside && access !== 'in') continue
      if (now[i] !== was[i]) {
        found.push(`${name}[${Math.floor(i / perElement) - offset}] was written to`)
        break
      }
    }
  }
  return found
}
