import { NonnegError } from '../../core/errors.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import type { VectorKernel } from '../../kernels/vector_kernel.js'
import { type KernelBuffer, type KernelCall, SUPPORTED, type Support, unsupported } from '../backend.js'
import {
  betaEntries,
  betaTerms,
  entryTerms,
  muRatio,
  onlineUpdate,
  tileTerms,
  type Wanted,
  whDense,
} from './beta-calls.js'
import { bppBytes, bppCsr, bppDense, bppThreads, bppUpdate, type Pivoted } from './bpp-calls.js'
import { type Call, type Operand, prepare, record, resourceOf } from './calls.js'
import { cdCsr, cdDense, type Scratch, sharesFor } from './descent-calls.js'
import { type DotGroups, SLOT } from './family.js'
import { type Gpu, READ_PIECE, SMALLEST_BUFFER } from './gpu.js'
import { Owned } from './owned.js'
import type { Room } from './plan.js'
import { dotOf, gramOf, ONE_PART, square, xhtCsr, xhtDense, xtwDense } from './product-calls.js'
import { type Bounds, extrapolateBy, halsUpdate, muUpdate, pgStep, pgTerms } from './rule-calls.js'
import { shapeFor } from './shapes.js'
import { gramBoundOf, sgdTerms, sgdUpdate, svrmuUpdate } from './stochastic-calls.js'
import { callRefusal } from './support.js'
import { uploadFloats, uploadIntegers } from './upload.js'
import { groupsOf, isVectorKernel, PARTIAL_BYTES, scalarsOf, vectorCall } from './vector-calls.js'

/** Binding offsets are multiples of 256 bytes on every device. */
export const KERNEL_ALIGNMENT: number = SMALLEST_BUFFER / 4

type Windows = Record<string, Operand | undefined>

/** How each spec maps to a dispatch; `windows` holds undefined for empty buffers. */
const CALLS: Record<string, (dims: Dims, windows: Windows, room: Room) => Call | readonly Call[]> = {
  xht_dense({ rows, columns, rank, stride }, { X, Ht, N }, { shaping }) {
    const sizes = { rows, columns, rank, stride, firstRow: 0, parts: ONE_PART, partLength: 0 }
    return xhtDense({ ...sizes, shape: shapeFor('xht_dense', rows, rank, shaping), X, Ht, N: N! })
  },
  xtw_dense({ rows, columns, rank, stride }, { X, W, A }, { shaping }) {
    const sizes = { rows, columns, rank, stride, firstRow: 0, parts: ONE_PART, accumulate: true }
    return xtwDense({ ...sizes, shape: shapeFor('xtw_dense', columns, rank, shaping), X, W, A: A!, S: undefined })
  },
  xht_csr({ rows, rank }, { indptr, indices, values, Ht, N }) {
    const sizes = { rows, rank, firstRow: 0, parts: 1, partLength: 0 }
    return xhtCsr({ ...sizes, indptr: indptr!, indices, values, Ht, N: N! })
  },
  gram({ rows, rank }, { F, G }, { shaping }) {
    const shape = shapeFor('gram', rank, rank, shaping)
    return gramOf({ rows, rank, shape, parts: ONE_PART, accumulate: true, F, G: G! })
  },
  mu_update({ rows, rank, ...d }, { F, N, G, old }) {
    const bounds = boundsOf({ rank, ...d })
    return muUpdate({ rows, rank, N: whole(N), G: whole(G), bounds, F: old!, into: F! })
  },
  hals_update({ rows, rank, ...d }, { F, N, G, terms }) {
    const own = { rows, rank, rounds: 1, bounds: boundsOf({ rank, ...d }) }
    return halsUpdate({ ...own, N: whole(N), G: G!, F: F!, violation: from(terms) })
  },
  bpp_update({ rows, rank, ...d }, { F, N, G, terms, scratch }, room) {
    const own = { rows, rank, bounds: boundsOf({ rank, ...d }), threads: bppThreads(rows, rank, room, false) }
    return bppUpdate({ ...own, N: whole(N), G: G!, F: F!, scratch: scratch!, violation: from(terms) })
  },
  bpp_dense({ columns, stride, ...d }, { X, V, O, ...windows }, room) {
    const place = (operand: Operand | undefined) => ({ operand, first: 0, stride })
    const tile = { X: place(X), V: place(V), holdout: undefined, row: 0, turned: false }
    return bppDense({ ...pivoted(d, windows, room), ...tile, columns, O })
  },
  bpp_csr(dims, { indptr, indices, values, weights, O, ...windows }, room) {
    return bppCsr({ ...pivoted(dims, windows, room), indptr: indptr!, indices, values, weights, O })
  },
  cd_dense({ rows, columns, stride, beta, rank, ...d }, { X, V, O, F, terms }, room) {
    const place = (operand: Operand | undefined, step: number) => ({ operand, first: 0, stride: step })
    const own = { rows, columns, rank, beta, bounds: boundsOf({ rank, ...d }), firstRow: 0, row: 0, turned: false }
    return cdDense({
      ...{ ...own, shares: sharesFor(rows, columns, room), X: place(X, stride), O: place(O, columns), F: F! },
      ...{ V: d.weighted ? place(V, stride) : undefined, holdout: undefined, scratch: scratchOf(rows, d, terms!) },
    })
  },
  cd_csr({ rows, beta, rank, nonzeros, ...d }, { indptr, indices, values, weights, O, sums, F, terms }, room) {
    const own = { rows, rank, beta, bounds: boundsOf({ rank, ...d }), firstRow: 0 }
    return cdCsr({
      ...{ ...own, shares: sharesFor(rows, nonzeros / rows, room), indptr: indptr!, indices, values, O, F: F! },
      beside: d.zeros ? { sums: { operand: sums!, parts: 1 } } : { weights },
      scratch: scratchOf(rows, d, terms!),
    })
  },
  pg_step({ rows, rank, step, shared, ...d }, { F, N, P, L, terms }) {
    const own = { rows, rank, step, bounds: boundsOf({ rank, ...d }), shared: (shared & 1) === 1, measure: true }
    const curvature = { operand: L!, terms: 1, step: 0, stride: shared & 2 ? 0 : 1 }
    return pgStep({ ...own, N: whole(N), P: whole(P), L: curvature, F: F!, violation: from(terms) })
  },
  mu_ratio({ rows, rank, gamma, shared, ...d }, { F, N, P }) {
    const own = { rows, rank, gamma, bounds: boundsOf({ rank, ...d }), shared: shared === 1 }
    return muRatio({ ...own, N: whole(N), P: whole(P), F: F! })
  },
  online_update({ rows, rank, gamma, keep, shared, ...d }, { F, A, B, N, P }) {
    const own = { rows, rank, gamma, keep, bounds: boundsOf({ rank, ...d }), shared: shared === 1 }
    return onlineUpdate({ ...own, N: whole(N), P: whole(P), F: F!, A: A!, B: B! })
  },
  wh_dense({ rows, columns, rank, stride }, { W, H, U }) {
    return whDense({ rows, columns, rank, stride, firstRow: 0, transposed: false, W, H, U: U! })
  },
  beta_terms({ rows, columns, stride, beta, ...d }, { X, V, U, P, C, terms }) {
    const place = (operand: Operand | undefined) => ({ operand, first: 0, stride })
    const own = { rows, columns, inside: columns, beta, wanted: wantedOf(d), adds: false, row: 0, holdout: undefined }
    return betaTerms({ ...own, X: place(X), V: d.weighted ? place(V) : undefined, U: U!, P, C, terms })
  },
  beta_xht_csr({ rows, rank, beta, nonzeros, zeros, ...d }, windows) {
    const { indptr, indices, values, weights, F, O, norms, N, P, L, terms, scratch } = windows
    const panel = { first: 0, count: rows }
    const partLength = listLength(nonzeros)
    const own = { panel, rank, parts: 1, beta, wanted: wantedOf(d), zeros: zeros === 1, partLength, firstTerm: 0 }
    const product = (list: number, columns: number, Ht: Operand | undefined, into: Operand) => {
      const from = { buffer: scratch!.buffer, offset: list * partLength * 4, size: partLength * 4 }
      const sizes = { rows, rank: columns, firstRow: 0, parts: 1, partLength: 0, accumulate: true }
      return xhtCsr({ ...sizes, indptr: indptr!, indices, values: from, Ht, N: into })
    }
    return [
      betaEntries({ ...own, indptr: indptr!, indices, values, weights, F, O, entries: scratch, terms }),
      product(0, rank, O, N!),
      ...(d.push ? [product(1, rank, O, P!)] : []),
      ...(d.bend ? [product(2, 1, norms, L!)] : []),
    ]
  },
  gram_bound({ rank }, { G, terms, scratch }) {
    return gramBoundOf({ rank, G: G!, list: undefined, into: 0, bounds: terms!, iterates: scratch! })
  },
  sgd_update({ rows, rank, scale, limit, ...d }, { F, N, G, D, terms, scratch, slot }, room) {
    const noise = { size: d.noise, seed: d.seed, draws: 1, draw: 0, row: d.first }
    const own = { rows, rank, scale, limit, noise, bounds: boundsOf({ rank, ...d }), stride: { kind: 'told' } as const }
    const places = { found: undefined, rate: SLOT.told, taken: SLOT.taken, slot: slot! }
    const sums = { operand: terms!, products: sgdTerms(rows, rank) }
    return [
      xhtDense({ ...square(rank, rows, room), X: F, Ht: G, N: scratch! }),
      sgdUpdate({ ...own, ...places, N: whole(N), P: scratch!, F: F!, D, terms: sums }),
    ]
  },
  svrmu_update({ rows, rank, count, total, ratio, ...d }, { F, N, M, F0, A, G, K, S, scratch }, room) {
    const bytes = listLength(rows * rank) * 4
    const [P, R, Q] = [0, 1, 2].map(at => ({ ...scratch!, offset: at * bytes, size: bytes }))
    const product = (X: Operand | undefined, Ht: Operand | undefined, into: Operand) =>
      xhtDense({ ...square(rank, rows, room), X, Ht, N: into })
    const own = { rows, rank, count, total, ratio, bounds: boundsOf({ rank, ...d }) }
    return [
      ...[product(F, G, P), product(F0, K, R), product(F0, S, Q)],
      svrmuUpdate({ ...own, N: whole(N), M: whole(M), A: whole(A), P, R, Q, F: F! }),
    ]
  },
  extrapolate({ length, most = Number.POSITIVE_INFINITY }, { F, P, momentum }) {
    return extrapolateBy({ length, most, momentum: momentum!, F: F!, P: P! })
  },
}

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
  beta_terms: ({ rows, columns, measure }) => losses(measure ? tileTerms(rows, columns) : 0),
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

function scratchOf(rows: number, { measure }: Dims, operand: Operand): Scratch {
  const firstSpill = measure ? 2 * rows : rows
  return { operand, firstTerm: 0, firstLoss: measure ? rows : undefined, firstSpill }
}

/** Rows that go to the minimum of systems of their own. */
function pivoted({ rows, rank, measure, ...d }: Dims, { F, terms, scratch }: Windows, room: Room): Pivoted {
  const own = { rows, rank, threads: bppThreads(rows, rank, room, true), bounds: boundsOf({ rank, ...d }) }
  return { ...own, F: F!, scratch: scratch!, violation: from(terms), firstLoss: measure ? rows : undefined }
}

function wantedOf({ push, bend, measure }: Dims): Wanted {
  return { push: push === 1, bend: bend === 1, measure: measure === 1 }
}

/** Entries from one of several lists in a buffer to the next: each begins where a binding may. */
function listLength(entries: number): number {
  return Math.max(1, Math.ceil(entries / KERNEL_ALIGNMENT)) * KERNEL_ALIGNMENT
}

function whole(operand: Operand | undefined) {
  return { operand: operand!, parts: 1 }
}

function from(operand: Operand | undefined) {
  return { operand: operand!, first: 0 }
}

function boundsOf({ rank, moving = rank, most = Number.POSITIVE_INFINITY, l1, l2 }: Dims): Bounds {
  return { moving, most, l1, l2 }
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
  const groups = { abGroups: dots.ab, cdGroups: 0, abLength: call.dims.length, cdLength: 0 }
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
