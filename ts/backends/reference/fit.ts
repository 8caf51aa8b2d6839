import { Breather, inSlices } from '../../core/breathe.js'
import { transposeDense } from '../../core/matrix.js'
import { familyOf } from '../../kernels/beta.js'
import { extrapolate } from '../../kernels/extrapolate.js'
import {
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
import { Entries } from './entries.js'
import { type Products, scalarsOf } from './family.js'
import { Gram } from './gram.js'
import { type Side, type Sides, sidesOf } from './side.js'
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
  readonly #productsOf: (spec: FitSpec) => Products
  readonly #products: Products
  readonly #sides: Sides
  #momentum = new Momentum()
  /** The factors (of H the transpose) as the last updates left them. */
  readonly #before: { readonly W: Float64Array; readonly H: Float64Array }

  private constructor(spec: FitSpec, productsOf: (spec: FitSpec) => Products, sides: Sides) {
    this.#spec = spec
    this.#productsOf = productsOf
    this.#products = productsOf(spec)
    this.#sides = sides
    this.#before = { W: sides.W.F.slice(), H: sides.H.F.slice() }
  }

  static async create(problem: Problem, spec: FitSpec): Promise<ReferenceFit> {
    const sides = await inSlices(sidesOf(problem, spec))
    // not `problem` itself: X is the caller's to let go
    const { squaredNorm } = problem
    const X = { kind: problem.X.kind }
    const weights = problem.weights && { kind: problem.weights.kind }
    const productsOf = (wanted: FitSpec) => FAMILIES[familyOf(X, wanted.beta, weights)](wanted, squaredNorm)
    return new ReferenceFit(spec, productsOf, sides)
  }

  async run(iterations: number, controls: RunControls = {}): Promise<SweepReport> {
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
      const steps = this.#iteration()
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
    let violation = yield* this.#products.update(W)
    this.#moveOn(W, this.#before.W)
    if (this.#spec.fixed === 'H') return { loss: yield* this.#products.loss(W), violation }
    violation += yield* this.#products.update(H)
    this.#moveOn(H, this.#before.H)
    return { loss: yield* this.#products.loss(H), violation }
  }

  #moveOn(side: Side, P: Float64Array): void {
    if (!this.#spec.extrapolate) return
    const { weight } = this.#momentum
    extrapolate.reference({ ...scalarsOf(this.#spec, side), length: P.length, weight }, { F: side.F, P })
  }

  async evaluate(beta: number = this.#spec.beta): Promise<number> {
    const products = beta === this.#spec.beta ? this.#products : this.#productsOf({ ...this.#spec, beta })
    return await inSlices(products.loss(this.#sides.H))
  }

  async factors(): Promise<Factors> {
    const { W, H } = this.#sides
    const unturned = (await inSlices(transposeDense(H.F, H.rows, this.#spec.rank))) as Float64Array
    const factors = { W: this.#stored(W.F), H: this.#stored(unturned) }
    if (!this.#spec.extrapolate) return factors
    const H0 = (await inSlices(transposeDense(this.#before.H, H.rows, this.#spec.rank))) as Float64Array
    return {
      ...factors,
      momentum: { W: this.#stored(this.#before.W), H: this.#stored(H0), numbers: this.#momentum.numbers },
    }
  }

  async setFactors({ W, H, momentum }: Factors): Promise<void> {
    const { rank } = this.#spec
    const sides = this.#sides
    checkLengths({ W, H, momentum }, sides.W.rows, rank, sides.H.rows)
    sides.W.F.set(W)
    sides.H.F.set((await inSlices(transposeDense(H, rank, sides.H.rows))) as Float64Array)
    this.#before.W.set(momentum?.W ?? sides.W.F)
    const H0 = momentum && (await inSlices(transposeDense(momentum.H, rank, sides.H.rows)))
    this.#before.H.set(H0 ?? sides.H.F)
    this.#momentum = new Momentum()
    if (momentum) this.#momentum.numbers = momentum.numbers
    this.#products.changed()
  }

  #stored(F: Float64Array): Float32Array | Float64Array {
    return this.#spec.dtype === 'f64' ? F.slice() : Float32Array.from(F)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
