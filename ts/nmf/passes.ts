import type { Batch, BatchSteps, Fit, Problem, RunControls, SweepReport } from '../backends/backend.js'
import { inSlices } from '../core/breathe.js'
import type { Observation } from '../schedulers/scheduler.js'
import type { ResolvedBatchOptions } from './batch-options.js'
import { checkedLoss } from './checked-loss.js'
import type { ResolvedOptions } from './options.js'
import { Rates, type RatesState, type StepRates } from './rates.js'
import { isTied, rebalance } from './safe-start.js'
import { batchOrder } from './shuffle.js'
import { SAFETY, SOLVERS, type SolverName } from './solvers.js'

/** What `Passes` need to know of a fit. */
export interface PassOptions extends Pick<ResolvedOptions, 'frozenParts' | 'maxW' | 'maxH'> {
  readonly dtype: 'f32' | 'f64'
  readonly seed: number
  readonly maxIterations: number
  readonly batches: ResolvedBatchOptions
  /** What losses, gradients and lengths of steps are multiplied by on their way out of a fit of X / 4ᵏ; of steps, in. */
  readonly lossScale: number
  readonly violationScale: number
  readonly rateScale: number
}

/** Whole passes, each one iteration. */
export interface PassReport extends SweepReport {
  /** `sgd`: the rates of the last step of each, as callers know them. */
  readonly rates?: readonly StepRates[]
}

/** Where passes are, as JSON, beside their number; undefined where nothing is left for the next. */
export interface PassState {
  readonly rates: RatesState
  readonly observation: Observation | undefined
  readonly squaredGradient: number | undefined
}

/** Passes of a fit over all rows of X, batch after batch. */
export class Passes {
  readonly #fit: Fit
  readonly #options: PassOptions
  /** In the order of their rows; the last may be shorter. */
  readonly #batches: readonly Batch[]
  readonly #rows: number
  readonly #rank: number
  /** Noise moves the scale of the factors, which nothing else holds. */
  readonly #drifts: boolean
  /** What losses are multiplied by for the schedulers. */
  readonly #lossUnit: number
  readonly #solver: SolverName
  #rates: Rates | undefined
  /** What the last batch tells the schedulers. */
  #observation: Observation | undefined
  /** Σ g² of H at the last batch, in the scale of the fit. */
  #squaredGradient: number | undefined

  constructor(fit: Fit, solver: SolverName, { X, H, squaredNorm }: Problem, options: PassOptions) {
    this.#rank = H.rows
    const { safe, noise } = options.batches
    this.#drifts = solver === 'sgd' && safe && noise > 0 && !isTied(options)
    const { rows } = X
    this.#fit = fit
    this.#options = options
    this.#rows = rows
    this.#lossUnit = options.batches.safe ? 2 / (squaredNorm || 1) : options.lossScale
    this.#solver = solver
    const { batchRows, forgetFactor } = options.batches
    const size = Math.min(batchRows, rows)
    // for all batches alike, as scikit-learn has it
    const keep = SOLVERS[solver].inOrder ? forgetFactor ** (size / rows) : 0
    this.#batches = Array.from({ length: Math.ceil(rows / size) }, (_, at) => {
      const first = at * size
      return { first, count: Math.min(size, rows - first), keep }
    })
    this.restart()
  }

  /** As if no pass had been. */
  restart(): void {
    const { batches, maxIterations } = this.#options
    this.#observation = undefined
    this.#squaredGradient = undefined
    if (this.#solver === 'sgd') this.#rates = new Rates(batches.rates, maxIterations * this.#batches.length)
  }

  get state(): PassState | undefined {
    if (!this.#rates) return undefined
    return { rates: this.#rates.state, observation: this.#observation, squaredGradient: this.#squaredGradient }
  }

  set state(state: PassState | undefined) {
    if (!this.#rates || !state) return
    this.#rates.state = state.rates
    this.#observation = state.observation
    this.#squaredGradient = state.squaredGradient
  }

  /** Passes from number `from`, counted from 0, each reported as one iteration with the loss of all of X after it. */
  async run(from: number, passes: number, controls: RunControls): Promise<PassReport> {
    const start = performance.now()
    const losses: number[] = []
    const seconds: number[] = []
    const rates: StepRates[] = []
    let stopped: SweepReport['stopped'] = 'done'
    while (losses.length < passes && stopped === 'done') {
      if (losses.length > 0 && controls.deadline !== undefined && performance.now() >= controls.deadline) {
        stopped = 'deadline'
        break
      }
      // a pass that has begun is finished, as any iteration is
      const last = await this.#pass(from + losses.length, controls.signal)
      if (last === 'aborted') {
        stopped = 'aborted'
        break
      }
      losses.push(await this.#fit.evaluate())
      seconds.push((performance.now() - start) / 1000)
      if (last) rates.push(last)
    }
    return {
      iterations: losses.length,
      losses: Float64Array.from(losses),
      violations: new Float64Array(0),
      seconds: Float64Array.from(seconds),
      stopped,
      ...(this.#rates ? { rates } : {}),
    }
  }

  async #pass(pass: number, signal: AbortSignal | undefined): Promise<StepRates | 'aborted' | undefined> {
    const batches = await this.#drawn(pass)
    const rates = this.#rates
    if (this.#drifts && pass > 0) await rebalance(this.#fit, this.#rank)
    if (!rates) return await this.#crossing(batches, signal)
    const first = pass * batches.length
    if (rates.observes) {
      let last: StepRates | undefined
      for (const [i, batch] of batches.entries()) {
        last = rates.next({ ...this.#observation, step: first + i })
        const report = await this.#fit.runBatches([this.#stepped(batch, last, first + i)], { signal })
        if (report.stopped === 'aborted') return 'aborted'
        this.#observe(report.losses[0], batch, last, report.steps!)
      }
      return this.#cut(last!)
    }
    const asked = batches.map((_, i) => rates.next({ step: first + i }))
    const stepped = batches.map((batch, i) => this.#stepped(batch, asked[i], first + i))
    return (await this.#crossing(stepped, signal)) ?? this.#cut(asked.at(-1)!)
  }

  async #crossing(batches: readonly Batch[], signal: AbortSignal | undefined): Promise<'aborted' | undefined> {
    const { stopped } = await this.#fit.runBatches(batches, { signal })
    return stopped === 'aborted' ? stopped : undefined
  }

  /** The batches in the order of a pass; the first looks at all of W again, or at both factors. */
  async #drawn(pass: number): Promise<readonly Batch[]> {
    if (SOLVERS[this.#solver].inOrder) return this.#batches
    const order = await inSlices(batchOrder(this.#batches.length, this.#options.seed, pass))
    return Array.from(order, (at, place) => ({ ...this.#batches[at], refresh: place === 0 }))
  }

  /** A batch with its rates, in the scale of the fit. */
  #stepped(batch: Batch, { W, H }: StepRates, step: number): Batch {
    const { batches, rateScale } = this.#options
    const scale = batches.safe ? 1 : rateScale
    return { ...batch, rateW: W * scale, rateH: H * scale, draw: step % 2 ** 31 }
  }

  /** What rates come to. */
  #cut({ W, H }: StepRates): StepRates {
    return this.#options.batches.safe ? { W: Math.min(W, SAFETY), H: Math.min(H, SAFETY) } : { W, H }
  }

  /**
   * What a batch has told, for the step after it: its loss as if it were all of X, and the gradient of H in the units in which
   * the rate is the length of the step. Under `safe` all is free of units: losses are shares of ½‖X‖², and where a rate u came
   * to the length η, squares of gradients are η/u times those of the share.
   */
  #observe(batchLoss: number, { count }: Batch, rates: StepRates, steps: BatchSteps): void {
    const { batches, violationScale } = this.#options
    const loss = checkedLoss(batchLoss, this.#options, 'sgd') * (this.#rows / count) * this.#lossUnit
    const { H } = this.#cut(rates)
    const unit = batches.safe ? (this.#lossUnit * steps.rateH[0]) / H : violationScale ** 2
    const squaredDirection = this.#squaredGradient
    this.#squaredGradient = steps.squaredGradient[0]
    // a rate of 0 has no length to measure by
    const seen = Number.isFinite(unit) && unit > 0
    this.#observation = {
      loss,
      batchLoss: loss,
      ...(seen ? { squaredGradient: unit * this.#squaredGradient } : {}),
      ...(seen && squaredDirection !== undefined
        ? { alignment: unit * steps.alignment[0], squaredDirection: unit * squaredDirection }
        : {}),
    }
  }
}
