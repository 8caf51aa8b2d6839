import { type Gpu, USAGE } from './gpu.js'

/** The buffers of one fit or one kernel run, destroyed together. */
export class Owned {
  readonly #gpu: Gpu
  readonly #buffers: Set<GPUBuffer> = new Set()

  constructor(gpu: Gpu) {
    this.#gpu = gpu
  }

  keep(buffer: GPUBuffer): GPUBuffer {
    this.#buffers.add(buffer)
    return buffer
  }

  /** A storage buffer that can be written from and read to the host. */
  async storage(bytes: number): Promise<GPUBuffer> {
    return this.keep(await this.#gpu.buffer(bytes, USAGE.STORAGE | USAGE.COPY_DST | USAGE.COPY_SRC))
  }

  async staging(bytes: number): Promise<GPUBuffer> {
    return this.keep(await this.#gpu.buffer(bytes, USAGE.MAP_READ | USAGE.COPY_DST))
  }

  destroy(): void {
    for (const buffer of this.#buffers) buffer.destroy()
    this.#buffers.clear()
  }
}
