import type { BackendId, Device, Factors, Fit, Problem } from '../backends/backend.js'
import type { Memory } from '../backends/memory.js'
import { onAbort } from '../core/abort.js'
import { abortError, NonnegError } from '../core/errors.js'
import { withDevice } from '../engine/devices.js'
import { chooseSpec, type Plan } from '../engine/plan.js'
import type { Refusal } from '../engine/ranking.js'
import { checkedLoss } from './checked-loss.js'
import type { Checkpoint } from './checkpoint.js'
import type { LoopOptions } from './loop-options.js'
import type { HistoryEntry } from './options.js'
import { Passes, type PassReport } from './passes.js'
import { checkpointOf, type Progress, progressFrom, takeBack } from './progress.js'
import { isTied, startSafely } from './safe-start.js'
import { type Candidate, SOLVERS, type SolverName } from './solvers.js'
import { CHECK_EVERY, type Criterion, criterionMet, distance, looksAtEach } from './stopping.js'

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
  readonly criterion: Criterion | undefined
  readonly solver: SolverName
  readonly backend: BackendId
  readonly emulated: boolean
  readonly handovers: readonly Handover[]
  /** What it took of that backend. */
  readonly memory: Memory
  /** Whether that was settled on the way only, as the backend had less room than it seemed. */
  readonly turnedFull: boolean
  /** Undefined where an abort has cut an iteration short. */
  readonly checkpoint: Checkpoint | undefined
}

const HANDS_OVER: readonly string[] = [
  'ERR_NONNEG_DEVICE_LOST',
  'ERR_NONNEG_MEMORY',
  'ERR_NONNEG_BACKEND',
  'ERR_NONNEG_UNSUPPORTED',
]

/** Whether an error is one of a device, after which another may do. */
export function mayHandOver(error: unknown): error is NonnegError {
  return error instanceof NonnegError && HANDS_OVER.includes(error.code)
}

class FitLoop {
  readonly #options: LoopOptions
  readonly #progress: Progress
  readonly #fit: Fit
  readonly #snapshots: boolean
  readonly #deadline: number | undefined
  readonly #solver: SolverName
  /** Of solvers that walk through X in batches. */
  readonly #passes: Passes | undefined
  #lastCrossing = 1
  /** The factors are those of an iteration that an abort has cut short. */
  isCutShort = false
  /** What may still be at work on the fit after an abort. */
  pending: Promise<unknown> = Promise.resolve()

  constructor(
    options: LoopOptions,
    progress: Progress,
    fit: Fit,
    device: Device,
    solver: SolverName,
    deadline: number | undefined,
  ) {
    this.#options = options
    this.#solver = solver
    this.#progress = progress
    this.#fit = fit
    this.#snapshots = device.losable ?? false
    this.#deadline = deadline
    this.#passes =
      SOLVERS[solver].batchRows === undefined ? undefined : new Passes(fit, solver, progress.problem, options)
  }

  async run(): Promise<{ reason: StopReason; criterion?: Criterion; loss: number }> {
    const { signal, stop, maxIterations, tolerance, starts, onCheckpoint, checkpointEvery } = this.#options
    const progress = this.#progress
    const { history, losses, violations } = progress
    if (starts > 1 && !progress.factors) progress.factors = await this.#bestStart()
    if (progress.factors) await this.#fit.setFactors(progress.factors)
    else await this.#settleStart(progress.problem)
    if (this.#passes) this.#passes.state = progress.passes
    // a fit that goes on from one that had no tolerance has no start to look at any more
    if (tolerance > 0 && history.length === 0) progress.initialError ??= distance(await this.evaluate())
    const start = performance.now()
    let lastSnapshot = start
    for (let secondsEach = Number.POSITIVE_INFINITY; ; ) {
      if (signal?.aborted || stop?.aborted) return { reason: 'aborted', loss: await this.#lossAtAbort(false) }
      const criterion = criterionMet(this.#scaled(), losses, violations, progress.initialError)
      if (criterion) return { reason: 'converged', criterion, loss: losses.at(-1)! }
      if (history.length >= maxIterations) return { reason: 'max-iterations', loss: losses.at(-1)! }
      if (history.length > 0 && this.#deadline !== undefined && performance.now() >= this.#deadline) {
        return { reason: 'time-budget', loss: losses.at(-1)! }
      }
      const crossingStart = performance.now()
      const count = this.#crossing(secondsEach)
      this.#lastCrossing = count
      const report = await this.#advance(count)
      this.#note(report, progress.secondsBefore + (crossingStart - start) / 1000)
      if (report.stopped === 'aborted') {
        this.isCutShort = true
        return { reason: 'aborted', loss: await this.#lossAtAbort(true) }
      }
      secondsEach = (performance.now() - crossingStart) / 1000 / Math.max(1, report.iterations)
      if (onCheckpoint && history.length % checkpointEvery === 0) await onCheckpoint(await this.checkpoint())
      if (this.#snapshots && performance.now() - lastSnapshot > SNAPSHOT_SECONDS * 1000) {
        await this.#snapshot()
        lastSnapshot = performance.now()
      }
    }
  }

  #advance(iterations: number): Promise<PassReport> {
    const { signal } = this.#options
    const controls = { signal, deadline: this.#deadline }
    if (!this.#passes) return this.#fit.run(iterations, controls)
    return this.#passes.run(this.#progress.history.length, iterations, controls)
  }

  /** Scales and balances a start from which steps are to be bounded, unless bounds or parts that stay tie its scale. */
  async #settleStart(start: Pick<Problem, 'W' | 'H'>): Promise<void> {
    const { batches } = this.#options
    if (this.#solver !== 'sgd' || !batches.safe || isTied(this.#options)) return
    await startSafely(this.#fit, start, this.#progress.problem.squaredNorm)
  }

  /** The losses that options name, in the scale of the fit. */
  #scaled(): LoopOptions {
    const { targetLoss, lossScale } = this.#options
    return targetLoss === undefined ? this.#options : { ...this.#options, targetLoss: targetLoss / lossScale }
  }

  #note(report: PassReport, before: number): void {
    const { history, losses, violations } = this.#progress
    for (let i = 0; i < report.iterations; i++) {
      const loss = checkedLoss(report.losses[i], this.#options, this.#solver)
      const violation = report.violations.at(i)
      const rates = report.rates?.[i]
      const entry: HistoryEntry = {
        iteration: history.length + 1,
        loss: loss * this.#options.lossScale,
        ...(violation === undefined ? {} : { violation: violation * this.#options.violationScale }),
        ...(rates ? { learningRate: rates.H, learningRates: rates } : {}),
        seconds: before + report.seconds[i],
      }
      losses.push(loss)
      if (violation !== undefined) violations.push(violation)
      history.push(entry)
      this.#options.onProgress?.(entry)
    }
  }

  /** The factors of the start that has come furthest after a few iterations of each. */
  async #bestStart(): Promise<Factors> {
    const { seed, starts, startIterations, signal } = this.#options
    let best: { loss: number; factors: Factors } | undefined
    for (let other = 0; other < starts; other++) {
      const start = other > 0 ? await this.#options.another(seed + other) : this.#progress.problem
      if (other > 0) await this.#fit.setFactors({ W: start.W.data, H: start.H.data })
      await this.#settleStart(start)
      this.#passes?.restart()
      const report = await this.#advance(startIterations)
      if (signal?.aborted && best) break
      if (signal?.aborted) throw abortError(signal)
      const loss = checkedLoss(report.losses[report.iterations - 1], this.#options, this.#solver)
      if (!best || loss < best.loss) best = { loss, factors: await this.#fit.factors() }
      if (this.#deadline !== undefined && performance.now() >= this.#deadline) break
    }
    this.#passes?.restart()
    return best!.factors
  }

  /** The fit as it is, for another to go on from. */
  async checkpoint(): Promise<Checkpoint> {
    return this.checkpointWith(await this.#fit.factors())
  }

  checkpointWith(factors: Factors): Checkpoint {
    return checkpointOf(this.#progress, this.#options, this.#solver, factors, this.#passes?.state)
  }

  /** Iterations until the next look at tolerance, clock, snapshot and checkpoint. */
  #crossing(secondsEach: number): number {
    const { maxIterations, tolerance, onCheckpoint, checkpointEvery } = this.#options
    if (looksAtEach(this.#options)) return 1
    const done = this.#progress.history.length
    const left = maxIterations - done
    // coarse clocks may say that an iteration takes no time at all
    const affordable = Math.max(1, Math.min(Math.floor(CROSSING_SECONDS / secondsEach), 8 * this.#lastCrossing))
    const untilCheck = tolerance > 0 ? CHECK_EVERY - (done % CHECK_EVERY) : left
    const untilCheckpoint = onCheckpoint ? checkpointEvery - (done % checkpointEvery) : left
    return Math.min(left, affordable, untilCheck, untilCheckpoint)
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
    if (signal?.aborted && then === 'throw') throw abortError(signal)
    const last = this.#progress.losses.at(-1)
    return interrupted || last === undefined ? await this.evaluate() : last
  }

  async #snapshot(): Promise<void> {
    this.#progress.factors = await this.#fit.factors()
    this.#progress.passes = this.#passes?.state
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

/** Asks a stand-by device first whether it takes the problem: only the chosen one was asked by the plan. */
function candidateFor(device: Device, { X, weights }: Problem, candidates: readonly Candidate[]): Candidate {
  const chosen = chooseSpec(device, { X, weights, specs: candidates.map(({ spec }) => spec) })
  if ('spec' in chosen) return candidates.find(({ spec }) => spec === chosen.spec)!
  throw new NonnegError('ERR_NONNEG_UNSUPPORTED', chosen.reason)
}

/** Frees a fit; a device that was lost has nothing left to free, and its error was reported already. */
async function dispose(fit: Fit): Promise<void> {
  try {
    await fit[Symbol.asyncDispose]()
  } catch {}
}

/** How one fit on one device ended. */
interface Ending
  extends Pick<LoopResult, 'factors' | 'loss' | 'frobeniusLoss' | 'reason' | 'criterion' | 'checkpoint'> {
  /** As `Fit.memory` has it. */
  readonly memory: Memory | undefined
}

/** One fit on one device, from the last good factors to the end. */
async function runOn(
  device: Device,
  progress: Progress,
  { name, spec }: Candidate,
  options: LoopOptions,
  deadline: number | undefined,
): Promise<Ending> {
  const fit = await unlessAborted(device.createFit(progress.problem, spec), options.signal, dispose)
  const loop = new FitLoop(options, progress, fit, device, name, deadline)
  try {
    const outcome = await loop.run()
    const frobeniusLoss = spec.beta === 2 ? outcome.loss : await loop.evaluate(2)
    const factors = await fit.factors()
    const checkpoint = loop.isCutShort ? undefined : loop.checkpointWith(factors)
    const { memory } = fit
    return { ...outcome, criterion: outcome.criterion, frobeniusLoss, factors, checkpoint, memory }
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
  candidates: readonly Candidate[],
  plan: Plan,
  options: LoopOptions,
  deadline: number | undefined,
): Promise<LoopResult> {
  const progress = progressFrom(problem, options.resume, options)
  const handovers: Handover[] = []
  const failures: unknown[] = []
  for (const [place, { id }] of plan.candidates.entries()) {
    takeBack(progress)
    try {
      return await withDevice(id, plan, async device => {
        const candidate = candidateFor(device, problem, candidates)
        const outcome = await runOn(device, progress, candidate, options, deadline)
        const { history } = progress
        const { emulated } = device
        const planned = place === 0 ? plan.memory : device.memory(problem.X, candidate.spec, problem.weights)
        const took = { memory: outcome.memory ?? planned, turnedFull: outcome.memory !== undefined }
        return { ...outcome, ...took, history, solver: candidate.name, backend: id, emulated, handovers }
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
