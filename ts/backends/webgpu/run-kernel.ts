import { NonnegError } from '../../core/errors.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import { type KernelBuffer, type KernelCall, SUPPORTED, type Support, unsupported } from '../backend.js'
import { callBeyondFrobeniusMu } from '../frobenius-mu.js'
import {
  type Call,
  dotOf,
  gramOf,
  muUpdate,
  ONE_PART,
  type Operand,
  prepare,
  record,
  xhtCsr,
  xhtDense,
  xtwDense,
} from './calls.js'
import type { DotGroups } from './fit.js'
import { type Gpu, SMALLEST_BUFFER } from './gpu.js'
import { Owned } from './owned.js'
import type { Room } from './plan.js'
import { uploadFloats, uploadIntegers } from './upload.js'

/** Binding offsets are multiples of 256 bytes on every device. */
export const KERNEL_ALIGNMENT: number = SMALLEST_BUFFER / 4

type Windows = Record<string, Operand | undefined>

/** How each spec maps to a dispatch; `windows` holds undefined for empty buffers. */
const CALLS: Record<string, (dims: Dims, windows: Windows) => Call> = {
  xht_dense({ rows, columns, rank, stride }, { X, Ht, N }) {
    const sizes = { rows, columns, rank, stride, firstRow: 0, parts: ONE_PART, partLength: 0 }
    return xhtDense({ ...sizes, X, Ht, N: N! })
  },
  xtw_dense({ rows, columns, rank, stride }, { X, W, A }) {
    const sizes = { rows, columns, rank, stride, firstRow: 0, parts: ONE_PART, accumulate: true }
    return xtwDense({ ...sizes, X, W, A: A!, S: undefined })
  },
  xht_csr({ rows, rank }, { indptr, indices, values, Ht, N }) {
    const sizes = { rows, rank, firstRow: 0, parts: 1, partLength: 0 }
    return xhtCsr({ ...sizes, indptr: indptr!, indices, values, Ht, N: N! })
  },
  gram({ rows, rank }, { F, G }) {
    return gramOf({ rows, rank, parts: ONE_PART, accumulate: true, F, G: G! })
  },
  mu_update({ rows, rank }, { F, N, G, old }) {
    return muUpdate({ rows, rank, nParts: 1, gParts: 1, F: old!, N: N!, G: G!, into: F! })
  },
}

export function supportsKernel(spec: KernelSpec, dims: Dims, dtype: 'f32' | 'f64' | undefined, room: Room): Support {
  if (spec.name !== 'dot' && !Object.hasOwn(CALLS, spec.name)) {
    return unsupported(`there is no WGSL kernel ${spec.name}`)
  }
  const beyond = callBeyondFrobeniusMu('WebGPU', spec, dims, dtype)
  if (beyond !== undefined) return unsupported(beyond)
  for (const buffer of spec.buffers) {
    if (buffer.length(dims) * 4 > room.bindingBytes) {
      return unsupported(`${buffer.name} is larger than the ${room.bindingBytes} bytes that one binding may span`)
    }
  }
  return SUPPORTED
}

/** Copies a host array with its guard zones to the device; the kernel gets the window alone. */
async function toDevice(gpu: Gpu, owned: Owned, name: string, host: KernelBuffer): Promise<Operand> {
  const { data, offset, length } = host
  if (offset % KERNEL_ALIGNMENT !== 0) {
    throw new NonnegError('ERR_NONNEG_OPTION', `${name} starts at element ${offset}, not at a multiple of 64`, {
      detail: { buffer: name, offset, alignment: KERNEL_ALIGNMENT },
    })
  }
  if (data instanceof Float64Array) {
    throw new NonnegError('ERR_NONNEG_DTYPE', `${name} is a Float64Array; WebGPU kernels take f32 and u32`, {
      detail: { buffer: name },
    })
  }
  const buffer = await owned.storage(data.byteLength)
  if (data instanceof Uint32Array) await uploadIntegers(gpu, buffer, data, 0, data.length)
  else await uploadFloats(gpu, buffer, data, 0, data.length)
  return { buffer, offset: offset * 4, size: length * 4 }
}

async function toHost(gpu: Gpu, buffer: GPUBuffer, data: Float32Array | Uint32Array): Promise<void> {
  let at = 0
  for await (const bytes of gpu.read(buffer, data.byteLength)) {
    const piece = data instanceof Uint32Array ? new Uint32Array(bytes) : new Float32Array(bytes)
    data.set(piece, at)
    at += piece.length
  }
}

async function submit(gpu: Gpu, owned: Owned, call: Call): Promise<void> {
  const { steps, uniforms } = await prepare(gpu, [call])
  owned.keep(uniforms)
  const { done } = gpu.scoped(() => {
    const encoder = gpu.device.createCommandEncoder()
    record(encoder, steps)
    gpu.device.queue.submit([encoder.finish()])
  })
  await done
}

/** The inner product's partial sums are added here, in float64. */
async function runDot(gpu: Gpu, owned: Owned, call: KernelCall, windows: Windows, dots: DotGroups): Promise<void> {
  const partials = await owned.storage(dots.ab * 4)
  const { a, b } = windows
  const none = { operand: undefined, parts: 0 }
  const groups = { abGroups: dots.ab, cdGroups: 0, abLength: call.dims.length, cdLength: 0 }
  const vectors = { a: { operand: a, parts: 1 }, b, c: none, d: none }
  await submit(gpu, owned, dotOf({ ...groups, ...vectors, partials: { buffer: partials } }))
  const sums = new Float32Array(dots.ab)
  await toHost(gpu, partials, sums)
  const { data, offset } = call.buffers.sum
  let total = 0
  for (const sum of sums) total += sum
  data[offset] = total
}

/** Runs one kernel on host arrays: everything to the device, one dispatch, everything that it may have written back. */
export async function runKernel(gpu: Gpu, spec: KernelSpec, call: KernelCall, dots: DotGroups): Promise<void> {
  gpu.check()
  const owned = new Owned(gpu)
  try {
    const operands: Record<string, Operand> = {}
    const windows: Windows = {}
    for (const { name, type } of spec.buffers) {
      if (type === 'f64') continue
      operands[name] = await toDevice(gpu, owned, name, call.buffers[name])
      windows[name] = call.buffers[name].length > 0 ? operands[name] : undefined
    }
    if (spec.name === 'dot') return await runDot(gpu, owned, call, windows, dots)
    // the kernel reads the old factor from a second copy and writes the new one into the caller's
    if (spec.name === 'mu_update') windows.old = windows.F && (await toDevice(gpu, owned, 'F', call.buffers.F))
    const written = spec.buffers.filter(buffer => buffer.access !== 'in')
    if (written.some(({ name }) => windows[name] === undefined)) return
    await submit(gpu, owned, CALLS[spec.name](call.dims, windows))
    for (const { name } of written) {
      const { data } = call.buffers[name]
      if (!(data instanceof Float64Array)) await toHost(gpu, operands[name].buffer, data)
    }
  } finally {
    owned.destroy()
  }
}
