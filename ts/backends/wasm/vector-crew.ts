import { inSlices } from '../../core/breathe.js'
import { NonnegError } from '../../core/errors.js'
import { wasmVectorWorker } from '../../generated/wasm-vector-worker.js'
import { wasmVectorsPlain } from '../../generated/wasm-vectors-plain.js'
import { wasmVectorsRelaxed } from '../../generated/wasm-vectors-relaxed.js'
import { Heap, Views } from './heap.js'
import { type Host, startWorker } from './host.js'
import { moduleBytes } from './kernels.js'
import { MAX_PAGES, type PoolOptions, sharedMemory } from './pool.js'
import {
  runChunk,
  SCRATCH_BYTES,
  type VectorKernels,
  type VectorReply,
  type VectorStart,
  type VectorTask,
  type VectorWork,
} from './vector-task.js'

/** Chunks that this thread does itself: a tenth of a millisecond, in which no worker would have answered. */
const FEW_CHUNKS = 2

function ownMemory(): { memory: WebAssembly.Memory; maxPages: number } {
  const [maxPages] = MAX_PAGES
  return { memory: new WebAssembly.Memory({ initial: 1, maximum: maxPages }), maxPages }
}

/**
 * The memory of a device's optimizers and the workers that step them. A step is one phase over chunks that depend on the
 * parameters' number alone, so nobody coordinates: whoever is free takes the next chunk. Host and workers share the
 * memory; where memory cannot be shared, the steps run on the calling thread in slices of a few milliseconds.
 */
export class VectorCrew {
  readonly heap: Heap
  readonly views: Views
  readonly kernels: VectorKernels
  /** Memory of the calling thread for what fills no vector. */
  readonly scratch: number
  readonly #module: WebAssembly.Module
  readonly #next: Int32Array | undefined
  readonly #threads: number
  readonly #workers: Host[] = []
  /** Answers that the task in progress still waits for. */
  #waiting = 0
  #settle: { resolve(): void; reject(error: NonnegError): void } | undefined
  #turn: Promise<unknown> = Promise.resolve()
  #failure: NonnegError | undefined

  private constructor(module: WebAssembly.Module, { threads, shared }: PoolOptions) {
    const { memory, maxPages } = shared ? sharedMemory() : ownMemory()
    this.#module = module
    this.#threads = threads
    this.#next = shared ? new Int32Array(new SharedArrayBuffer(4)) : undefined
    this.heap = new Heap(memory, maxPages)
    this.views = new Views(memory)
    this.kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as VectorKernels
    this.scratch = this.heap.allocate(SCRATCH_BYTES)
  }

  static async open(options: PoolOptions): Promise<VectorCrew> {
    const bytes = moduleBytes(options.relaxed ? wasmVectorsRelaxed : wasmVectorsPlain, options.shared)
    return new VectorCrew(await WebAssembly.compile(bytes), options)
  }

  get isShared(): boolean {
    return this.#next !== undefined
  }

  /** Does all chunks of a task; tasks take turns. */
  run(task: VectorTask): Promise<void> {
    const done = this.#turn.then(() => {
      if (this.#failure) throw this.#failure
      const next = this.#next
      return next && task.chunkCount > FEW_CHUNKS ? this.#together(next, task) : inSlices(this.#alone(task))
    })
    this.#turn = done.catch(() => {})
    return done
  }

  /** Ends the workers; the task in progress rejects. */
  async close(): Promise<void> {
    await this.#end(new NonnegError('ERR_NONNEG_DISPOSED', 'the device has been closed'))
  }

  *#alone(task: VectorTask): Generator<void, void> {
    for (let chunk = 0; chunk < task.chunkCount; chunk++) {
      runChunk(this.kernels, this.views, task, chunk, this.scratch)
      yield
    }
  }

  #together(next: Int32Array, task: VectorTask): Promise<void> {
    const wanted = Math.min(this.#threads, task.chunkCount)
    while (this.#workers.length < wanted) this.#workers.push(this.#start(next))
    Atomics.store(next, 0, 0)
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject }
      this.#waiting = wanted
      for (const worker of this.#workers.slice(0, wanted)) {
        worker.hold(true)
        worker.post({ kind: 'work', task } satisfies VectorWork)
      }
    })
  }

  #start(next: Int32Array): Host {
    const worker = startWorker(wasmVectorWorker, {
      message: data => {
        worker.hold(false)
        const { failure } = data as VectorReply
        if (failure !== undefined) this.#fail(failure)
        else if (--this.#waiting === 0) this.#settle?.resolve()
      },
      failure: error => this.#fail(error.message, error),
    })
    const start: VectorStart = {
      kind: 'start',
      module: this.#module,
      memory: this.views.memory,
      next,
      scratch: this.heap.allocate(SCRATCH_BYTES),
    }
    worker.post(start)
    return worker
  }

  #fail(reason: string, cause?: unknown): void {
    this.#end(new NonnegError('ERR_NONNEG_BACKEND', `a wasm worker failed: ${reason}`, { cause }))
  }

  #end(error: NonnegError): Promise<unknown> {
    this.#failure ??= error
    this.#settle?.reject(this.#failure)
    return Promise.all(this.#workers.splice(0).map(worker => worker.terminate()))
  }
}
