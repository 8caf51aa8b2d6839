import { updateExponent } from '../../kernels/beta.js'
import { beta_xht_csr } from '../../kernels/beta_xht_csr.js'
import { bpp_csr } from '../../kernels/bpp_csr.js'
import { cd_csr } from '../../kernels/cd_csr.js'
import { mu_ratio } from '../../kernels/mu_ratio.js'
import { pg_step } from '../../kernels/pg_step.js'
import type { Dims } from '../../kernels/spec.js'
import type { FitSpec } from '../backend.js'
import {
  columnSums,
  factorRows,
  type Products,
  type RuleByRows,
  ruleByRows,
  scalarsOf,
  squaredNorms,
} from './family.js'
import type { Data, Side } from './side.js'
import { movingSlices } from './slices.js'

const NONE = new Float64Array(0)

/** CSR rows with their rows of F, and what of O the kernels read beside it. */
interface Panel {
  readonly indptr: Uint32Array
  readonly indices: Uint32Array
  readonly values: Float64Array
  readonly weights: Float64Array
  readonly F: Float64Array
  readonly O: Float64Array
  readonly sums: Float64Array
  readonly norms: Float64Array
  readonly violation: Float64Array
}

/** Both halves of the gradient, the curvature where `bend` says so, and the loss where `measure` does. */
function terms(dims: Dims, panel: Panel): { N: Float64Array; P: Float64Array; L: Float64Array; loss: Float64Array } {
  const { rows, rank, zeros, bend } = dims
  const N = new Float64Array(rows * rank)
  const P = zeros ? panel.sums : new Float64Array(rows * rank)
  const L = new Float64Array(bend ? rows : 0)
  const loss = new Float64Array(1)
  beta_xht_csr.reference({ ...dims, push: zeros ? 0 : 1 }, { ...panel, N, P, L, loss })
  return { N, P, L, loss }
}

const RULES: Readonly<Record<RuleByRows, (dims: Dims, panel: Panel) => void>> = {
  mu(dims, panel) {
    const { N, P } = terms(dims, panel)
    mu_ratio.reference({ ...dims, gamma: updateExponent(dims.beta), shared: dims.zeros }, { F: panel.F, N, P })
  },
  hals(dims, panel) {
    cd_csr.reference(dims, { ...panel, loss: new Float64Array(1) })
  },
  bpp(dims, panel) {
    bpp_csr.reference(dims, { ...panel, loss: new Float64Array(1) })
  },
  pg(dims, { violation, ...panel }) {
    const { N, P, L } = terms({ ...dims, bend: 1 }, { violation, ...panel })
    pg_step.reference({ ...dims, shared: dims.zeros }, { F: panel.F, N, P, L, violation })
  },
}

function apply(spec: FitSpec, dims: Dims, panel: Panel): void {
  RULES[ruleByRows(spec.rule)](dims, panel)
}

/**
 * Products at the listed entries of a CSR X alone: those are the only ones that count, or, where they have no weights, the
 * loss is Kullback–Leibler and all others are zeros, of which the factors' column sums know enough.
 */
export class Entries implements Products {
  readonly #spec: FitSpec
  constructor(spec: FitSpec) {
    this.#spec = spec
  }

  changed(): void {}

  *update(side: Side, rounds: number): Generator<void, number> {
    const violation = new Float64Array(1)
    for (const [dims, panel] of this.#panels(side, violation)) {
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
    const { rank } = this.#spec
    let sum = 0
    for (const [dims, panel] of this.#panels(side)) {
      sum += terms({ ...dims, measure: 1 }, panel).loss[0]
      yield
    }
    if (listedData(side).weights) return sum
    // the sum of all of W·H, as the kernel left the model out of every listed entry
    const [f, o] = [side.F, side.O].map(factor => columnSums(factor, rank))
    return f.reduce((whole, value, r) => whole + value * o[r], sum)
  }

  *parts(side: Side): Generator<void, { N: Float64Array; P: Float64Array; shared: boolean }> {
    const N = new Float64Array(side.F.length)
    const shared = !listedData(side).weights
    const P = shared ? columnSums(side.O, this.#spec.rank) : new Float64Array(side.F.length)
    let at = 0
    for (const [dims, panel] of this.#panels(side)) {
      const found = terms(dims, panel)
      N.set(found.N, at)
      if (!shared) P.set(found.P, at)
      at += panel.F.length
      yield
    }
    return { N, P, shared }
  }

  /** All rows, or where there is a violation to add to, those that move. */
  *#panels(side: Side, violation?: Float64Array): Generator<readonly [Dims, Panel], void> {
    const { rank } = this.#spec
    const frozen = violation && side.frozen
    const { indptr, indices, values, weights } = listedData(side)
    const sums = columnSums(side.O, rank)
    const norms = squaredNorms(side.O, rank)
    const flags = { weighted: weights ? 1 : 0, zeros: weights ? 0 : 1, bend: 0, measure: 0 }
    const perRow = Math.ceil(values.length / Math.max(1, side.rows))
    for (const [begin, end] of movingSlices(side.rows, frozen, 8 * perRow * rank)) {
      const F = factorRows(side.F, rank, begin, end)
      const rows = { indptr: indptr.subarray(begin, end + 1), indices, values, weights: weights ?? NONE }
      const dims = { ...scalarsOf(this.#spec, side), ...flags, rows: end - begin, nonzeros: values.length }
      yield [dims, { ...rows, F, O: side.O, sums, norms, violation: violation ?? NONE }]
    }
  }
}

function listedData({ X }: Side): Extract<Data, { kind: 'csr' }> {
  if (X.kind !== 'csr') throw new TypeError('the entries of a dense matrix are not listed')
  return X
}
