import { inSlices } from '../../core/breathe.js'
import { NonnegError } from '../../core/errors.js'
import type { Dims } from '../../kernels/spec.js'
import type { VectorRun } from '../checked-vectors.js'
import { HostVectors } from '../host-vectors.js'
import type { OptimizerSpec } from '../vectors.js'

/** Entries in one slice: about a millisecond of plain JavaScript. */
const SLICE = 1 << 14

/** Float64 arrays, and the specs' own references on them. */
export class ReferenceVectors extends HostVectors {
  readonly #memory: Map<string, Float64Array> = new Map()

  /** @throws NonnegError ERR_NONNEG_MEMORY where the arrays do not fit */
  constructor(length: number, spec: OptimizerSpec) {
    super(length, spec)
    const bytes = 8 * length * this.arrays.length
    try {
      for (const array of this.arrays) this.#memory.set(array, new Float64Array(length))
    } catch (cause) {
      throw new NonnegError('ERR_NONNEG_MEMORY', `no ${bytes} bytes for these vectors`, { detail: { bytes }, cause })
    }
  }

  protected override memory(array: string): Float64Array {
    return this.#memory.get(array)!
  }

  protected override compute(run: VectorRun): Promise<void> {
    return inSlices(this.#steps(run))
  }

  protected override async release(): Promise<void> {
    this.#memory.clear()
  }

  *#steps({ kernel, arrays, bounds, scalars, sums }: VectorRun): Generator<void, void> {
    for (let k = 0; k + 1 < bounds.length; k++) {
      const own = kernel.scalars.map((name, s) => [name, scalars[k * kernel.scalars.length + s]] as const)
      for (let begin = bounds[k]; begin < bounds[k + 1]; begin += SLICE) {
        const end = Math.min(begin + SLICE, bounds[k + 1])
        const dims: Dims = { length: end - begin, ...Object.fromEntries(own) }
        const windows = kernel.arrays.map(({ name }, a) => [name, this.memory(arrays[a]).subarray(begin, end)] as const)
        const part = new Float64Array(kernel.sums.length)
        kernel.reference(dims, { ...Object.fromEntries(windows), sums: part })
        for (let s = 0; s < part.length; s++) sums[k * part.length + s] += part[s]
        yield
      }
    }
  }
}
