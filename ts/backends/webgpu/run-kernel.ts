import { NonnegError } from '../../core/errors.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import type { VectorKernel } from '../../kernels/vector_kernel.js'
import { type KernelBuffer, type KernelCall, SUPPORTED, type Support, unsupported } from '../backend.js'
import { entryTerms, tileTerms, xhtThreads } from './beta-calls.js'
import { bppBytes } from './bpp-calls.js'
import { type Call, type Operand, prepare, record, resourceOf } from './calls.js'
import { type DotGroups, SLOT } from './family.js'
import { type Gpu, READ_PIECE } from './gpu.js'
import { CALLS, KERNEL_ALIGNMENT, listLength, type Windows } from './kernel-calls.js'
import { Owned } from './owned.js'
import type { Room } from './plan.js'
import { dotOf } from './product-calls.js'
import { pgTerms } from './rule-calls.js'
import { sgdTerms } from './stochastic-calls.js'
import { callRefusal } from './support.js'
import { uploadFloats, uploadIntegers } from './upload.js'
import { groupsOf, isVectorKernel, PARTIAL_BYTES, scalarsOf, vectorCall } from './vector-calls.js'

/** Scalars of a buffer that the host adds up from lists, of so many terms for each. */
interface Scalars {
  readonly name: string
  readonly terms: number
}

const violations = (terms: number): readonly Scalars[] => [{ name: 'violation', terms }]
const losses = (terms: number): readonly Scalars[] => [{ name: 'loss', terms }]

/** Kernels that leave the terms of scalars in a list, one after the other. */
const SCALARS: Record<string, (dims: Dims) => readonly Scalars[]> = {
  gram_bound: () => [{ name: 'bound', terms: 1 }],
  sgd_update: ({ rows, rank }) => [{ name: 'sums', terms: sgdTerms(rows, rank) }],
  hals_update: ({ rows }) => violations(rows),
  bpp_update: ({ rows }) => violations(rows),
  bpp_dense: ({ rows, measure }) => [...violations(rows), ...losses(measure ? rows : 0)],
  bpp_csr: ({ rows, measure }) => [...violations(rows), ...losses(measure ? rows : 0)],
  pg_step: ({ rows, rank }) => violations(pgTerms(rows, rank)),
  cd_dense: ({ rows, measure }) => [...violations(rows), ...losses(measure ? rows : 0)],
  cd_csr: ({ rows, measure }) => [...violations(rows), ...losses(measure ? rows : 0)],
  beta_tile: ({ rows, stride, measure }) => losses(measure ? tileTerms(rows, stride) : 0),
  beta_xht_dense: ({ rows, columns, rank, turned, measure }) =>
    losses(measure ? xhtThreads(turned ? columns : rows, rank) : 0),
  beta_xht_csr: ({ rows, measure }) => losses(measure ? entryTerms(rows, 1) : 0),
}

/** Values that a kernel needs for itself: behind the terms of its scalars, or in a list of its own. */
const BEHIND: Record<string, (dims: Dims) => number> = {
  cd_dense: ({ rows, columns }) => rows * columns,
  cd_csr: ({ nonzeros }) => nonzeros,
}
const SCRATCH: Record<string, (dims: Dims, room: Room) => number> = {
  beta_xht_csr: ({ nonzeros }) => 3 * listLength(nonzeros),
  gram_bound: ({ rank }) => 2 * rank,
  sgd_update: ({ rows, rank }) => rows * rank,
  svrmu_update: ({ rows, rank }) => 3 * listLength(rows * rank),
  bpp_update: ({ rows, rank }, room) => bppBytes(rows, rank, room, false) / 4,
  bpp_dense: ({ rows, rank }, room) => bppBytes(rows, rank, room, true) / 4,
  bpp_csr: ({ rows, rank }, room) => bppBytes(rows, rank, room, true) / 4,
}

export function supportsKernel(spec: KernelSpec, dims: Dims, dtype: 'f32' | 'f64' | undefined, room: Room): Support {
  if (spec.name !== 'dot' && !Object.hasOwn(CALLS, spec.name) && !isVectorKernel(spec)) {
    return unsupported(`there is no WGSL kernel ${spec.name}`)
  }
  const refusal = callRefusal(spec, dims, dtype, room.bindingBytes)
  return refusal === undefined ? SUPPORTED : unsupported(refusal)
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

async function toHost(gpu: Gpu, owned: Owned, buffer: GPUBuffer, data: Float32Array | Uint32Array): Promise<void> {
  const capacity = Math.min(READ_PIECE, data.byteLength)
  const [bytes] = await gpu.read([{ buffer, bytes: data.byteLength }], await owned.staging(capacity), capacity)
  data.set(data instanceof Uint32Array ? new Uint32Array(bytes) : new Float32Array(bytes))
}

async function numbers(gpu: Gpu, owned: Owned, values: Float32Array): Promise<Operand> {
  const buffer = await owned.storage(values.byteLength)
  await uploadFloats(gpu, buffer, values, 0, values.length)
  return { buffer }
}

/** What a batch is told in its slot: the length of the step, and the draw. */
async function slotOf(gpu: Gpu, owned: Owned, { rate, draw }: Dims): Promise<Operand> {
  const words = new Uint32Array(SLOT.bytes / 4)
  words[SLOT.told] = new Uint32Array(Float32Array.of(rate).buffer)[0]
  words[SLOT.told + 2] = draw
  const buffer = await owned.storage(SLOT.bytes)
  await uploadIntegers(gpu, buffer, words, 0, words.length)
  return { buffer }
}

async function submit(gpu: Gpu, owned: Owned, calls: readonly Call[]): Promise<void> {
  const { steps, uniforms } = await prepare(gpu, calls)
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
  const partials = await owned.storage(2 * dots.ab * 4)
  const { a, b } = windows
  const none = { operand: undefined, parts: 0 }
  const groups = { threads: dots.threads, abGroups: dots.ab, cdGroups: 0, abLength: call.dims.length, cdLength: 0 }
  const vectors = { a: { operand: a, parts: 1 }, b, c: none, d: none }
  await submit(gpu, owned, [dotOf({ ...groups, ...vectors, partials: { buffer: partials }, low: dots.ab })])
  const sums = new Float32Array(2 * dots.ab)
  await toHost(gpu, owned, partials, sums)
  const { data, offset } = call.buffers.sum
  let total = 0
  for (const sum of sums) total += sum
  data[offset] = total
}

/** A kernel of the optimizers, on one group. */
async function runVectors(
  gpu: Gpu,
  owned: Owned,
  kernel: VectorKernel,
  { dims, buffers }: KernelCall,
  operands: Record<string, Operand>,
): Promise<void> {
  const [{ length, workgroups }] = groupsOf(Float64Array.of(0, dims.length))
  const partials = new Float32Array((workgroups * PARTIAL_BYTES) / 4)
  const sums = kernel.sums.length > 0 ? buffers.sums : undefined
  sums?.data.fill(0, sums.offset, sums.offset + sums.length)
  if (length === 0) return
  const target = { buffer: await owned.storage(partials.byteLength) }
  const arrays = kernel.arrays.map(({ name }) => operands[name])
  const scalars = scalarsOf(
    kernel,
    kernel.scalars.map(name => dims[name] ?? kernel.defaults[name]),
  )
  const bound = vectorCall(kernel, arrays, target)
  await submit(gpu, owned, [{ ...bound, params: [0, length, 0], scalars, groups: [workgroups, 1, 1] }])
  for (const { name, access } of kernel.arrays) {
    const { data } = buffers[name]
    if (access !== 'in' && !(data instanceof Float64Array))
      await toHost(gpu, owned, resourceOf(operands[name]).buffer, data)
  }
  if (!sums) return
  await toHost(gpu, owned, target.buffer, partials)
  for (let at = 0; at < partials.length; at += PARTIAL_BYTES / 4) {
    for (let s = 0; s < sums.length; s++) sums.data[sums.offset + s] += partials[at + s]
  }
}

/** Runs one kernel on host arrays: everything to the device, one dispatch, everything that it may have written back. */
export async function runKernel(
  gpu: Gpu,
  spec: KernelSpec,
  call: KernelCall,
  dots: DotGroups,
  room: Room,
): Promise<void> {
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
    if (isVectorKernel(spec)) return await runVectors(gpu, owned, spec, call, operands)
    const written = spec.buffers.filter(({ access, type }) => access !== 'in' && type !== 'f64')
    const { dims } = call
    if (written.some(({ name, length }) => length(dims) > 0 && windows[name] === undefined)) return
    if (written.length > 0 && written.every(({ name }) => windows[name] === undefined)) return
    // the kernel reads the old factor from a second copy and writes the new one into the caller's
    if (spec.name === 'mu_update') windows.old = await toDevice(gpu, owned, 'F', call.buffers.F)
    const own = (needs: Record<string, (dims: Dims, room: Room) => number>) =>
      Object.hasOwn(needs, spec.name) ? needs[spec.name](dims, room) : 0
    const values = own(SCRATCH)
    if (values > 0) windows.scratch = { buffer: await owned.storage(values * 4) }
    if (spec.name === 'sgd_update') windows.slot = await slotOf(gpu, owned, dims)
    if (spec.name === 'extrapolate') windows.momentum = await numbers(gpu, owned, Float32Array.of(dims.weight))
    const scalars = Object.hasOwn(SCALARS, spec.name) ? SCALARS[spec.name](dims) : []
    const countOf = ({ name, terms: each }: Scalars) => each * call.buffers[name].length
    const terms = new Float32Array(scalars.reduce((sum, each) => sum + countOf(each), own(BEHIND)))
    if (terms.length > 0) windows.terms = await numbers(gpu, owned, terms)
    await submit(gpu, owned, [CALLS[spec.name](dims, windows, room)].flat())
    for (const { name } of written.filter(buffer => windows[buffer.name])) {
      const { data } = call.buffers[name]
      if (!(data instanceof Float64Array)) await toHost(gpu, owned, resourceOf(operands[name]).buffer, data)
    }
    if (terms.length === 0) return
    await toHost(gpu, owned, resourceOf(windows.terms!).buffer, terms)
    let first = 0
    for (const { name, terms: count } of scalars) {
      const { data, offset, length } = call.buffers[name]
      const { access } = spec.buffers.find(buffer => buffer.name === name)!
      for (let at = offset; at < offset + length; at++, first += count) {
        if (access === 'out') data[at] = 0
        for (const term of terms.subarray(first, first + count)) data[at] += term
      }
    }
  } finally {
    owned.destroy()
  }
}
