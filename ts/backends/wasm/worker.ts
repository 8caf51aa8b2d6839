// The program of every worker: thread 0 coordinates, all others help it with phases of several lanes.

import { Breather } from '../../core/breathe.js'
import { NonnegError } from '../../core/errors.js'
import type { Factors, SweepReport } from '../backend.js'
import { Crew, help } from './crew.js'
import type { HeldFit } from './family.js'
import { Heap, Views } from './heap.js'
import { create, evaluate, factors, run, runBatches, setFactors, sibling } from './jobs.js'
import type { Attach, Failure, Install, Message, Request, Results, Start } from './messages.js'
import { type Port, parentPort } from './port.js'
import { runKernel } from './run-kernel.js'
import { type SharedFit, type Steps, Thread } from './thread.js'

/** How long a worker computes before it looks at its messages, in milliseconds. */
const SLICE_MS = 8

interface Job {
  readonly call: number
  readonly steps: Steps<Results[keyof Results]>
  readonly joined: boolean
}

function failureOf(error: unknown): Failure {
  if (error instanceof NonnegError) {
    const { code, message, detail, fix } = error
    return { code, message, detail, fix }
  }
  const text = error instanceof Error ? error.message : String(error)
  return { code: 'ERR_NONNEG_BACKEND', message: `a wasm worker failed: ${text}`, detail: {}, fix: undefined }
}

/** The buffers of a result that may go without a copy. */
function transferable(result: Results[keyof Results]): ArrayBuffer[] {
  if (typeof result !== 'object') return []
  const more = (['momentum', 'accumulated', 'steps'] as const).flatMap(name => {
    const part: unknown = name in result && (result as Factors & SweepReport)[name]
    return part && typeof part === 'object' ? Object.values(part) : []
  })
  return [...Object.values(result), ...more]
    .filter(value => ArrayBuffer.isView(value))
    .map(value => value.buffer)
    .filter(buffer => buffer instanceof ArrayBuffer)
}

class Coordinator {
  readonly #port: Port
  readonly #heap: Heap
  readonly #crew: Crew
  readonly #shared: boolean
  readonly #fits: Map<number, HeldFit> = new Map()
  readonly #queue: Job[] = []
  #pumping = false

  constructor(port: Port, { modules, maxPages, shared }: Start) {
    const memory = shared?.memory ?? new WebAssembly.Memory({ initial: 1, maximum: maxPages })
    const thread = new Thread(new Views(memory), 0)
    this.#port = port
    this.#heap = new Heap(memory, maxPages)
    this.#crew = new Crew(thread, shared?.control)
    this.#shared = shared !== undefined
    for (const module of modules) this.install(module)
  }

  install({ dtype, module }: Install): void {
    this.#crew.thread.install(dtype, module)
  }

  abort(id: number): void {
    const fit = this.#fits.get(id)
    if (fit) Atomics.store(fit.shared.flags, 0, 1)
  }

  call(call: number, request: Request): void {
    const joined = 'joined' in request && request.joined
    // with shared memory the main thread has cleared the flag, and may have set it again by now
    if (!this.#shared && 'joined' in request) this.#fits.get(request.fit)?.shared.flags.fill(0)
    this.#queue.push({ call, steps: this.#steps(request, performance.now()), joined })
    if (!this.#pumping) this.#pump()
  }

  #fit(id: number): HeldFit {
    const fit = this.#fits.get(id)
    if (!fit) throw new NonnegError('ERR_NONNEG_DISPOSED', 'the fit has been disposed of')
    return fit
  }

  *#steps(request: Request, start: number): Steps<Results[keyof Results]> {
    const heap = this.#heap
    const crew = this.#crew
    switch (request.kind) {
      case 'create': {
        const [fit, result] = yield* create(crew, heap, this.#shared, request)
        this.#fits.set(fit.id, fit)
        return result
      }
      case 'sibling': {
        const [fit, result] = yield* sibling(crew, heap, this.#shared, this.#fit(request.of), request)
        this.#fits.set(fit.id, fit)
        return result
      }
      case 'run':
        return yield* run(crew, this.#fit(request.fit), request, start)
      case 'runBatches':
        return yield* runBatches(crew, heap, this.#fit(request.fit), request, start)
      case 'evaluate':
        return yield* evaluate(crew, this.#fit(request.fit))
      case 'factors':
        return yield* factors(crew, this.#fit(request.fit))
      case 'setFactors':
        return yield* setFactors(crew, heap, this.#fit(request.fit), request.factors)
      case 'dispose':
        for (const block of this.#fit(request.fit).blocks) heap.free(block)
        this.#fits.delete(request.fit)
        return undefined
      case 'kernel': {
        const { name, dtype, dims, buffers } = request
        runKernel(crew.thread, heap, name, dtype, dims, buffers)
        return Object.fromEntries(Object.entries(buffers).map(([key, { data }]) => [key, data]))
      }
      case 'usage':
        return heap.used
    }
  }

  /** Works the queue off, one turn of each job after the other, and looks at the messages every few milliseconds. */
  async #pump(): Promise<void> {
    this.#pumping = true
    const breather = new Breather(SLICE_MS)
    while (this.#queue.length > 0) {
      const job = this.#queue[0]
      try {
        const step = job.steps.next()
        if (step.done) {
          this.#end()
          this.#port.post({ call: job.call, result: step.value }, transferable(step.value))
        } else if (step.value === 'turn' && this.#queue.length > 1) {
          this.#queue.push(this.#queue.shift()!)
        }
      } catch (error) {
        if (this.#queue[0] === job) this.#end()
        this.#port.post({ call: job.call, failure: failureOf(error) })
      }
      if (breather.due()) await breather.rest()
    }
    this.#pumping = false
  }

  #end(): void {
    if (this.#queue.shift()?.joined) this.#crew.finishJob()
  }
}

class Helper {
  readonly #control: Int32Array
  readonly #thread: Thread
  readonly #fits: Map<number, SharedFit> = new Map()
  #jobs = 0
  #helping = false

  constructor({ modules, thread, shared }: Start) {
    const { memory, control } = shared!
    this.#control = control
    this.#thread = new Thread(new Views(memory), thread)
    for (const module of modules) this.install(module)
  }

  install({ dtype, module }: Install): void {
    this.#thread.install(dtype, module)
  }

  attach({ fit, told }: Attach): void {
    this.#fits.set(fit, this.#thread.learn(told))
  }

  detach(id: number): void {
    this.#fits.delete(id)
  }

  async join(jobs: number): Promise<void> {
    this.#jobs = Math.max(this.#jobs, jobs)
    if (this.#helping) return
    this.#helping = true
    const breather = new Breather(SLICE_MS)
    while (!help(this.#control, this.#thread, this.#fits, this.#jobs)) await breather.rest()
    this.#helping = false
  }
}

function main(): void {
  const port = parentPort()
  let coordinator: Coordinator | undefined
  let helper: Helper | undefined
  port.listen(data => {
    const message = data as Message
    if (message.kind === 'start') {
      if (message.thread > 0) helper = new Helper(message)
      else coordinator = new Coordinator(port, message)
    } else if (message.kind === 'install') (coordinator ?? helper)?.install(message)
    else if (message.kind === 'call') coordinator?.call(message.call, message.request)
    else if (message.kind === 'abort') coordinator?.abort(message.fit)
    else if (message.kind === 'attach') helper?.attach(message)
    else if (message.kind === 'detach') helper?.detach(message.fit)
    else helper?.join(message.jobs)
  })
}

main()
