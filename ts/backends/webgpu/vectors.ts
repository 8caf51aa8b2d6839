import { NonnegError } from '../../core/errors.js'
import type { FloatArray } from '../../core/matrix.js'
import { CheckedVectors, type VectorRun } from '../checked-vectors.js'
import type { OptimizerSpec } from '../vectors.js'
import { record, resourceOf, type Step } from './calls.js'
import { type Gpu, READ_PIECE, SMALLEST_BUFFER, USAGE } from './gpu.js'
import { Owned } from './owned.js'
import type { KernelName } from './pipelines.js'
import { uploadFloats } from './upload.js'
import { groupsOf, PARTIAL_BYTES, partialCount, scalarWords, vectorCall } from './vector-calls.js'

/** Arrays in the GPU's memory; a run is one dispatch for each group, and one small read-back where the kernel has sums. */
export class GpuVectors extends CheckedVectors {
  readonly #gpu: Gpu
  readonly #owned: Owned
  readonly #buffers: Map<string, GPUBuffer> = new Map()
  #partials: GPUBuffer | undefined
  #uniforms: GPUBuffer | undefined
  #staging: GPUBuffer | undefined
  /** Bindings by kernel and arrays, for all groups. */
  readonly #prepared: Map<string, Promise<readonly Step[]>> = new Map()

  private constructor(gpu: Gpu, length: number, spec: OptimizerSpec) {
    super(length, spec)
    this.#gpu = gpu
    this.#owned = new Owned(gpu)
  }

  static async create(gpu: Gpu, length: number, spec: OptimizerSpec): Promise<GpuVectors> {
    const vectors = new GpuVectors(gpu, length, spec)
    try {
      await vectors.#allocate()
    } catch (error) {
      vectors.#owned.destroy()
      throw error
    }
    return vectors
  }

  async #allocate(): Promise<void> {
    const owned = this.#owned
    for (const array of this.arrays) this.#buffers.set(array, await owned.storage(this.length * 4))
    const partials = partialCount(this.bounds) * PARTIAL_BYTES
    this.#partials = await owned.storage(partials)
    this.#staging = await owned.staging(this.#stagingBytes())
    const groups = this.bounds.length - 1
    this.#uniforms = owned.keep(await this.#gpu.buffer(groups * SMALLEST_BUFFER, USAGE.UNIFORM | USAGE.COPY_DST))
  }

  /** All partial sums come back at once, arrays in pieces. */
  #stagingBytes(): number {
    return Math.max(SMALLEST_BUFFER, Math.min(READ_PIECE, this.length * 4), partialCount(this.bounds) * PARTIAL_BYTES)
  }

  protected override memory(): undefined {
    this.#gpu.check()
    return undefined
  }

  protected override put(array: string, values: FloatArray, offset: number): Promise<void> {
    return uploadFloats(this.#gpu, this.#buffers.get(array)!, values, 0, values.length, offset)
  }

  protected override async set(array: string, value: number, begin: number, end: number): Promise<void> {
    // in pieces, so that no array of this length is made here
    const piece = new Float32Array(Math.min(end - begin, READ_PIECE / 4)).fill(value)
    for (let from = begin; from < end; from += piece.length) {
      await this.put(array, piece.subarray(0, Math.min(piece.length, end - from)), from)
    }
  }

  protected override async get(array: string, begin: number, end: number): Promise<FloatArray> {
    const source = { buffer: this.#buffers.get(array)!, offset: begin * 4, bytes: (end - begin) * 4 }
    const [bytes] = await this.#gpu.read([source], this.#staging!, this.#stagingBytes())
    return new Float32Array(bytes)
  }

  protected override async compute({ kernel, arrays, bounds, scalars, sums }: VectorRun): Promise<void> {
    const gpu = this.#gpu
    gpu.check()
    const name = kernel.name as KernelName
    const key = `${name}:${arrays.join()}`
    let prepared = this.#prepared.get(key)
    if (!prepared) {
      prepared = this.#prepare(kernel, arrays)
      this.#prepared.set(key, prepared)
      prepared.catch(() => this.#prepared.delete(key))
    }
    const steps = await prepared
    const groups = groupsOf(bounds)
    const bytes = kernel.sums.length > 0 ? partialCount(bounds) * PARTIAL_BYTES : 0
    const { done } = gpu.scoped(() => {
      gpu.device.queue.writeBuffer(this.#uniforms!, 0, scalarWords(kernel, groups, scalars))
      const encoder = gpu.device.createCommandEncoder()
      record(
        encoder,
        steps.filter((_, k) => groups[k].length > 0),
      )
      if (bytes > 0) encoder.copyBufferToBuffer(this.#partials!, 0, this.#staging!, 0, bytes)
      gpu.device.queue.submit([encoder.finish()])
    })
    if (bytes === 0) {
      await Promise.all([done, gpu.settle()])
      return
    }
    const [copy] = await Promise.all([gpu.readMapped(this.#staging!, bytes), done])
    const partials = new Float32Array(copy)
    const width = PARTIAL_BYTES / 4
    groups.forEach(({ first, workgroups }, k) => {
      for (let at = first; at < first + workgroups; at++) {
        for (let s = 0; s < kernel.sums.length; s++) sums[k * kernel.sums.length + s] += partials[at * width + s]
      }
    })
  }

  /** One dispatch for each group, none of which is recorded where the group is empty. */
  async #prepare(kernel: VectorRun['kernel'], arrays: readonly string[]): Promise<readonly Step[]> {
    const written = kernel.arrays.map(({ access }, at) => (access === 'in' ? undefined : arrays[at]))
    const twice = arrays.find((array, at) => written.some((other, o) => o !== at && other === array))
    if (twice !== undefined && kernel.name !== 'axpby') {
      const message = `${kernel.name} writes "${twice}", which stands for another of its arrays too`
      throw new NonnegError('ERR_NONNEG_OPTION', message, { detail: { array: twice } })
    }
    const buffers = arrays.map(array => this.#buffers.get(array)!)
    const { kernel: name, variant = {}, reads, writes } = vectorCall(kernel, buffers, this.#partials!)
    const { pipeline, layout } = await this.#gpu.pipeline(name, variant)
    const { read: standIn } = await this.#gpu.standIns()
    const { result, done } = this.#gpu.scoped(() =>
      groupsOf(this.bounds).map(({ workgroups }, k): Step => {
        const uniforms = { buffer: this.#uniforms!, offset: k * SMALLEST_BUFFER, size: SMALLEST_BUFFER }
        const operands = [uniforms, ...reads.map(operand => operand ?? { buffer: standIn }), ...writes.map(w => w!)]
        const entries = operands.map((operand, binding) => ({ binding, resource: resourceOf(operand) }))
        return { pipeline, bindings: this.#gpu.device.createBindGroup({ layout, entries }), groups: [workgroups, 1, 1] }
      }),
    )
    await done
    return result
  }

  protected override async release(): Promise<void> {
    this.#owned.destroy()
    this.#buffers.clear()
    this.#prepared.clear()
  }
}
