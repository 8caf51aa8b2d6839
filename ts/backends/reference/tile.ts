import { transposeDense } from '../../core/matrix.js'
import { updateExponent } from '../../kernels/beta.js'
import { beta_terms } from '../../kernels/beta_terms.js'
import { bpp_dense } from '../../kernels/bpp_dense.js'
import { cd_dense } from '../../kernels/cd_dense.js'
import { mu_ratio } from '../../kernels/mu_ratio.js'
import { pg_step } from '../../kernels/pg_step.js'
import type { Dims } from '../../kernels/spec.js'
import { wh_dense } from '../../kernels/wh_dense.js'
import { xht_dense } from '../../kernels/xht_dense.js'
import type { FitSpec } from '../backend.js'
import { factorRows, type Products, type RuleByRows, ruleByRows, scalarsOf, squaredNorms } from './family.js'
import type { Side } from './side.js'
import { movingSlices } from './slices.js'

const NONE = new Float64Array(0)

/** Rows of X and of their weights, with their rows of F; O both ways round. */
interface Panel {
  readonly X: Float64Array
  readonly V: Float64Array
  readonly F: Float64Array
  /** columns × rank */
  readonly O: Float64Array
  /** rank × columns */
  readonly Ot: Float64Array
  readonly violation: Float64Array
}

/** The gradient's terms entry by entry, the curvature where `bend` says so, and the loss where `measure` does. */
function terms(dims: Dims, { X, V, F, Ot }: Panel): Record<'Q' | 'P' | 'C' | 'loss', Float64Array> {
  const U = new Float64Array(dims.rows * dims.columns)
  wh_dense.reference(dims, { W: F, H: Ot, U })
  const P = new Float64Array(U.length)
  const C = new Float64Array(dims.bend ? U.length : 0)
  const loss = new Float64Array(1)
  beta_terms.reference({ ...dims, push: 1 }, { X, V, U, P, C, loss })
  return { Q: U, P, C, loss }
}

/** A tile times O. */
function timesO(dims: Dims, X: Float64Array, O: Float64Array): Float64Array {
  const N = new Float64Array(dims.rows * dims.rank)
  xht_dense.reference(dims, { X, Ht: O, N })
  return N
}

const RULES: Readonly<Record<RuleByRows, (dims: Dims, panel: Panel) => void>> = {
  mu(dims, panel) {
    const { Q, P } = terms(dims, panel)
    const [N, D] = [Q, P].map(tile => timesO(dims, tile, panel.O))
    mu_ratio.reference({ ...dims, gamma: updateExponent(dims.beta), shared: 0 }, { F: panel.F, N, P: D })
  },
  hals(dims, { X, V, F, Ot, violation }) {
    cd_dense.reference(dims, { X, V, O: Ot, F, loss: new Float64Array(1), violation })
  },
  bpp(dims, { X, V, F, O, violation }) {
    bpp_dense.reference(dims, { X, V, O, F, loss: new Float64Array(1), violation })
  },
  pg(dims, { violation, ...panel }) {
    const { Q, P, C } = terms({ ...dims, bend: 1 }, { violation, ...panel })
    const [N, D] = [Q, P].map(tile => timesO(dims, tile, panel.O))
    const L = timesO({ ...dims, rank: 1 }, C, squaredNorms(panel.O, dims.rank))
    pg_step.reference({ ...dims, shared: 0 }, { F: panel.F, N, P: D, L, violation })
  },
}

function apply(spec: FitSpec, dims: Dims, panel: Panel): void {
  RULES[ruleByRows(spec.rule)](dims, panel)
}

/** Products from W·H, formed for a few rows at a time: any X, any β, weights of every entry. */
export class Tile implements Products {
  readonly #spec: FitSpec
  constructor(spec: FitSpec) {
    this.#spec = spec
  }

  changed(): void {}

  *update(side: Side, rounds: number): Generator<void, number> {
    const violation = new Float64Array(1)
    const Ot = yield* this.#across(side)
    for (const [dims, panel] of this.#panels(side, Ot, violation)) {
      apply(this.#spec, dims, panel)
      yield
      for (let round = 1; round < rounds; round++) {
        apply(this.#spec, dims, { ...panel, violation: new Float64Array(1) })
        yield
      }
    }
    return violation[0]
  }

  *loss(side: Side): Generator<void, number> {
    const Ot = yield* this.#across(side)
    let sum = 0
    for (const [dims, panel] of this.#panels(side, Ot)) {
      sum += terms({ ...dims, measure: 1 }, panel).loss[0]
      yield
    }
    return sum
  }

  *parts(side: Side): Generator<void, { N: Float64Array; P: Float64Array; shared: boolean }> {
    const Ot = yield* this.#across(side)
    const [N, P] = [new Float64Array(side.F.length), new Float64Array(side.F.length)]
    let at = 0
    for (const [dims, panel] of this.#panels(side, Ot)) {
      const { Q, P: push } = terms(dims, panel)
      N.set(timesO(dims, Q, panel.O), at)
      P.set(timesO(dims, push, panel.O), at)
      at += panel.F.length
      yield
    }
    return { N, P, shared: false }
  }

  *#across({ O, columns }: Side): Generator<void, Float64Array> {
    return (yield* transposeDense(O, columns, this.#spec.rank)) as Float64Array
  }

  /** All rows, or where there is a violation to add to, those that move. */
  *#panels(side: Side, Ot: Float64Array, violation?: Float64Array): Generator<readonly [Dims, Panel], void> {
    const { rank } = this.#spec
    const { columns, O, weights } = side
    const frozen = violation && side.frozen
    const flags = { weighted: weights ? 1 : 0, bend: 0, measure: 0 }
    for (const [begin, end] of movingSlices(side.rows, frozen, 8 * columns * rank)) {
      const dims = { ...scalarsOf(this.#spec, side), ...flags, rows: end - begin }
      const V = weights?.(begin, end) ?? NONE
      const rows = { X: denseRows(side, begin, end), V, F: factorRows(side.F, rank, begin, end) }
      yield [dims, { ...rows, O, Ot, violation: violation ?? NONE }]
    }
  }
}

function denseRows({ X, columns }: Side, begin: number, end: number): Float64Array {
  if (X.kind === 'dense') return X.values.subarray(begin * columns, end * columns)
  const rows = new Float64Array((end - begin) * columns)
  for (let i = begin; i < end; i++) {
    for (let p = X.indptr[i]; p < X.indptr[i + 1]; p++) rows[(i - begin) * columns + X.indices[p]] = X.values[p]
  }
  return rows
}
