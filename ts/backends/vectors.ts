import type { FloatArray } from '../core/matrix.js'
import type { Dims } from '../kernels/spec.js'
import type { VectorKernel } from '../kernels/vector_kernel.js'

/** What an optimizer keeps on a device. Which kernels it runs, and with which scalars, is its own business. */
export interface OptimizerSpec {
  /** Kernels that will be run; there is a resident array for each name that they use. */
  readonly kernels: readonly VectorKernel[]
  /** Further resident arrays, for calls that say which array stands for which. */
  readonly arrays?: readonly string[]
  /** Names of the kernels for which there is no array, because every call says which of the others stands for them. */
  readonly unused?: readonly string[]
  /** Lengths of consecutive groups of parameters, each with scalars and sums of its own. Default: one group. */
  readonly groups?: readonly number[]
}

/** The sums of one group, in float64, by the names that the kernel gives them. */
export type Sums = Readonly<Record<string, number>>

export interface VectorControls {
  /** The resident array that stands for an array of the kernel; default: the one of the same name. */
  readonly arrays?: Readonly<Record<string, string>>
  /** Looked at before the first entry: a call either does all entries or rejects with ERR_NONNEG_ABORTED and does none. */
  readonly signal?: AbortSignal
}

/**
 * Arrays of `length` parameters, gradients, rates and the like on a device, all zero at first, and the kernels that step
 * them. They are float32, and float64 on the reference. Calls must not overlap: a second one rejects with
 * ERR_NONNEG_BACKEND while the first is under way, every one with ERR_NONNEG_DISPOSED after the disposal. An array that
 * there is none of is ERR_NONNEG_OPTION, a range outside it ERR_NONNEG_SHAPE.
 *
 * One step with a rate that a hypergradient moves is two passes over memory, `gradient_products` and the step, because the
 * rate depends on all entries; a step with a rate for every parameter is one.
 */
export interface Vectors extends AsyncDisposable {
  readonly length: number
  /** The names of the resident arrays. */
  readonly arrays: readonly string[]
  /**
   * The array itself where host and device share memory, undefined where they do not. What is written to it between two
   * calls is what the next one reads: gradients need no upload and parameters no read-back. It cannot be detached.
   */
  view(array: string): FloatArray | undefined
  /** Copies `values` to the entries from `offset` on. */
  upload(array: string, values: FloatArray, offset?: number): Promise<void>
  /** Sets the entries from `begin` to `end`, by default all, to one value. */
  fill(array: string, value: number, begin?: number, end?: number): Promise<void>
  /** A copy of the entries from `begin` to `end`, by default all. */
  read(array: string, begin?: number, end?: number): Promise<FloatArray>
  /**
   * Runs one kernel over all entries. `scalars` are the kernel's, for all groups or one set for each; those with a default
   * may be left out (ERR_NONNEG_OPTION for a missing or unknown one, or one that is no number). Answers the sums of each
   * group, whose last bits do not depend on the number of threads.
   */
  run(kernel: VectorKernel, scalars?: Dims | readonly Dims[], controls?: VectorControls): Promise<readonly Sums[]>
}

/** The name of the first kernel of a spec that is not among those known. */
export function unknownKernel({ kernels }: OptimizerSpec, known: readonly string[]): string | undefined {
  return kernels.find(({ name }) => !known.includes(name))?.name
}
