import { NonnegError } from '../../core/errors.js'
import type { FloatArray } from '../../core/matrix.js'
import type { VectorKernel } from '../../kernels/vector_kernel.js'
import type { KernelCall } from '../backend.js'
import { arraysOf, type VectorRun } from '../checked-vectors.js'
import { HostVectors } from '../host-vectors.js'
import type { OptimizerSpec } from '../vectors.js'
import { roundUp } from './layout.js'
import type { VectorCrew } from './vector-crew.js'
import { chunksOf, SUM_BYTES, type VectorTask } from './vector-task.js'

/** Bytes of wasm memory that the arrays of an optimizer take; the rest is small beside them. */
export function bytesOfVectors(length: number, spec: OptimizerSpec): number {
  return roundUp(4 * length, 64) * arraysOf(spec).length
}

/** Arrays in wasm memory, which the host and the workers share. */
export class WasmVectors extends HostVectors {
  readonly #crew: VectorCrew
  readonly #base: number
  readonly #addresses: ReadonlyMap<string, number>
  readonly #task: Omit<VectorTask, 'kernel' | 'arrays' | 'scalarCount'>

  private constructor(crew: VectorCrew, length: number, spec: OptimizerSpec) {
    super(length, spec)
    this.#crew = crew
    const chunks = chunksOf(this.bounds)
    const chunkCount = chunks.length / 3
    const groups = this.bounds.length - 1
    const mostScalars = Math.max(0, ...spec.kernels.map(kernel => kernel.scalars.length))
    let bytes = 0
    const take = (count: number) => {
      const offset = bytes
      bytes += roundUp(count, 64)
      return offset
    }
    const offsets = this.arrays.map(array => [array, take(4 * length)] as const)
    const [listed, scalars, sums] = [chunks.byteLength, 8 * groups * mostScalars, SUM_BYTES * chunkCount].map(take)
    const base = crew.heap.allocate(bytes)
    this.#base = base
    this.#addresses = new Map(offsets.map(([array, offset]) => [array, base + offset]))
    this.#task = { scalars: base + scalars, chunks: base + listed, chunkCount, sums: base + sums }
    crew.views.u32.set(chunks, this.#task.chunks / 4)
  }

  /** @throws NonnegError ERR_NONNEG_MEMORY where the arrays do not fit */
  static async create(crew: VectorCrew, length: number, spec: OptimizerSpec): Promise<WasmVectors> {
    const vectors = new WasmVectors(crew, length, spec)
    // an earlier optimizer may have left something there
    for (const array of vectors.arrays) await vectors.fill(array, 0)
    return vectors
  }

  /** Growth detaches the views of memory that is not shared, so only of shared memory are they given away. */
  override view(array: string): FloatArray | undefined {
    const own = super.view(array)
    return this.#crew.isShared ? own : undefined
  }

  protected override memory(array: string): FloatArray {
    const start = this.#addresses.get(array)! / 4
    return this.#crew.views.f32.subarray(start, start + this.length)
  }

  protected override async compute({ kernel, arrays, scalars, sums }: VectorRun): Promise<void> {
    const { views } = this.#crew
    views.f64.set(scalars, this.#task.scalars / 8)
    const addresses = arrays.map(array => this.#addresses.get(array)!)
    const scalarCount = kernel.scalars.length
    await this.#crew.run({ ...this.#task, kernel: kernel.name, arrays: addresses, scalarCount })
    for (let chunk = 0; chunk < this.#task.chunkCount; chunk++) {
      const group = views.u32[this.#task.chunks / 4 + 3 * chunk]
      for (let s = 0; s < kernel.sums.length; s++) {
        sums[group * kernel.sums.length + s] += views.f64[(this.#task.sums + SUM_BYTES * chunk) / 8 + s]
      }
    }
  }

  protected override async release(): Promise<void> {
    this.#crew.heap.free(this.#base)
  }
}

/** Runs one kernel on copies of a call's buffers in wasm memory, guard zones included, and copies all of them back. */
export function runVectorKernel(crew: VectorCrew, kernel: VectorKernel, { dims, buffers }: KernelCall): void {
  const { heap, views } = crew
  const taken: number[] = []
  const place = (bytes: number) => {
    const address = heap.allocate(bytes)
    taken.push(address)
    return address
  }
  const bytesOf = (name: string) => {
    const { data } = buffers[name]
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  }
  try {
    const starts = kernel.buffers.map(({ name }) => {
      const start = place(buffers[name].data.byteLength)
      views.u8.set(bytesOf(name), start)
      return start
    })
    const windows = kernel.buffers.map(({ name }, b) => {
      const { data, offset, length } = buffers[name]
      if (offset + length > data.length) throw new NonnegError('ERR_NONNEG_SHAPE', `${name} is too short`)
      return starts[b] + offset * data.BYTES_PER_ELEMENT
    })
    const scalars = place(8 * kernel.scalars.length)
    views.f64.set(
      kernel.scalars.map(name => dims[name]),
      scalars / 8,
    )
    const arrays = windows.slice(0, kernel.arrays.length)
    const sums = windows[kernel.arrays.length] ?? crew.scratch
    crew.kernels[kernel.name](dims.length, ...arrays, scalars, sums, crew.scratch)
    kernel.buffers.forEach(({ name }, b) => {
      bytesOf(name).set(views.u8.subarray(starts[b], starts[b] + buffers[name].data.byteLength))
    })
  } finally {
    for (const address of taken) heap.free(address)
  }
}
