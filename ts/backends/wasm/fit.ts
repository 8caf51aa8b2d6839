import { onAbort } from '../../core/abort.js'
import { inSlices } from '../../core/breathe.js'
import { NonnegError } from '../../core/errors.js'
import { denseView, type FloatArray } from '../../core/matrix.js'
import {
  type Batch,
  checkBatches,
  checkIterations,
  checkLengths,
  type Factors,
  type Fit,
  type FitSpec,
  type RunControls,
  type SweepReport,
} from '../backend.js'
import { columnsOf } from '../stochastic-steps.js'
import type { Shape } from './layout.js'
import type { Run, RunBatches } from './messages.js'
import type { Pool } from './pool.js'
import { packed } from './source.js'

/** What a run is to do, without how long. */
type Wanted = Pick<Run, 'kind' | 'iterations'> | Pick<RunBatches, 'kind' | 'batches'>

/** A fit that lives in wasm memory; see the interface for what its calls promise. */
export class WasmFit implements Fit {
  readonly #pool: Pool
  readonly #id: number
  readonly #flags: Int32Array
  /** Whether the helpers know of it. */
  readonly #parallel: boolean
  readonly #spec: FitSpec
  readonly #shape: Shape
  #busy: Promise<unknown> = Promise.resolve()
  #disposed: Promise<void> | undefined

  constructor(pool: Pool, id: number, flags: Int32Array, parallel: boolean, spec: FitSpec, shape: Shape) {
    this.#spec = spec
    this.#shape = shape
    this.#pool = pool
    this.#id = id
    this.#flags = flags
    this.#parallel = parallel
  }

  async run(iterations: number, controls: RunControls = {}): Promise<SweepReport> {
    this.#check()
    checkIterations(this.#spec)
    return await this.#run(controls, iterations, { kind: 'run', iterations })
  }

  async runBatches(batches: readonly Batch[], controls: RunControls = {}): Promise<SweepReport> {
    this.#check()
    checkBatches(batches, this.#shape.rows, this.#spec)
    return await this.#run(controls, batches.length, { kind: 'runBatches', batches })
  }

  async #run({ signal, deadline }: RunControls, iterations: number, wanted: Wanted): Promise<SweepReport> {
    if (signal?.aborted || iterations < 1) {
      const stopped = signal?.aborted ? 'aborted' : 'done'
      const none = new Float64Array(0)
      const steps = this.#spec.rule === 'sgd' ? columnsOf([]) : undefined
      return { iterations: 0, losses: none, violations: none, seconds: none, stopped, ...(steps && { steps }) }
    }
    const forget = signal && onAbort(signal, () => this.#abort())
    try {
      return await this.#track(() => {
        const remaining = deadline === undefined ? Number.POSITIVE_INFINITY : deadline - performance.now()
        return this.#pool.call({ ...wanted, fit: this.#id, remaining, joined: this.#parallel })
      })
    } finally {
      forget?.()
    }
  }

  async evaluate(beta: number = this.#spec.beta): Promise<number> {
    this.#check()
    if (beta === this.#spec.beta) {
      return await this.#track(() => this.#pool.call({ kind: 'evaluate', fit: this.#id, joined: this.#parallel }))
    }
    return await this.#remember(this.#evaluateSibling(beta))
  }

  async #evaluateSibling(beta: number): Promise<number> {
    const { threads } = this.#pool
    const fit = this.#pool.nextFit()
    const { told } = await this.#pool.call({ kind: 'sibling', fit, of: this.#id, beta, threads })
    if (told) this.#pool.tellHelpers({ kind: 'attach', fit, told })
    const sibling = new WasmFit(this.#pool, fit, this.#flags, told !== undefined, { ...this.#spec, beta }, this.#shape)
    try {
      return await sibling.evaluate()
    } finally {
      await sibling.#free()
    }
  }

  async factors(): Promise<Factors> {
    this.#check()
    return await this.#pool.call({ kind: 'factors', fit: this.#id })
  }

  async setFactors(given: Factors): Promise<void> {
    this.#check()
    const { rows, columns, rank } = this.#shape
    checkLengths(given, rows, rank, columns)
    await this.#remember(this.#setFactors(given))
  }

  async #setFactors({ W, H, momentum, accumulated, gradient }: Factors): Promise<void> {
    const own = {
      ...(await this.#copies({ W, H })),
      ...(momentum && { momentum: { ...(await this.#copies(momentum)), numbers: momentum.numbers } }),
      ...(accumulated && {
        accumulated: { A: await this.#copyOfH(accumulated.A), B: await this.#copyOfH(accumulated.B) },
      }),
      ...(gradient && { gradient: await this.#copyOfH(gradient) }),
    }
    const arrays = [own, own.momentum].flatMap(pair => (pair ? [pair.W, pair.H] : []))
    if (own.accumulated) arrays.push(own.accumulated.A, own.accumulated.B)
    if (own.gradient) arrays.push(own.gradient)
    const transfer = arrays.map(({ buffer }) => buffer)
    await this.#pool.call({ kind: 'setFactors', fit: this.#id, factors: own }, transfer as ArrayBuffer[])
  }

  /** Copies of the fit's type. */
  async #copies({ W, H }: Pick<Factors, 'W' | 'H'>): Promise<Pick<Factors, 'W' | 'H'>> {
    const { rows, rank, dtype } = this.#shape
    return { W: await inSlices(packed(denseView(W, rows, rank), dtype)), H: await this.#copyOfH(H) }
  }

  async #copyOfH(H: FloatArray): Promise<FloatArray> {
    const { columns, rank, dtype } = this.#shape
    return await inSlices(packed(denseView(H, rank, columns), dtype))
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#dispose()
    return this.#disposed
  }

  async #dispose(): Promise<void> {
    this.#abort()
    await this.#free()
  }

  async #free(): Promise<void> {
    await this.#busy
    try {
      await this.#pool.call({ kind: 'dispose', fit: this.#id })
      if (this.#parallel) this.#pool.tellHelpers({ kind: 'detach', fit: this.#id })
    } catch (error) {
      // a device that is gone has taken its fits along; a failure it has reported already
      if (!(error instanceof NonnegError)) throw error
    }
  }

  #check(): void {
    if (this.#disposed) throw new NonnegError('ERR_NONNEG_DISPOSED', 'the fit has been disposed of')
  }

  #abort(): void {
    Atomics.store(this.#flags, 0, 1)
    if (!this.#pool.isShared) this.#pool.send({ kind: 'abort', fit: this.#id })
  }

  /** Calls the helpers in for a call, and remembers it. */
  #track<T>(call: () => Promise<T>): Promise<T> {
    Atomics.store(this.#flags, 0, 0)
    if (this.#parallel) this.#pool.join()
    return this.#remember(call())
  }

  /** What `dispose` is to wait for. */
  #remember<T>(result: Promise<T>): Promise<T> {
    this.#busy = result.catch(() => {})
    return result
  }
}
