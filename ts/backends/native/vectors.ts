import { NonnegError } from '../../core/errors.js'
import type { VectorKernel } from '../../kernels/vector_kernel.js'
import type { KernelCall } from '../backend.js'
import type { VectorRun } from '../checked-vectors.js'
import { HostVectors } from '../host-vectors.js'
import type { OptimizerSpec } from '../vectors.js'
import type { Addon } from './addon.js'
import { addonError } from './addon-fit.js'

/** Bytes of memory that the machine has. */
function physicalMemory(): number {
  return globalThis.process?.getBuiltinModule?.('node:os')?.totalmem() ?? Number.POSITIVE_INFINITY
}

/**
 * Arrays in shared buffers, which JavaScript and the addon's threads both address and nobody can detach; the addon runs
 * the kernels in place.
 */
export class NativeVectors extends HostVectors {
  readonly #addon: Addon
  readonly #isa: string
  readonly #threads: number
  readonly #memory: Map<string, Float32Array> = new Map()

  /** @throws NonnegError ERR_NONNEG_MEMORY where the arrays do not fit */
  constructor(addon: Addon, isa: string, threads: number, length: number, spec: OptimizerSpec) {
    super(length, spec)
    this.#addon = addon
    this.#isa = isa
    this.#threads = threads
    const bytes = 4 * length * this.arrays.length
    // an allocation beyond what there is may succeed and fail when it is written to, by a signal
    if (bytes > physicalMemory()) throw noMemory(bytes)
    for (const array of this.arrays) {
      try {
        const memory = new Float32Array(new SharedArrayBuffer(4 * length))
        addon.adviseHuge(memory)
        this.#memory.set(array, memory)
      } catch (cause) {
        throw noMemory(bytes, cause)
      }
    }
  }

  protected override memory(array: string): Float32Array {
    return this.#memory.get(array)!
  }

  protected override async compute({ kernel, arrays, bounds, scalars, sums }: VectorRun): Promise<void> {
    const memory = arrays.map(array => this.memory(array))
    try {
      await this.#addon.runVectors(this.#isa, kernel.name, this.#threads, memory, bounds, scalars, sums)
    } catch (error) {
      throw addonError(error)
    }
  }

  protected override async release(): Promise<void> {
    this.#memory.clear()
  }
}

function noMemory(bytes: number, cause?: unknown): NonnegError {
  const size = `${(bytes / 1e6).toPrecision(3)} MB`
  return new NonnegError('ERR_NONNEG_MEMORY', `these vectors need ${size} of memory, more than the machine gives`, {
    detail: { bytes },
    cause,
  })
}

/** Runs one kernel on the windows of a call, in place. */
export async function runVectorKernel(
  addon: Addon,
  isa: string,
  kernel: VectorKernel,
  { dims, buffers }: KernelCall,
): Promise<void> {
  const arrays = kernel.arrays.map(({ name }) => {
    const { data, offset, length } = buffers[name]
    return (data as Float32Array).subarray(offset, offset + length)
  })
  const scalars = Float64Array.from(kernel.scalars, name => dims[name])
  const sums = new Float64Array(kernel.sums.length)
  try {
    await addon.runVectors(isa, kernel.name, 1, arrays, Float64Array.of(0, dims.length), scalars, sums)
  } catch (error) {
    throw addonError(error)
  }
  if (kernel.sums.length > 0) buffers.sums.data.set(sums, buffers.sums.offset)
}
