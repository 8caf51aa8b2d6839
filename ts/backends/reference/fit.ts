import { Breather, inSlices } from '../../core/breathe.js'
import { transposeDense } from '../../core/matrix.js'
import { familyOf } from '../../kernels/beta.js'
import type { Factors, Fit, FitSpec, Penalty, Problem, RunControls, SweepReport } from '../backend.js'
import { Entries } from './entries.js'
import type { Products } from './family.js'
import { Gram } from './gram.js'
import { type Sides, sidesOf } from './side.js'
import { Tile } from './tile.js'

const NO_PENALTY: Penalty = { l1: 0, l2: 0 }

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

  private constructor(spec: FitSpec, productsOf: (spec: FitSpec) => Products, sides: Sides) {
    this.#spec = spec
    this.#productsOf = productsOf
    this.#products = productsOf(spec)
    this.#sides = sides
  }

  static async create(problem: Problem, spec: FitSpec): Promise<ReferenceFit> {
    const { penaltyW = NO_PENALTY, penaltyH = NO_PENALTY } = spec
    const sides = await inSlices(sidesOf(problem, spec.rank, [penaltyW, penaltyH]))
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
      violations: Float64Array.from(this.#spec.rule === 'mu' ? [] : violations),
      seconds: Float64Array.from(seconds),
      stopped,
    }
  }

  *#iteration(): Generator<void, { loss: number; violation: number }> {
    const { W, H } = this.#sides
    let violation = yield* this.#products.update(W)
    if (this.#spec.fixed === 'H') return { loss: yield* this.#products.loss(W), violation }
    violation += yield* this.#products.update(H)
    return { loss: yield* this.#products.loss(H), violation }
  }

  async evaluate(beta: number = this.#spec.beta): Promise<number> {
    const products = beta === this.#spec.beta ? this.#products : this.#productsOf({ ...this.#spec, beta })
    return await inSlices(products.loss(this.#sides.H))
  }

  async factors(): Promise<Factors> {
    const { W, H } = this.#sides
    const unturned = (await inSlices(transposeDense(H.F, H.rows, this.#spec.rank))) as Float64Array
    if (this.#spec.dtype === 'f64') return { W: W.F.slice(), H: unturned }
    return { W: Float32Array.from(W.F), H: Float32Array.from(unturned) }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
