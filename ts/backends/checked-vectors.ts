import { abortError, NonnegError } from '../core/errors.js'
import type { FloatArray } from '../core/matrix.js'
import type { Dims } from '../kernels/spec.js'
import type { VectorKernel } from '../kernels/vector_kernel.js'
import type { OptimizerSpec, Sums, VectorControls, Vectors } from './vectors.js'

/** One run of a kernel, checked and laid out flat. */
export interface VectorRun {
  readonly kernel: VectorKernel
  /** The resident arrays, in the kernel's order. */
  readonly arrays: readonly string[]
  /** Group k is the entries bounds[k] … bounds[k + 1]. */
  readonly bounds: Float64Array
  /** The scalars of each group, one after the other, in the kernel's order. */
  readonly scalars: Float64Array
  /** Where the sums go, likewise. */
  readonly sums: Float64Array
}

/** The names of the arrays that a spec makes resident, each once. */
export function arraysOf({ kernels, arrays = [], unused = [] }: OptimizerSpec): readonly string[] {
  const used = kernels.flatMap(kernel => kernel.arrays.map(({ name }) => name)).filter(name => !unused.includes(name))
  return [...new Set([...used, ...arrays])]
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function boundsOf(length: number, groups: readonly number[]): Float64Array {
  const bounds = new Float64Array(groups.length + 1)
  for (let k = 0; k < groups.length; k++) bounds[k + 1] = bounds[k] + groups[k]
  if (isCount(length) && groups.every(isCount) && bounds[groups.length] === length) return bounds
  throw new NonnegError('ERR_NONNEG_SHAPE', `groups of ${groups.slice(0, 8)} parameters do not make up ${length}`, {
    detail: { length, groups },
  })
}

/** Everything about vectors but where their arrays are and how a kernel runs: names, ranges, scalars, one call at a time. */
export abstract class CheckedVectors implements Vectors {
  readonly length: number
  readonly arrays: readonly string[]
  /** Group k is the entries bounds[k] … bounds[k + 1]. */
  protected readonly bounds: Float64Array
  #running: Promise<unknown> | undefined
  #disposed: Promise<void> | undefined

  constructor(length: number, spec: OptimizerSpec) {
    this.length = length
    this.arrays = arraysOf(spec)
    this.bounds = boundsOf(length, spec.groups ?? [length])
  }

  /** The array itself, where the host can address it. */
  protected abstract memory(array: string): FloatArray | undefined
  protected abstract put(array: string, values: FloatArray, offset: number): Promise<void>
  protected abstract set(array: string, value: number, begin: number, end: number): Promise<void>
  protected abstract get(array: string, begin: number, end: number): Promise<FloatArray>
  /** Does all entries and writes the sums. */
  protected abstract compute(run: VectorRun): Promise<void>
  protected abstract release(): Promise<void>

  view(array: string): FloatArray | undefined {
    this.#check(array)
    return this.memory(array)
  }

  upload(array: string, values: FloatArray, offset = 0): Promise<void> {
    return this.#exclusively(async () => {
      this.#check(array, offset, offset + values.length)
      await this.put(array, values, offset)
    })
  }

  fill(array: string, value: number, begin = 0, end: number = this.length): Promise<void> {
    return this.#exclusively(async () => {
      this.#check(array, begin, end)
      await this.set(array, value, begin, end)
    })
  }

  read(array: string, begin = 0, end: number = this.length): Promise<FloatArray> {
    return this.#exclusively(async () => {
      this.#check(array, begin, end)
      return await this.get(array, begin, end)
    })
  }

  run(
    kernel: VectorKernel,
    scalars: Dims | readonly Dims[] = {},
    controls: VectorControls = {},
  ): Promise<readonly Sums[]> {
    return this.#exclusively(async () => {
      const groups = this.bounds.length - 1
      const run: VectorRun = {
        kernel,
        arrays: kernel.arrays.map(({ name }) => controls.arrays?.[name] ?? name),
        bounds: this.bounds,
        scalars: scalarsOf(kernel, scalars, groups),
        sums: new Float64Array(groups * kernel.sums.length),
      }
      for (const array of run.arrays) this.#check(array)
      if (controls.signal?.aborted) throw abortError(controls.signal)
      await this.compute(run)
      return Array.from({ length: groups }, (_, k) =>
        Object.fromEntries(kernel.sums.map((name, s) => [name, run.sums[k * kernel.sums.length + s]])),
      )
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= (async () => {
      await this.#running?.catch(() => {})
      await this.release()
    })()
    return this.#disposed
  }

  #check(array: string, begin = 0, end = 0): void {
    if (this.#disposed) throw new NonnegError('ERR_NONNEG_DISPOSED', 'these vectors were disposed of')
    if (!this.arrays.includes(array)) {
      const known = this.arrays.join(', ')
      throw new NonnegError('ERR_NONNEG_OPTION', `there is no array "${array}" here, only ${known}`, {
        detail: { array, arrays: this.arrays },
      })
    }
    if (isCount(begin) && isCount(end) && begin <= end && end <= this.length) return
    throw new NonnegError('ERR_NONNEG_SHAPE', `${begin} to ${end} is no part of ${this.length} entries`, {
      detail: { array, begin, end, length: this.length },
    })
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#disposed) throw new NonnegError('ERR_NONNEG_DISPOSED', 'these vectors were disposed of')
    if (this.#running) {
      throw new NonnegError('ERR_NONNEG_BACKEND', 'another call on these vectors is still running', {
        fix: 'await each call before the next',
      })
    }
    try {
      const running = work()
      this.#running = running
      return await running
    } finally {
      this.#running = undefined
    }
  }
}

function scalarsOf(kernel: VectorKernel, scalars: Dims | readonly Dims[], groups: number): Float64Array {
  const sets: readonly Dims[] = Array.isArray(scalars) ? scalars : [scalars as Dims]
  if (sets.length !== 1 && sets.length !== groups) {
    throw new NonnegError('ERR_NONNEG_SHAPE', `${sets.length} sets of scalars for ${groups} groups`)
  }
  const rows = sets.map(set => {
    const unknown = Object.keys(set).find(name => !kernel.scalars.includes(name))
    if (unknown !== undefined) throw new NonnegError('ERR_NONNEG_OPTION', `${kernel.name} has no scalar "${unknown}"`)
    return kernel.scalars.map(name => {
      const value = set[name] ?? kernel.defaults[name]
      if (typeof value === 'number' && !Number.isNaN(value)) return value
      throw new NonnegError('ERR_NONNEG_OPTION', `${kernel.name} needs a number for "${name}", not ${value}`)
    })
  })
  const flat = new Float64Array(groups * kernel.scalars.length)
  for (let k = 0; k < groups; k++) flat.set(rows[sets.length === 1 ? 0 : k], k * kernel.scalars.length)
  return flat
}
