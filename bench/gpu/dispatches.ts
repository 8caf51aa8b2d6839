import type { Step } from '../../ts/backends/webgpu/calls.js'
import { type Gpu, SMALLEST_BUFFER } from '../../ts/backends/webgpu/gpu.js'
import type { Work } from '../contestant.js'
import type { OpenGpu } from './open.js'

/** Something that is timed on a GPU, resident and ready: a unit is a call, an iteration, a step or a pass. */
export interface Subject {
  readonly work: Work
  /** The seconds that so many units took, from the same start where it matters. */
  run(units: number): Promise<number>
  /** Of what the last run left. */
  loss?(): Promise<number>
  close(): void
}

/** Dispatches of one submission at most, and about how long it may take: systems end programs whose submissions take seconds. */
const MOST_DISPATCHES = 256
const SUBMISSION_SECONDS = 0.1
/** How much larger than the one before a submission may be. */
const GROWTH = 8
const QUERY_RESOLVE = 0x200
const COPY_SRC = 0x4
const COPY_DST = 0x8
const MAP_READ = 0x1

/** When passes began and ended by the GPU's own clock. */
class Clock {
  readonly #gpu: Gpu
  readonly #queries: GPUQuerySet
  readonly #resolved: GPUBuffer
  readonly #staging: GPUBuffer

  constructor(gpu: Gpu) {
    const { device } = gpu
    this.#gpu = gpu
    this.#queries = device.createQuerySet({ type: 'timestamp', count: 2 })
    this.#resolved = device.createBuffer({ size: SMALLEST_BUFFER, usage: QUERY_RESOLVE | COPY_SRC })
    this.#staging = device.createBuffer({ size: SMALLEST_BUFFER, usage: MAP_READ | COPY_DST })
  }

  get writes(): GPUComputePassTimestampWrites {
    return { querySet: this.#queries, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 }
  }

  /** After the pass, in the same encoder. */
  resolve(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved, 0)
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, 16)
  }

  /** Seconds of the pass; not above 0 where the driver's clock is of no use. */
  async seconds(): Promise<number> {
    const [begun, ended] = new BigInt64Array(await this.#gpu.readMapped(this.#staging, 16))
    return Number(ended - begun) / 1e9
  }

  destroy(): void {
    this.#queries.destroy()
    this.#resolved.destroy()
    this.#staging.destroy()
  }
}

/**
 * Dispatches done again and again on buffers that stay where they are. Timed from the first to the last by the GPU's clock
 * where it has one, else from the submission until the queue says that all is done. Nothing is read back in between.
 */
export class Dispatches implements Subject {
  readonly work: Work
  readonly #gpu: Gpu
  readonly #steps: readonly Step[]
  readonly #clock: Clock | undefined
  readonly #release: () => void
  /** Units of the next submission. */
  #most = 1

  /** @param work of all steps together, which are one unit */
  constructor(
    { gpu, timestamps }: Pick<OpenGpu, 'gpu' | 'timestamps'>,
    steps: readonly Step[],
    work: Work,
    release: () => void,
  ) {
    this.work = work
    this.#gpu = gpu
    this.#steps = steps
    this.#clock = timestamps ? new Clock(gpu) : undefined
    this.#release = release
  }

  async run(units: number): Promise<number> {
    let seconds = 0
    for (let done = 0; done < units; ) {
      const count = Math.min(this.#most, units - done)
      const taken = await this.#submit(count)
      const fitting = Math.floor((SUBMISSION_SECONDS * count) / taken)
      const most = Math.min(fitting, GROWTH * this.#most, Math.floor(MOST_DISPATCHES / this.#steps.length))
      // a short one says little of longer ones
      if (count === this.#most || most < count) this.#most = Math.max(1, most)
      seconds += taken
      done += count
    }
    return seconds
  }

  async #submit(units: number): Promise<number> {
    const { device } = this.#gpu
    const { result: begun, done } = this.#gpu.scoped(() => {
      const encoder = device.createCommandEncoder()
      const pass = encoder.beginComputePass({ timestampWrites: this.#clock?.writes })
      for (const { pipeline, bindings, groups, offset } of repeated(this.#steps, units)) {
        pass.setPipeline(pipeline)
        pass.setBindGroup(0, bindings, offset === undefined ? [] : [offset])
        pass.dispatchWorkgroups(...groups)
      }
      pass.end()
      this.#clock?.resolve(encoder)
      const commands = encoder.finish()
      const now = performance.now()
      device.queue.submit([commands])
      return now
    })
    await this.#gpu.settle()
    const waited = (performance.now() - begun) / 1000
    await done
    const told = await this.#clock?.seconds()
    return told !== undefined && told > 0 ? told : waited
  }

  close(): void {
    this.#clock?.destroy()
    this.#release()
  }
}

function* repeated(steps: readonly Step[], units: number): Generator<Step> {
  for (let unit = 0; unit < units; unit++) yield* steps
}
