import type { BackendId } from '../backends/backend.js'
import type { Sums, Vectors } from '../backends/vectors.js'
import { checkSignal } from '../core/checks.js'
import { abortError, inWords, NonnegError } from '../core/errors.js'
import type { FloatArray } from '../core/matrix.js'
import type { Loan } from '../engine/devices.js'
import { explainRanking, type Ranking } from '../engine/ranking.js'
import { gradient_products } from '../kernels/gradient_products.js'
import type { Scheduler } from '../schedulers/scheduler.js'
import { copySlices, firstNotFinite } from './arrays.js'
import type { Closure, Evaluation, Method, MethodReport, StepReport } from './method.js'
import type { OptimizerKind, OptimizerOptions } from './options.js'
import { countIn, numbersIn, objectIn, unfit } from './saved.js'

export interface StepOptions {
  /** Of the batch before the step, for a scheduler that wants it, where there is no closure to answer it. */
  readonly loss?: number
  /** Looked at before the gradient is taken and before the first kernel; what has begun ends. */
  readonly signal?: AbortSignal
}

/** All that an optimizer needs to go on, but for the parameters. */
export interface OptimizerState {
  /** Survives JSON. */
  readonly scalars: Readonly<Record<string, unknown>>
  /** Velocities, averages, rates of parameters and the like, by name; as long as the parameters. Copies. */
  readonly arrays: Readonly<Record<string, FloatArray>>
}

/** What an optimizer is made of. */
export interface Parts {
  readonly params: FloatArray
  readonly kind: OptimizerKind
  readonly groups: readonly number[]
  readonly method: Method
  readonly scheduler: Scheduler | undefined
  readonly learningRates: readonly number[]
  readonly nonFinite: NonNullable<OptimizerOptions['nonFinite']>
  readonly signal: AbortSignal | undefined
  readonly backend: BackendId
  readonly ranking: Ranking
  readonly loan: Loan
  readonly vectors: Vectors
}

/** Arrays that are no state: the parameters are the caller's, and the gradient is of one batch. */
const NOT_STATE: readonly string[] = ['p', 'g']

/** Whether parameters are those of an array with more digits, as a Float32Array holds them. */
function isRoundedTo(exact: FloatArray | undefined, params: FloatArray): exact is FloatArray {
  if (!(params instanceof Float32Array) || exact?.length !== params.length) return false
  return params.every((value, i) => Object.is(value, Math.fround(exact[i])))
}

/**
 * Steps flat parameters in place. Made by `createOptimizer`. One call at a time: another rejects with ERR_NONNEG_BACKEND while
 * one is under way, and with ERR_NONNEG_DISPOSED after the disposal.
 */
export class Optimizer implements AsyncDisposable {
  readonly kind: OptimizerKind
  /** The backend that steps. */
  readonly backend: BackendId
  /** The number of parameters. */
  readonly length: number
  readonly #parts: Parts
  readonly #method: Method
  readonly #vectors: Vectors
  #rates: readonly number[]
  #used: number | undefined
  #steps = 0
  #forwards = 0
  #backwards = 0
  #running = false
  #settled: Promise<unknown> = Promise.resolve()
  #disposed: Promise<void> | undefined
  /** The error that ended the use of the device. */
  #failure: unknown

  /** For `createOptimizer`: the vectors hold the parameters, and the method has begun. */
  constructor(parts: Parts) {
    this.#parts = parts
    this.#method = parts.method
    this.#vectors = parts.vectors
    this.kind = parts.kind
    this.backend = parts.backend
    this.length = parts.params.length
    this.#rates = parts.learningRates
  }

  /** Steps done. */
  get steps(): number {
    return this.#steps
  }

  /**
   * The rate that the last step took, before the first the one to start with (0 where the kind finds it by itself): of the
   * first group, or, where every parameter has its own, their mean.
   */
  get learningRate(): number {
    return this.#used ?? this.#rates[0]
  }

  /** The same for each group. */
  get learningRates(): readonly number[] {
    return this.#rates
  }

  /**
   * The array that gradients are taken from, where host and device share memory: `step(optimizer.gradient)` copies nothing.
   * Undefined elsewhere.
   */
  get gradient(): FloatArray | undefined {
    return this.#vectors.view('g')
  }

  /** Why this backend, and why not the others: one line each. */
  explain(): string {
    return explainRanking(this.#parts.ranking)
  }

  /**
   * One step. The parameters are those that the optimizer knows from the step before: what the caller writes to them
   * in between it learns from `reload`.
   *
   * @param gradient of the loss at the parameters, as long as they are; or a closure that answers loss and gradient
   * @throws NonnegError ERR_NONNEG_SHAPE, _DTYPE for another gradient; _NOT_FINITE under `nonFinite: 'throw'`; _OPTION where the
   * kind asks for the loss at other points and there is no closure; _ABORTED, _BACKEND, _DISPOSED. Parameters and state are
   * then as before the step, if the device still is there.
   */
  step(gradient: FloatArray | Closure, options: StepOptions = {}): Promise<StepReport> {
    return this.#alone(() => this.#step(gradient, options))
  }

  /** Takes the parameters from `params` again, where the caller has changed them since the last step. */
  reload(): Promise<void> {
    return this.#alone(() => this.#vectors.upload('p', this.#parts.params))
  }

  /**
   * A copy of the parameters that a model is to be used with, of the type of `params`. They are `params`, but for kinds that
   * average over steps and take gradients elsewhere.
   */
  evaluated(): Promise<FloatArray> {
    return this.#alone(async () => {
      const copy = this.#parts.params.slice()
      await copySlices(await this.#vectors.read(this.#method.evaluated ?? 'p'), copy)
      return copy
    })
  }

  /** A copy of the rates of all parameters, where each has its own. */
  parameterRates(): Promise<FloatArray> {
    return this.#alone(async () => {
      if (this.#vectors.arrays.includes('rates')) return await this.#vectors.read('rates')
      throw new NonnegError('ERR_NONNEG_OPTION', 'no rate for every parameter here: see learningRates')
    })
  }

  /**
   * What `restore` needs to go on from here, on any backend; bit for bit on the same. The parameters are not in it, but for the
   * digits that the reference keeps of those that a Float32Array holds.
   */
  state(): Promise<OptimizerState> {
    return this.#alone(async () => {
      const arrays: Record<string, FloatArray> = {}
      for (const name of this.#vectors.arrays) {
        if (!NOT_STATE.includes(name)) arrays[name] = await this.#vectors.read(name)
      }
      const { kind, groups, params, scheduler } = this.#parts
      const held = await this.#vectors.read('p')
      if (params instanceof Float32Array && held instanceof Float64Array) arrays.p = held
      const scalars = {
        kind,
        groups: [...groups],
        steps: this.#steps,
        forwards: this.#forwards,
        backwards: this.#backwards,
        learningRates: [...this.#rates],
        ...(this.#used !== undefined && { learningRate: this.#used }),
        method: this.#method.state(),
        ...(scheduler && { scheduler: scheduler.state() }),
      }
      return { scalars, arrays }
    })
  }

  /**
   * Goes on where the optimizer that gave `state` was, as that one would have; made with the same options. The parameters are
   * taken from `params`, which must be as they were then.
   * @throws NonnegError ERR_NONNEG_FORMAT where the state is not of such an optimizer; this one is then as it was, but for
   * what a scheduler or a method refuses in its part
   */
  restore(state: OptimizerState): Promise<void> {
    return this.#alone(async () => {
      const parts = objectIn({ state }, 'state')
      for (const part of ['scalars', 'arrays']) objectIn(parts, part)
      const { kind, groups, scheduler } = this.#parts
      const { scalars, arrays } = state
      if (scalars.kind !== kind) throw unfit('kind', scalars.kind, `"${kind}"`)
      const saved = numbersIn(scalars, 'groups', groups.length)
      if (saved.some((length, k) => length !== groups[k])) throw unfit('groups', saved.join(', '), groups.join(', '))
      const names = this.#vectors.arrays.filter(name => !NOT_STATE.includes(name))
      const missing = names.find(name => arrays[name]?.length !== this.length)
      if (missing !== undefined) throw unfit(`arrays.${missing}`, arrays[missing], `an array of ${this.length} numbers`)
      const counts = ['steps', 'forwards', 'backwards'].map(name => countIn(scalars, name))
      const rates = numbersIn(scalars, 'learningRates', groups.length)
      this.#method.restore(objectIn(scalars, 'method'))
      if (scheduler) scheduler.restore(objectIn(scalars, 'scheduler'))
      for (const name of names) await this.#vectors.upload(name, arrays[name])
      const { params } = this.#parts
      await this.#vectors.upload('p', isRoundedTo(arrays.p, params) ? arrays.p : params)
      ;[this.#steps, this.#forwards, this.#backwards] = counts
      this.#rates = rates
      this.#used = typeof scalars.learningRate === 'number' ? scalars.learningRate : undefined
    })
  }

  /** Ends it, after the call that is under way; the parameters stay as they are. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= (async () => {
      await this.#settled
      await this.#vectors[Symbol.asyncDispose]()
      await this.#parts.loan.giveBack(this.#failure)
    })()
    return this.#disposed
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#disposed) return Promise.reject(new NonnegError('ERR_NONNEG_DISPOSED', 'this optimizer was disposed of'))
    if (this.#running) {
      const message = 'another call on this optimizer is still running'
      return Promise.reject(new NonnegError('ERR_NONNEG_BACKEND', message, { fix: 'await each call before the next' }))
    }
    this.#running = true
    const done = work().finally(() => {
      this.#running = false
    })
    this.#settled = done.catch(() => {})
    return done
  }

  async #step(given: FloatArray | Closure, { loss: told, signal }: StepOptions): Promise<StepReport> {
    checkSignal(signal)
    this.#checkAbort(signal)
    const closure = typeof given === 'function' ? given : undefined
    if (!closure && this.#method.needsClosure) throw this.#noClosure()
    const evaluation = closure ? await evaluate(closure) : { gradient: given as FloatArray, loss: told }
    this.#checkAbort(signal)
    this.#backwards++
    const { gradient, loss } = evaluation
    this.#checkGradient(gradient)
    const own = this.gradient
    if (!(own && isSame(own, gradient))) await this.#vectors.upload('g', gradient)
    if (!(await this.#isUsable(gradient))) return this.#report(loss, { learningRate: this.learningRate }, true)
    const done = await this.#moveBy(closure, loss)
    this.#steps++
    this.#used = done.learningRate
    this.#rates = done.learningRates ?? this.#rates.map(() => done.learningRate)
    return this.#report(loss, done)
  }

  #report(loss: number | undefined, { learningRate, squaredGradient }: MethodReport, skipped = false): StepReport {
    return {
      step: this.#steps,
      learningRate,
      ...(squaredGradient !== undefined && { squaredGradient }),
      ...(loss !== undefined && { loss }),
      forwards: this.#forwards,
      backwards: this.#backwards,
      ...(skipped && { skipped }),
    }
  }

  /** The step of the method; the parameters go back to the caller. */
  async #moveBy(closure: Closure | undefined, loss: number | undefined): Promise<MethodReport> {
    const { params, scheduler } = this.#parts
    // a closure that throws between two trial points must not leave the parameters at one of them
    const before = this.#method.needsClosure ? { params: params.slice(), state: this.#method.state() } : undefined
    const lossNow = async () => {
      if (!closure) throw this.#noClosure()
      await this.#readParams()
      this.#forwards++
      return lossOf(await closure(false))
    }
    try {
      const context = { vectors: this.#vectors, done: this.#steps, loss, lossNow, scheduler }
      const report = await this.#method.step(context)
      await this.#readParams()
      return report
    } catch (error) {
      this.#failure ??= isOfDevice(error) ? error : undefined
      if (before && this.#failure === undefined) {
        params.set(before.params)
        await this.#vectors.upload('p', params)
        this.#method.restore(before.state)
      }
      throw error
    }
  }

  async #readParams(): Promise<void> {
    const { params } = this.#parts
    await copySlices(this.#vectors.view('p') ?? (await this.#vectors.read('p')), params)
  }

  #checkAbort(signal: AbortSignal | undefined): void {
    for (const one of [signal, this.#parts.signal]) if (one?.aborted) throw abortError(one)
  }

  #noClosure(): NonnegError {
    const message = `'${this.kind}' asks for the loss at other points, and step got no closure`
    return new NonnegError('ERR_NONNEG_OPTION', message, {
      fix: 'step(withGradient => ({ loss, gradient })), for the batch at hand',
    })
  }

  #checkGradient(gradient: unknown): asserts gradient is FloatArray {
    if (!(gradient instanceof Float32Array || gradient instanceof Float64Array)) {
      const message = `the gradient is ${inWords(gradient)}, not a Float32Array or Float64Array`
      throw new NonnegError('ERR_NONNEG_DTYPE', message, { fix: 'Float32Array.from(gradient)' })
    }
    if (gradient.length === this.length) return
    const message = `the gradient has ${gradient.length} entries, and there are ${this.length} parameters`
    throw new NonnegError('ERR_NONNEG_SHAPE', message, { detail: { length: gradient.length, wanted: this.length } })
  }

  /** Whether the gradient, which is on the device, may be used. */
  async #isUsable(gradient: FloatArray): Promise<boolean> {
    const { nonFinite } = this.#parts
    if (nonFinite === 'pass') return true
    const arrays = { p: 'g', u: 'g' }
    const sums: readonly Sums[] = await this.#vectors.run(gradient_products, { decay: 0 }, { arrays })
    if (sums.every(({ gg }) => Number.isFinite(gg))) return true
    // the sum of the squares may be beyond the largest number though no entry is
    const place = await firstNotFinite(gradient)
    if (place < 0) return true
    if (nonFinite === 'skip') return false
    const message = `gradient[${place}] = ${gradient[place]}; every entry must be a finite number`
    const detail = { place, value: gradient[place] }
    throw new NonnegError('ERR_NONNEG_NOT_FINITE', message, { detail, fix: "nonFinite: 'skip' leaves such steps out" })
  }
}

async function evaluate(closure: Closure): Promise<Evaluation & { gradient: FloatArray }> {
  const evaluation = await closure(true)
  lossOf(evaluation)
  return evaluation as Evaluation & { gradient: FloatArray }
}

function lossOf(evaluation: Evaluation): number {
  const loss = (evaluation as Evaluation | undefined)?.loss
  if (typeof loss === 'number') return loss
  throw new NonnegError('ERR_NONNEG_OPTION', `the closure answers the loss ${inWords(loss)}, not a number`)
}

/** Whether an error says that a device is of no more use. */
function isOfDevice(error: unknown): boolean {
  return error instanceof NonnegError && ['ERR_NONNEG_DEVICE_LOST', 'ERR_NONNEG_BACKEND'].includes(error.code)
}

function isSame(a: FloatArray, b: FloatArray): boolean {
  return a.constructor === b.constructor && a.buffer === b.buffer && a.byteOffset === b.byteOffset
}
