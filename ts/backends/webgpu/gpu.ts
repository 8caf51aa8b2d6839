import { NonnegError } from '../../core/errors.js'
import { type Pipeline, Pipelines } from './pipelines.js'

/** The specification's numbers; the global objects that name them exist in browsers only. */
export const USAGE = {
  MAP_READ: 0x1,
  COPY_SRC: 0x4,
  COPY_DST: 0x8,
  UNIFORM: 0x40,
  STORAGE: 0x80,
} as const
const MAP_MODE_READ = 0x1

/** The smallest range that may be bound as an array of vec4f, and more than any uniform block here. */
export const SMALLEST_BUFFER = 256

/** How long a failed operation waits to hear that the device is lost, which explains it. */
const LOSS_NOTICE_MS = 100

/**
 * Firefox looks for finished work every 100 ms, or at a submission (bugzilla.mozilla.org, bug 1870699), so there a
 * pending read-back submits nothing this often.
 */
const NUDGE_MS = 4

function needsNudges(): boolean {
  return /Firefox\//.test(globalThis.navigator?.userAgent ?? '')
}

/** Bytes that one read-back moves; bounds the staging memory and the time on the JavaScript thread. */
export const READ_PIECE: number = 1 << 20

/** Bytes of a buffer, a multiple of 4. */
export interface Source {
  readonly buffer: GPUBuffer
  /** Default: 0. */
  readonly offset?: number
  readonly bytes: number
}

export interface StandIns {
  /** For any number of bindings that are only read. */
  readonly read: GPUBuffer
  /** One for each binding of a kernel that may be written. */
  readonly writes: readonly GPUBuffer[]
}

function failureOf(error: GPUError): NonnegError {
  // the classes are globals in browsers only, so their names decide
  if (error.constructor.name === 'GPUOutOfMemoryError') {
    return new NonnegError('ERR_NONNEG_MEMORY', 'the GPU is out of memory', {
      cause: error,
      fix: 'Free GPU memory, or choose another backend.',
    })
  }
  return new NonnegError('ERR_NONNEG_BACKEND', `WebGPU refused a command: ${error.message}`, { cause: error })
}

/**
 * A GPU device that turns every way in which WebGPU fails (lost devices, error scopes, uncaptured errors, rejected maps)
 * into one coded error. After a loss every call fails with the same error.
 *
 * The device may be someone else's, who uses it too. All commands run in error scopes, whose pushes and pops no other
 * code can come between, so that the scopes around them are as they were, and what no scope of ours has caught is not ours.
 */
export class Gpu {
  readonly device: GPUDevice
  /** Threads that kernels let hand values to each other without a barrier; 1: they do without subgroups. */
  readonly near: number
  readonly pipelines: Pipelines
  readonly #waiting: Set<(failure: NonnegError) => void> = new Set()
  readonly #isOwn: boolean
  /** Buffers that have not been freed. */
  readonly #live: Set<GPUBuffer> = new Set()
  /** Settles when the device is lost or was destroyed, by whomever. */
  readonly lost: Promise<void>
  #failure: NonnegError | undefined
  #closed = false
  #standIns: Promise<StandIns> | undefined

  /** @param isOwn whether nobody else uses the device, and it ends with `close` */
  constructor(device: GPUDevice, isOwn: boolean, near = 1) {
    this.device = device
    this.near = near
    this.#isOwn = isOwn
    this.pipelines = new Pipelines(this)
    this.lost = device.lost.then(info => {
      if (this.#closed) return
      this.#fail(
        new NonnegError('ERR_NONNEG_DEVICE_LOST', `the GPU device was lost: ${info.message || info.reason}`, {
          detail: { reason: info.reason ?? 'unknown' },
          cause: info,
          fix: isOwn ? 'Open the backend again, or choose another one.' : 'Pass another device in, or none.',
        }),
      )
    })
    if (!isOwn) return
    device.addEventListener('uncapturederror', event => {
      event.preventDefault()
      this.#fail(failureOf(event.error))
    })
  }

  #fail(failure: NonnegError): void {
    this.#failure ??= failure
    for (const reject of this.#waiting) reject(this.#failure)
    this.#waiting.clear()
  }

  /** Throws what has made the device unusable, if anything has. */
  check(): void {
    if (this.#closed) throw new NonnegError('ERR_NONNEG_DISPOSED', 'the WebGPU device has been disposed of')
    if (this.#failure) throw this.#failure
  }

  /** Waits for a promise of the device, or for the device's failure. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    // where the device has failed already, nobody looks at the promise any more
    promise.catch(() => {})
    this.check()
    let reject: ((failure: NonnegError) => void) | undefined
    const failed = new Promise<never>((_, refuse) => {
      reject = refuse
      this.#waiting.add(refuse)
    })
    try {
      return await Promise.race([promise, failed])
    } catch (error) {
      if (error instanceof NonnegError) throw error
      await this.#hearOfLoss()
      this.check()
      const message = error instanceof Error ? error.message : String(error)
      throw new NonnegError('ERR_NONNEG_BACKEND', `WebGPU failed: ${message}`, { cause: error })
    } finally {
      this.#waiting.delete(reject!)
    }
  }

  /** A loss rejects what is pending first and says so a little later. */
  async #hearOfLoss(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const enough = new Promise<void>(resolve => {
      timer = setTimeout(resolve, LOSS_NOTICE_MS)
    })
    await Promise.race([this.lost, enough])
    clearTimeout(timer)
  }

  /** Runs synchronous WebGPU calls; the promise rejects if any of them is refused. The result is there at once. */
  scoped<T>(work: () => T): { result: T; done: Promise<void> } {
    this.check()
    const filters: GPUErrorFilter[] = ['validation', 'out-of-memory', 'internal']
    for (const filter of filters) this.device.pushErrorScope(filter)
    let result: T
    let scopes: Promise<GPUError | null>[]
    try {
      result = work()
    } finally {
      scopes = filters.map(() => this.device.popErrorScope())
    }
    const done = this.wait(Promise.all(scopes)).then(errors => {
      for (const error of errors) if (error) throw failureOf(error)
    })
    // callers may look at the result before they wait; an early failure must not count as unhandled
    done.catch(() => {})
    return { result, done }
  }

  /** A buffer of at least `bytes`; rejects with ERR_NONNEG_MEMORY where the device has no room. */
  async buffer(bytes: number, usage: number): Promise<GPUBuffer> {
    const size = Math.max(SMALLEST_BUFFER, Math.ceil(bytes / 4) * 4)
    const { result, done } = this.scoped(() => this.device.createBuffer({ size, usage }))
    try {
      await done
      // it may have been closed in the meantime
      this.check()
    } catch (error) {
      result.destroy()
      throw error
    }
    this.#live.add(result)
    return result
  }

  /** Gives a buffer's memory back. */
  free(buffer: GPUBuffer): void {
    this.#live.delete(buffer)
    buffer.destroy()
  }

  /** Buffers that stand in for bindings a kernel does not use in its present variant: what is written may not be shared. */
  standIns(): Promise<StandIns> {
    this.#standIns ??= (async () => {
      const [read, ...writes] = await Promise.all([0, 1, 2, 3].map(() => this.buffer(SMALLEST_BUFFER, USAGE.STORAGE)))
      return { read, writes }
    })()
    return this.#standIns
  }

  pipeline(...key: Parameters<Pipelines['get']>): Promise<Pipeline> {
    return this.pipelines.get(...key)
  }

  /** Waits until everything submitted so far has run. */
  async settle(): Promise<void> {
    this.check()
    await this.#nudged(this.device.queue.onSubmittedWorkDone())
  }

  /** Waits for work that has been submitted. */
  async #nudged(promise: Promise<undefined>): Promise<void> {
    const nudges = needsNudges() ? setInterval(() => this.device.queue.submit([]), NUDGE_MS) : undefined
    try {
      await this.wait(promise)
    } finally {
      clearInterval(nudges)
    }
  }

  /** Maps a buffer made for reading and hands out a copy of its first `bytes`. */
  async readMapped(staging: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const { result, done } = this.scoped(() => staging.mapAsync(MAP_MODE_READ, 0, bytes))
    await Promise.all([this.#nudged(result), done])
    // the range is detached by unmap and by the device's end, so a copy leaves here
    const copy = staging.getMappedRange(0, bytes).slice(0)
    staging.unmap()
    return copy
  }

  /** Reads parts of buffers back, through a staging buffer of `capacity` bytes: at once where they fit it. */
  async read(sources: readonly Source[], staging: GPUBuffer, capacity: number): Promise<ArrayBuffer[]> {
    const copies = sources.map(({ bytes }) => new Uint8Array(bytes))
    const pieces = sources.flatMap(({ buffer, bytes, offset: start = 0 }, at) =>
      Array.from({ length: Math.ceil(bytes / capacity) }, (_, piece) => {
        const offset = piece * capacity
        return { at, buffer, start, offset, size: Math.min(capacity, bytes - offset) }
      }),
    )
    for (let next = 0; next < pieces.length; ) {
      const first = next
      let filled = 0
      const { done } = this.scoped(() => {
        const encoder = this.device.createCommandEncoder()
        for (; next < pieces.length && filled + pieces[next].size <= capacity; next++) {
          const { buffer, start, offset, size } = pieces[next]
          encoder.copyBufferToBuffer(buffer, start + offset, staging, filled, size)
          filled += size
        }
        this.device.queue.submit([encoder.finish()])
      })
      const [copy] = await Promise.all([this.readMapped(staging, filled), done])
      let from = 0
      for (const { at, offset, size } of pieces.slice(first, next)) {
        copies[at].set(new Uint8Array(copy, from, size), offset)
        from += size
      }
    }
    return copies.map(({ buffer }) => buffer)
  }

  /** Ends the device, or our part in it: all buffers. Whoever still waits for it is told that it has been disposed of. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    const failure = new NonnegError('ERR_NONNEG_DISPOSED', 'the WebGPU device has been disposed of')
    for (const reject of this.#waiting) reject(failure)
    this.#waiting.clear()
    if (this.#isOwn) this.device.destroy()
    for (const buffer of this.#live) buffer.destroy()
    this.#live.clear()
  }
}
