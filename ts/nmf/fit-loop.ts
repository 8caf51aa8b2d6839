import type { BackendId, Device, Factors, Fit, FitSpec, Problem, Rule } from '../backends/backend.js'
import { onAbort } from '../core/abort.js'
import { abortError, NonnegError } from '../core/errors.js'
import { denseView } from '../core/matrix.js'
import { withDevice } from '../engine/devices.js'
import { chooseSpec, type Plan, type Refusal } from '../engine/plan.js'
import type { HistoryEntry, ResolvedOptions } from './options.js'

/** scikit-learn looks at the error every ten iterations of its multiplicative solver. */
const CHECK_EVERY = 10
/** One crossing to the backend takes about so long, so that progress and budgets stay lively. */
const CROSSING_SECONDS = 0.1
/** Factors of devices that can be lost are read back this often, so that another backend can go on from them. */
const SNAPSHOT_SECONDS = 5

export type StopReason = 'converged' | 'max-iterations' | 'time-budget' | 'aborted'

/** A backend that failed in flight, and from where another went on. */
export interface Handover extends Refusal {
  /** Iterations that were kept. */
  readonly iteration: number
}

export interface LoopResult {
  readonly factors: Factors
  readonly loss: number
  /** ½ Σ v·(x − wh)² of the same factors. */
  readonly frobeniusLoss: number
  readonly history: readonly HistoryEntry[]
  readonly reason: StopReason
  readonly solver: Rule
  readonly backend: BackendId
  readonly emulated: boolean
  readonly handovers: readonly Handover[]
}

/** What must survive the loss of a device. */
interface Progress {
  /** With the last factors that were read back. */
  problem: Problem
  /** Iterations behind those factors. */
  kept: number
  /** What callers see; `losses` are the same in the scale of the fit. */
  history: HistoryEntry[]
  losses: number[]
  /** √(2·loss) of the start, for the tolerance. */
  initialError: number | undefined
  /** Seconds that former backends took for the iterations kept of them. */
  secondsBefore: number
}

const HANDS_OVER: readonly string[] = [
  'ERR_NONNEG_DEVICE_LOST',
  'ERR_NONNEG_MEMORY',
  'ERR_NONNEG_BACKEND',
  'ERR_NONNEG_UNSUPPORTED',
]

function mayHandOver(error: unknown): error is NonnegError {
  return error instanceof NonnegError && HANDS_OVER.includes(error.code)
}

/** Options, and what losses and violations are multiplied by on their way out: fits see X in a scale of their own. */
interface LoopOptions extends ResolvedOptions {
  readonly lossScale: number
  readonly violationScale: number
}

/** A loss as a distance: ‖X − WH‖ for Frobenius. Rounding may leave the loss of a perfect fit below 0. */
function distance(loss: number): number {
  return Math.sqrt(2 * Math.max(0, loss))
}

class FitLoop {
  readonly #options: LoopOptions
  readonly #progress: Progress
  readonly #fit: Fit
  readonly #snapshots: boolean
  readonly #deadline: number | undefined
  #lastCrossing = 1
  /** What may still be at work on the fit after an abort. */
  pending: Promise<unknown> = Promise.resolve()

  constructor(options: LoopOptions, progress: Progress, fit: Fit, device: Device, deadline: number | undefined) {
    this.#options = options
    this.#progress = progress
    this.#fit = fit
    this.#snapshots = device.losable ?? false
    this.#deadline = deadline
  }

  async run(): Promise<{ reason: StopReason; loss: number }> {
    const { signal, maxIterations, tolerance } = this.#options
    const { history, losses } = this.#progress
    if (tolerance > 0) this.#progress.initialError ??= distance(await this.evaluate())
    const start = performance.now()
    let lastSnapshot = start
    for (let secondsEach = Number.POSITIVE_INFINITY; ; ) {
      if (signal?.aborted) return { reason: 'aborted', loss: await this.#lossAtAbort(false) }
      if (history.length >= maxIterations) return { reason: 'max-iterations', loss: losses.at(-1)! }
      if (history.length > 0 && this.#deadline !== undefined && performance.now() >= this.#deadline) {
        return { reason: 'time-budget', loss: losses.at(-1)! }
      }
      const crossingStart = performance.now()
      const count = this.#crossing(secondsEach)
      this.#lastCrossing = count
      const report = await this.#fit.run(count, { signal, deadline: this.#deadline })
      const before = this.#progress.secondsBefore + (crossingStart - start) / 1000
      for (let i = 0; i < report.iterations; i++) {
        const loss = checkedLoss(report.losses[i], this.#options.dtype)
        const violation = report.violations.at(i)
        const entry: HistoryEntry = {
          iteration: history.length + 1,
          loss: loss * this.#options.lossScale,
          ...(violation === undefined ? {} : { violation: violation * this.#options.violationScale }),
          seconds: before + report.seconds[i],
        }
        losses.push(loss)
        history.push(entry)
        this.#options.onProgress?.(entry)
      }
      if (report.stopped === 'aborted') return { reason: 'aborted', loss: await this.#lossAtAbort(true) }
      if (this.#converged()) return { reason: 'converged', loss: losses.at(-1)! }
      secondsEach = (performance.now() - crossingStart) / 1000 / Math.max(1, report.iterations)
      if (this.#snapshots && performance.now() - lastSnapshot > SNAPSHOT_SECONDS * 1000) {
        await this.#snapshot()
        lastSnapshot = performance.now()
      }
    }
  }

  /** Iterations until the next look at tolerance, clock and snapshot. */
  #crossing(secondsEach: number): number {
    const done = this.#progress.history.length
    const left = this.#options.maxIterations - done
    const untilCheck = CHECK_EVERY - (done % CHECK_EVERY)
    // coarse clocks may say that an iteration takes no time at all
    const affordable = Math.max(1, Math.min(Math.floor(CROSSING_SECONDS / secondsEach), 8 * this.#lastCrossing))
    return Math.min(left, affordable, this.#options.tolerance > 0 ? untilCheck : left)
  }

  #converged(): boolean {
    const { losses, initialError } = this.#progress
    const { tolerance } = this.#options
    if (tolerance === 0 || losses.length === 0 || losses.length % CHECK_EVERY !== 0) return false
    const error = distance(losses.at(-1)!)
    const previous = losses.length === CHECK_EVERY ? initialError! : distance(losses.at(-1 - CHECK_EVERY)!)
    return error === 0 || (previous - error) / initialError! < tolerance
  }

  /**
   * The loss of the factors as they are, or another. Backends do not break it off, so an abort that throws does not wait
   * for it.
   */
  evaluate(beta?: number): Promise<number> {
    const { signal, onAbort: then } = this.#options
    const evaluation = this.#fit.evaluate(beta)
    this.pending = evaluation
    return then === 'throw' ? unlessAborted(evaluation, signal, () => {}) : evaluation
  }

  /** The loss of the factors that an abort leaves, or the abort's error. */
  async #lossAtAbort(interrupted: boolean): Promise<number> {
    const { signal, onAbort: then } = this.#options
    if (then === 'throw') throw abortError(signal!)
    const last = this.#progress.losses.at(-1)
    return interrupted || last === undefined ? await this.evaluate() : last
  }

  async #snapshot(): Promise<void> {
    const { W, H } = await this.#fit.factors()
    const { problem } = this.#progress
    const { rank } = this.#options
    this.#progress.problem = {
      ...problem,
      W: denseView(W, problem.X.rows, rank),
      H: denseView(H, rank, problem.X.columns),
    }
    this.#progress.kept = this.#progress.history.length
  }
}

/**
 * Waits for `work`, or rejects as soon as the signal aborts; then `late` gets what the work still brings, to put it away.
 */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined, late: (value: T) => void): Promise<T> {
  if (!signal) return work
  if (signal.aborted) {
    work.then(late, () => {})
    return Promise.reject(abortError(signal))
  }
  return new Promise((resolve, reject) => {
    const forget = onAbort(signal, () => {
      reject(abortError(signal))
      work.then(late, () => {})
    })
    work.then(resolve, reject).finally(forget)
  })
}

/** A loss that is no number says that the factors are none either. */
function checkedLoss(loss: number, dtype: 'f32' | 'f64'): number {
  if (Number.isFinite(loss)) return loss
  const type = dtype === 'f32' ? 'float32' : 'float64'
  throw new NonnegError('ERR_NONNEG_BACKEND', `the loss became ${loss}: numbers left the range of ${type}`)
}

/** Asks a stand-by device first whether it takes the problem: only the chosen one was asked by the plan. */
function specFor(device: Device, { X, weights }: Problem, specs: readonly FitSpec[]): FitSpec {
  const chosen = chooseSpec(device, { X, weights, specs })
  if ('spec' in chosen) return chosen.spec
  throw new NonnegError('ERR_NONNEG_UNSUPPORTED', chosen.reason)
}

/** Frees a fit; a device that was lost has nothing left to free, and its error was reported already. */
async function dispose(fit: Fit): Promise<void> {
  try {
    await fit[Symbol.asyncDispose]()
  } catch {}
}

/** One fit on one device, from the last good factors to the end. */
async function runOn(
  device: Device,
  progress: Progress,
  spec: FitSpec,
  options: LoopOptions,
  deadline: number | undefined,
): Promise<Pick<LoopResult, 'factors' | 'loss' | 'frobeniusLoss' | 'reason'>> {
  const fit = await unlessAborted(device.createFit(progress.problem, spec), options.signal, dispose)
  const loop = new FitLoop(options, progress, fit, device, deadline)
  try {
    const outcome = await loop.run()
    const frobeniusLoss = spec.beta === 2 ? outcome.loss : await loop.evaluate(2)
    return { ...outcome, frobeniusLoss, factors: await fit.factors() }
  } finally {
    const closed = loop.pending.catch(() => {}).then(() => dispose(fit))
    if (!options.signal?.aborted) await closed
  }
}

/**
 * Runs one fit over the plan's backends: the first, and where handing over is allowed, the next from the last good
 * factors when one fails in flight.
 */
export async function runFit(
  problem: Problem,
  specs: readonly FitSpec[],
  plan: Plan,
  options: LoopOptions,
  deadline: number | undefined,
): Promise<LoopResult> {
  const progress: Progress = { problem, kept: 0, history: [], losses: [], initialError: undefined, secondsBefore: 0 }
  const handovers: Handover[] = []
  const failures: unknown[] = []
  for (const { id } of plan.candidates) {
    // iterations since the last good factors are done again by the next backend
    progress.history.length = progress.kept
    progress.losses.length = progress.kept
    progress.secondsBefore = progress.history.at(-1)?.seconds ?? 0
    try {
      return await withDevice(id, plan, async device => {
        const spec = specFor(device, problem, specs)
        const outcome = await runOn(device, progress, spec, options, deadline)
        const { history } = progress
        const { emulated } = device
        return { ...outcome, history, solver: spec.rule, backend: id, emulated, handovers }
      })
    } catch (error) {
      if (!mayHandOver(error)) throw error
      failures.push(error)
      handovers.push({ id, reason: error.message, fix: error.fix ?? null, iteration: progress.kept })
    }
  }
  if (failures.length === 1) throw failures[0]
  throw new NonnegError('ERR_NONNEG_NO_BACKEND', 'every backend failed in flight', {
    detail: { handovers },
    cause: new AggregateError(failures),
  })
}
