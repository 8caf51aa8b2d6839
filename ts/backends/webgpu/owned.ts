import { type Gpu, USAGE } from './gpu.js'

/** Where buffers come from. */
export interface Buffers {
  /** A storage buffer that can be written from and read to the host. */
  storage(bytes: number): Promise<GPUBuffer>
}

/** The buffers of one fit or one kernel run, destroyed together. */
export class Owned implements Buffers {
  readonly #gpu: Gpu
  readonly #buffers: Set<GPUBuffer> = new Set()

  constructor(gpu: Gpu) {
    this.#gpu = gpu
  }

  keep(buffer: GPUBuffer): GPUBuffer {
    this.#buffers.add(buffer)
    return buffer
  }

  async storage(bytes: number): Promise<GPUBuffer> {
    return this.keep(await this.#gpu.buffer(bytes, USAGE.STORAGE | USAGE.COPY_DST | USAGE.COPY_SRC))
  }

  async staging(bytes: number): Promise<GPUBuffer> {
    return this.keep(await this.#gpu.buffer(bytes, USAGE.MAP_READ | USAGE.COPY_DST))
  }

  destroy(): void {
    for (const buffer of this.#buffers) this.#gpu.free(buffer)
    this.#buffers.clear()
  }
}

/**
 * Buffers for work of the same kind that is done again and again in other sizes, one after the other: the same ones in the
 * same order, larger ones where they do not do.
 */
export class Reused implements Buffers {
  readonly #owned: Owned
  readonly #buffers: GPUBuffer[] = []
  #next = 0

  constructor(owned: Owned) {
    this.#owned = owned
  }

  /** Begins again with the first. */
  again(): void {
    this.#next = 0
  }

  async storage(bytes: number): Promise<GPUBuffer> {
    const at = this.#next++
    const there = this.#buffers[at]
    if (there && there.size >= bytes) return there
    // those that were too small serve what has been made ready with them
    this.#buffers[at] = await this.#owned.storage(bytes)
    return this.#buffers[at]
  }
}
