import { Breather, inSlices } from '../../core/breathe.js'
import { transposeDense } from '../../core/matrix.js'
import { familyOf } from '../../kernels/beta.js'
import { extrapolate } from '../../kernels/extrapolate.js'
import {
  type Batch,
  checkBatches,
  checkIterations,
  checkLengths,
  type Factors,
  type Fit,
  type FitSpec,
  hasViolations,
  type Problem,
  type RunControls,
  type SweepReport,
} from '../backend.js'
import { Momentum } from '../momentum.js'
import { movingRuns } from '../runs.js'
import { type BatchStep, columnsOf } from '../stochastic-steps.js'
import { type Accumulated, sidesOfBatch, updateFromBatch } from './batch.js'
import { Entries } from './entries.js'
import { factorRows, type Products, scalarsOf } from './family.js'
import { Gram } from './gram.js'
import { type Side, type Sides, sidesOf } from './side.js'
import { type StochasticState, sgdBatch, svrmuBatch } from './stochastic.js'
import { Tile } from './tile.js'

const FAMILIES = {
  gram: (spec: FitSpec, squaredNorm: number) => new Gram(spec, squaredNorm),
  entries: (spec: FitSpec) => new Entries(spec),
  tile: (spec: FitSpec) => new Tile(spec),
}

/** One factorisation in float64, whatever `dtype` says of the result; the work gives the thread back every few milliseconds. */
export class ReferenceFit implements Fit {
  readonly #spec: FitSpec
  /** How X meets the factors under a loss. */
  readonly #productsOf: (spec: FitSpec, squaredNorm?: number) => Products
  readonly #products: Products
  readonly #sides: Sides
  #momentum = new Momentum()
  /** Of batches, once there was one. */
  #accumulated: Accumulated | undefined
  /** Of stochastic batches. */
  #stochastic: StochasticState = { gradient: undefined, bounds: undefined, snapshot: undefined }
  /** The factors (of H the transpose) as the last updates left them. */
  readonly #before: { readonly W: Float64Array; readonly H: Float64Array }

  private constructor(spec: FitSpec, productsOf: (spec: FitSpec, squaredNorm?: number) => Products, sides: Sides) {
    this.#spec = spec
    this.#productsOf = productsOf
    this.#products = productsOf(spec)
    this.#sides = sides
    this.#before = { W: sides.W.F.slice(), H: sides.H.F.slice() }
  }

  static async create(problem: Problem, spec: FitSpec): Promise<ReferenceFit> {
    const sides = await inSlices(sidesOf(problem, spec))
    // not `problem` itself: X is the caller's to let go
    const whole = problem.squaredNorm
    const X = { kind: problem.X.kind }
    const weights = problem.weights && { kind: problem.weights.kind }
    const productsOf = (wanted: FitSpec, squaredNorm = whole) =>
      FAMILIES[familyOf(X, wanted.beta, weights)](wanted, squaredNorm)
    return new ReferenceFit(spec, productsOf, sides)
  }

  async run(iterations: number, controls: RunControls = {}): Promise<SweepReport> {
    checkIterations(this.#spec)
    return await this.#run(iterations, () => this.#iteration(), controls)
  }

  async runBatches(batches: readonly Batch[], controls: RunControls = {}): Promise<SweepReport> {
    checkBatches(batches, this.#sides.W.rows, this.#spec)
    const steps: BatchStep[] = []
    const report = await this.#run(batches.length, at => this.#batch(batches[at], steps), controls)
    return this.#spec.rule === 'sgd' ? { ...report, steps: columnsOf(steps.slice(0, report.iterations)) } : report
  }

  async #run(
    iterations: number,
    stepsOf: (iteration: number) => Generator<void, { loss: number; violation: number }>,
    controls: RunControls,
  ): Promise<SweepReport> {
    const start = performance.now()
    const losses: number[] = []
    const violations: number[] = []
    const seconds: number[] = []
    let stopped: SweepReport['stopped'] = 'done'
    const breather = new Breather()
    while (losses.length < iterations && stopped === 'done') {
      if (losses.length > 0 && controls.deadline !== undefined && performance.now() >= controls.deadline) {
        stopped = 'deadline'
        break
      }
      const steps = stepsOf(losses.length)
      for (let step = steps.next(); ; step = steps.next()) {
        if (step.done) {
          losses.push(step.value.loss)
          violations.push(step.value.violation)
          seconds.push((performance.now() - start) / 1000)
          break
        }
        if (breather.due()) await breather.rest()
        if (controls.signal?.aborted) {
          stopped = 'aborted'
          break
        }
      }
    }
    return {
      iterations: losses.length,
      losses: Float64Array.from(losses),
      violations: Float64Array.from(hasViolations(this.#spec.rule) ? violations : []),
      seconds: Float64Array.from(seconds),
      stopped,
    }
  }

  *#batch(batch: Batch, steps: BatchStep[]): Generator<void, { loss: number; violation: number }> {
    const { rank, rule } = this.#spec
    const all = this.#sides
    if (rule === 'sgd') {
      const { loss, step } = yield* sgdBatch(this.#spec, all, batch, this.#stochastic)
      steps.push(step)
      this.#products.changed()
      return { loss, violation: 0 }
    }
    if (rule === 'svrmu') {
      const { loss } = yield* svrmuBatch(this.#spec, all, batch, this.#stochastic)
      this.#products.changed()
      return { loss, violation: 0 }
    }
    const { W, H, squaredNorm } = yield* sidesOfBatch(all, batch, rank)
    const products = this.#productsOf(this.#spec, squaredNorm)
    yield* products.update(W, this.#spec.rounds ?? 1)
    const loss = yield* products.loss(W)
    this.#accumulated ??= { A: H.F.slice(), B: new Float64Array(H.F.length).fill(1) }
    yield* updateFromBatch(this.#spec, products, H, this.#accumulated, batch, all.W.rows)
    this.#products.changed()
    return { loss, violation: 0 }
  }

  *#iteration(): Generator<void, { loss: number; violation: number }> {
    if (!this.#spec.extrapolate) return yield* this.#attempt()
    const { W, H } = this.#sides
    const [w, h] = [W.F.slice(), H.F.slice()]
    for (;;) {
      const attempt = yield* this.#attempt()
      if (this.#momentum.accepts(attempt.loss)) return attempt
      W.F.set(w)
      H.F.set(h)
      this.#products.changed()
    }
  }

  *#attempt(): Generator<void, { loss: number; violation: number }> {
    const { W, H } = this.#sides
    const { rounds: wanted = 1, extrapolate: extrapolates } = this.#spec
    const rounds = extrapolates ? this.#momentum.rounds(wanted) : wanted
    let violation = yield* this.#products.update(W, rounds)
    this.#moveOn(W, this.#before.W)
    if (this.#spec.fixed === 'H') return { loss: yield* this.#products.loss(W), violation }
    violation += yield* this.#products.update(H, rounds)
    this.#moveOn(H, this.#before.H)
    return { loss: yield* this.#products.loss(H), violation }
  }

  #moveOn(side: Side, P: Float64Array): void {
    if (!this.#spec.extrapolate) return
    const { weight } = this.#momentum
    const { rank } = this.#spec
    for (const { first, rows } of movingRuns(side.frozen, 0, side.rows)) {
      const [F, before] = [side.F, P].map(list => factorRows(list, rank, first, first + rows))
      const dims = { ...scalarsOf(this.#spec, side), length: F.length, weight }
      extrapolate.reference(dims, { F, P: before })
    }
  }

  async evaluate(beta: number = this.#spec.beta): Promise<number> {
    const products = beta === this.#spec.beta ? this.#products : this.#productsOf({ ...this.#spec, beta })
    return await inSlices(products.loss(this.#sides.H))
  }

  async factors(): Promise<Factors> {
    const { W, H } = this.#sides
    const [momentum, accumulated, { gradient }] = [this.#momentum, this.#accumulated, this.#stochastic]
    const before = this.#before
    return {
      W: this.#stored(W.F),
      H: await this.#turned(H.F),
      ...(this.#spec.extrapolate
        ? { momentum: { W: this.#stored(before.W), H: await this.#turned(before.H), numbers: momentum.numbers } }
        : {}),
      ...(accumulated
        ? { accumulated: { A: await this.#turned(accumulated.A), B: await this.#turned(accumulated.B) } }
        : {}),
      ...(gradient ? { gradient: await this.#turned(gradient) } : {}),
    }
  }

  async setFactors(factors: Factors): Promise<void> {
    const { W, H, momentum, accumulated, gradient } = factors
    const sides = this.#sides
    checkLengths(factors, sides.W.rows, this.#spec.rank, sides.H.rows)
    sides.W.F.set(W)
    sides.H.F.set(await this.#upright(H))
    this.#momentum = new Momentum()
    if (momentum) {
      this.#before.W.set(momentum.W)
      this.#before.H.set(await this.#upright(momentum.H))
      this.#momentum.numbers = momentum.numbers
    }
    this.#accumulated = accumulated && { A: await this.#upright(accumulated.A), B: await this.#upright(accumulated.B) }
    this.#stochastic = {
      gradient: gradient && (await this.#upright(gradient)),
      bounds: undefined,
      snapshot: undefined,
    }
    this.#products.changed()
  }

  /** Hᵀ (columns × rank) as H, in the type of the result. */
  async #turned(Ht: Float64Array): Promise<Float32Array | Float64Array> {
    const { rank } = this.#spec
    return this.#stored((await inSlices(transposeDense(Ht, Ht.length / rank, rank))) as Float64Array)
  }

  /** H as Hᵀ. */
  async #upright(H: Float32Array | Float64Array): Promise<Float64Array> {
    const { rank } = this.#spec
    return Float64Array.from(await inSlices(transposeDense(H, rank, H.length / rank)))
  }

  #stored(F: Float64Array): Float32Array | Float64Array {
    return this.#spec.dtype === 'f64' ? F.slice() : Float32Array.from(F)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
