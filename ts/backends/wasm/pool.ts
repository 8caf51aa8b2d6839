import { NonnegError } from '../../core/errors.js'
import { wasmPlainF32 } from '../../generated/wasm-plain-f32.js'
import { wasmPlainF64 } from '../../generated/wasm-plain-f64.js'
import { wasmRelaxedF32 } from '../../generated/wasm-relaxed-f32.js'
import { wasmRelaxedF64 } from '../../generated/wasm-relaxed-f64.js'
import { wasmWorker } from '../../generated/wasm-worker.js'
import { CONTROL_BYTES, reportLoss } from './crew.js'
import { type Host, startWorker } from './host.js'
import { type Dtype, moduleBytes } from './kernels.js'
import type { Attach, Detach, Install, Join, Message, Reply, Request, Results, Start } from './messages.js'

export interface PoolOptions {
  /** Threads at most, the coordinator among them. */
  readonly threads: number
  readonly relaxed: boolean
  readonly shared: boolean
  /** Whether helpers are started only once the coordinator has worked for a while. */
  readonly startsLate: boolean
}

type Shared = NonNullable<Start['shared']>

interface Pending {
  resolve(value: Results[keyof Results]): void
  reject(error: Error): void
}

/** Pages of 64 KiB, most first: 4 GiB, and less for engines that will not reserve so much. */
export const MAX_PAGES: readonly number[] = [65536, 32768, 16384, 4096]

const MODULES = {
  plain: { f32: wasmPlainF32, f64: wasmPlainF64 },
  relaxed: { f32: wasmRelaxedF32, f64: wasmRelaxedF64 },
}

async function compile(dtype: Dtype, { relaxed, shared }: PoolOptions): Promise<Install> {
  const base64 = MODULES[relaxed ? 'relaxed' : 'plain'][dtype]
  return { kind: 'install', dtype, module: await WebAssembly.compile(moduleBytes(base64, shared)) }
}

export function sharedMemory(): { memory: WebAssembly.Memory; maxPages: number } {
  let cause: unknown
  for (const maxPages of MAX_PAGES) {
    try {
      return { memory: new WebAssembly.Memory({ initial: 1, maximum: maxPages, shared: true }), maxPages }
    } catch (error) {
      cause = error
    }
  }
  throw new NonnegError('ERR_NONNEG_MEMORY', 'the engine reserves no shared wasm memory', { cause })
}

/**
 * How long the coordinator works alone, in milliseconds, before helpers are started: about what starting one costs, so that
 * fits which end sooner do not pay for it, and none waits more than twice as long as it had to.
 */
const ALONE_MS = 40

/**
 * The workers of one device: a coordinator that takes calls, and helpers that it calls into phases of several lanes.
 * Helpers are started with the first fit that has any use for them, or late, once such fits have kept the coordinator busy.
 */
export class Pool {
  readonly #options: PoolOptions
  readonly #modules: Install[] = []
  readonly #maxPages: number
  readonly #shared: Shared | undefined
  readonly #threads: number
  readonly #coordinator: Host
  readonly #helpers: Host[] = []
  /** What helpers know, or will be told when they start. */
  readonly #fitsOfHelpers: Map<number, Attach> = new Map()
  /** What is left of ALONE_MS, and since when it runs out. */
  #alone: number
  #aloneSince = 0
  #startingHelpers: ReturnType<typeof setTimeout> | undefined
  readonly #pending: Map<number, Pending> = new Map()
  #calls = 0
  #joins = 0
  #fits = 0
  #failure: NonnegError | undefined

  private constructor(options: PoolOptions, threads: number, maxPages: number, shared: Shared | undefined) {
    this.#options = options
    this.#threads = threads
    this.#maxPages = maxPages
    this.#alone = options.startsLate ? ALONE_MS : 0
    this.#shared = shared
    this.#coordinator = this.#start(0)
  }

  /** Starts the coordinator and, while it comes up, compiles the f32 kernels. */
  static async open(options: PoolOptions): Promise<Pool> {
    let pool: Pool
    if (options.shared) {
      const { memory, maxPages } = sharedMemory()
      const control = new Int32Array(new SharedArrayBuffer(CONTROL_BYTES))
      pool = new Pool(options, options.threads, maxPages, { memory, control })
    } else {
      pool = new Pool(options, 1, MAX_PAGES[0], undefined)
    }
    try {
      await pool.install('f32')
      // answered once the worker runs
      await pool.call({ kind: 'usage' })
    } catch (error) {
      await pool.close()
      throw error
    }
    return pool
  }

  get threads(): number {
    return this.#threads
  }

  get isShared(): boolean {
    return this.#shared !== undefined
  }

  #start(thread: number): Host {
    const host = startWorker(wasmWorker, {
      message: data => this.#answer(data as Reply),
      failure: cause => this.#fail(cause),
    })
    const start: Start = {
      kind: 'start',
      modules: this.#modules,
      thread,
      maxPages: this.#maxPages,
      shared: this.#shared,
    }
    host.post(start)
    return host
  }

  /** A name for one more fit. */
  nextFit(): number {
    return ++this.#fits
  }

  /** Sends a request to the coordinator, which works on several at a time. */
  call<K extends Request['kind']>(
    request: Request & { readonly kind: K },
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Results[K]> {
    if (this.#failure) return Promise.reject(this.#failure)
    const call = ++this.#calls
    return new Promise((resolve, reject) => {
      if (this.#pending.size === 0) this.#coordinator.hold(true)
      this.#pending.set(call, { resolve: resolve as Pending['resolve'], reject })
      this.send({ kind: 'call', call, request }, transfer)
    })
  }

  /** Sees to it that the workers have the kernels for an element type. */
  async install(dtype: Dtype): Promise<void> {
    const has = () => this.#modules.some(module => module.dtype === dtype)
    if (has()) return
    const module = await compile(dtype, this.#options)
    if (this.#failure || has()) return
    this.#modules.push(module)
    for (const host of [this.#coordinator, ...this.#helpers]) host.post(module)
  }

  /** Sends the coordinator something that it does not answer. */
  send(message: Message, transfer: readonly ArrayBuffer[] = []): void {
    if (!this.#failure) this.#coordinator.post(message, transfer)
  }

  /** Makes a fit known to the helpers, or unknown again. */
  tellHelpers(message: Attach | Detach): void {
    if (this.#failure || !this.#shared) return
    if (message.kind === 'attach') this.#fitsOfHelpers.set(message.fit, message)
    else this.#fitsOfHelpers.delete(message.fit)
    for (const helper of this.#helpers) helper.post(message)
  }

  /** Calls the helpers in for the next call; it must say `joined`. */
  join(): void {
    this.#joins++
    if (this.#failure) return
    if (this.#helpers.length > 0) this.#callHelpers()
    else if (this.#alone <= 0) this.#startHelpers()
    else if (!this.#startingHelpers) {
      this.#aloneSince = performance.now()
      this.#startingHelpers = setTimeout(() => this.#startHelpers(), this.#alone)
    }
  }

  #callHelpers(): void {
    const message: Join = { kind: 'join', jobs: this.#joins }
    for (const helper of this.#helpers) helper.post(message)
  }

  /** They may come in the middle of a call, and take part in it from then on. */
  #startHelpers(): void {
    this.#startingHelpers = undefined
    while (this.#helpers.length < this.#threads - 1) this.#helpers.push(this.#start(this.#helpers.length + 1))
    for (const helper of this.#helpers) for (const fit of this.#fitsOfHelpers.values()) helper.post(fit)
    this.#callHelpers()
  }

  /** No call is under way: the coordinator's time alone stands still. */
  #rest(): void {
    this.#coordinator.hold(false)
    if (!this.#startingHelpers) return
    clearTimeout(this.#startingHelpers)
    this.#startingHelpers = undefined
    this.#alone -= performance.now() - this.#aloneSince
  }

  #answer(reply: Reply): void {
    const pending = this.#pending.get(reply.call)
    this.#pending.delete(reply.call)
    if (this.#pending.size === 0) this.#rest()
    if ('result' in reply) {
      pending?.resolve(reply.result)
    } else {
      const { code, message, detail, fix } = reply.failure
      pending?.reject(new NonnegError(code, message, { detail, fix }))
    }
  }

  #fail(cause: Error): void {
    const error =
      cause instanceof NonnegError
        ? cause
        : new NonnegError('ERR_NONNEG_BACKEND', `a wasm worker failed: ${cause.message}`, { cause })
    this.#end(error)
  }

  #end(error: NonnegError): Promise<unknown> {
    if (this.#failure) return Promise.resolve()
    this.#failure = error
    clearTimeout(this.#startingHelpers)
    if (this.#shared) reportLoss(this.#shared.control)
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
    return Promise.all([this.#coordinator, ...this.#helpers].map(host => host.terminate()))
  }

  /** Ends all workers; calls in flight reject. */
  async close(): Promise<void> {
    await this.#end(new NonnegError('ERR_NONNEG_DISPOSED', 'the device has been closed'))
  }
}
