import type { KernelSpec } from '../../kernels/spec.js'
import type { VectorKernel } from '../../kernels/vector_kernel.js'
import { type Call, type Operand, wordsOf } from './calls.js'
import { SMALLEST_BUFFER } from './gpu.js'
import { BINDINGS, type KernelName, WORKGROUP } from './pipelines.js'

/** Up to three sums of one workgroup, as vec4f. */
export const PARTIAL_BYTES = 16
/** Entries that one thread takes at least, where there are so many. */
const DEPTH = 16
const MOST_WORKGROUPS = 1024

/** One group of parameters, and the partial sums of its workgroups. */
export interface Group {
  readonly begin: number
  readonly length: number
  readonly workgroups: number
  /** Its first partial sum. */
  readonly first: number
}

export function groupsOf(bounds: Float64Array): readonly Group[] {
  const groups: Group[] = []
  let first = 0
  for (let k = 0; k + 1 < bounds.length; k++) {
    const length = bounds[k + 1] - bounds[k]
    const workgroups = Math.min(MOST_WORKGROUPS, Math.ceil(length / (WORKGROUP * DEPTH)))
    groups.push({ begin: bounds[k], length, workgroups, first })
    first += workgroups
  }
  return groups
}

/** Partial sums of all groups together. */
export function partialCount(bounds: Float64Array): number {
  return groupsOf(bounds).reduce((sum, { workgroups }) => sum + workgroups, 0)
}

/** Scalars that kernels take in the form 1 − x too, which f32 would not hold to its last digits. */
const COMPLEMENTS = ['beta1', 'beta2', 'dampening']

/** A kernel's scalars as its Params have them. */
export function scalarsOf({ scalars: names }: VectorKernel, own: ArrayLike<number>): number[] {
  const complements = names.flatMap((name, s) => (COMPLEMENTS.includes(name) ? [1 - own[s]] : []))
  return [...Array.from(own), ...complements]
}

/** The uniform blocks of all groups; `scalars` are those of each, one set after the other, in the kernel's order. */
export function scalarWords(
  kernel: VectorKernel,
  groups: readonly Group[],
  scalars: Float64Array,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array((groups.length * SMALLEST_BUFFER) / 4)
  const { length: count } = kernel.scalars
  groups.forEach(({ begin, length, first }, k) => {
    const own = scalarsOf(kernel, scalars.subarray(k * count, (k + 1) * count))
    words.set(wordsOf([begin, length, first], own), (k * SMALLEST_BUFFER) / 4)
  })
  return words
}

/** What a kernel binds; `buffers` in the order of its arrays. */
export function vectorCall(
  kernel: VectorKernel,
  buffers: readonly (GPUBuffer | Operand)[],
  partials: GPUBuffer | Operand,
): Pick<Call, 'kernel' | 'variant' | 'reads' | 'writes'> {
  const operands = [...buffers, partials].map(buffer => ('buffer' in buffer ? buffer : { buffer }))
  const reads = operands.filter((_, at) => kernel.arrays[at]?.access === 'in')
  const writes = operands.filter((_, at) => kernel.arrays[at]?.access !== 'in')
  const name = kernel.name as KernelName
  if (name !== 'axpby') return { kernel: name, reads, writes }
  const [out] = writes
  const isOut = reads.map(({ buffer }) => buffer === out.buffer)
  const variant = { X_IS_OUT: isOut[0], Y_IS_OUT: isOut[1] }
  return { kernel: name, variant, reads: reads.map((read, at) => (isOut[at] ? undefined : read)), writes: [out] }
}

/** The kernels of the optimizers that there are in WGSL. */
export const VECTOR_KERNELS: readonly string[] = [
  'axpby',
  ...Object.entries(BINDINGS).flatMap(([name, { prelude }]) => (prelude === 'vector_kernel' ? [name] : [])),
]

export function isVectorKernel(spec: KernelSpec): spec is VectorKernel {
  return VECTOR_KERNELS.includes(spec.name)
}
