import { bpp_update } from '../../kernels/bpp_update.js'
import { dot } from '../../kernels/dot.js'
import { gram } from '../../kernels/gram.js'
import { hals_update } from '../../kernels/hals_update.js'
import { mu_update } from '../../kernels/mu_update.js'
import { pg_step } from '../../kernels/pg_step.js'
import type { Dims } from '../../kernels/spec.js'
import { wh_dense } from '../../kernels/wh_dense.js'
import { xht_csr } from '../../kernels/xht_csr.js'
import { xht_dense } from '../../kernels/xht_dense.js'
import type { FitSpec, Rule } from '../backend.js'
import { factorRows, type Products, scalarsOf } from './family.js'
import type { Side } from './side.js'
import { movingSlices, rowSlices } from './slices.js'

/** Rows of a factor and of X·O, with the Gram matrix of O. */
interface Panel {
  readonly F: Float64Array
  readonly N: Float64Array
  readonly G: Float64Array
  readonly violation: Float64Array
}

/** Rules that move a factor by its products with all of X that it sees. */
type GramRule = Exclude<Rule, 'sgd' | 'svrmu'>

const RULES: Readonly<Record<GramRule, (dims: Dims, panel: Panel) => void>> = {
  mu: (dims, { F, N, G }) => mu_update.reference(dims, { F, N, G }),
  hals: (dims, { F, N, G, violation }) => hals_update.reference(dims, { F, N, G, violation }),
  bpp: (dims, { F, N, G, violation }) => bpp_update.reference(dims, { F, N, G, violation }),
  product: (_dims, { F, N }) => F.set(N),
  pg(dims, { F, N, G, violation }) {
    const { rows, rank } = dims
    const P = new Float64Array(rows * rank)
    wh_dense.reference({ rows, columns: rank, rank, stride: rank }, { W: F, H: G, U: P })
    let trace = 0
    for (let r = 0; r < rank; r++) trace += G[r * rank + r]
    pg_step.reference({ ...dims, shared: 2 }, { F, N, P, L: Float64Array.of(trace), violation })
  },
}

/** The Frobenius loss without weights, by X·O and Oᵀ·O: W·H never appears. */
export class Gram implements Products {
  readonly #spec: FitSpec
  readonly #squaredNorm: number
  /** The products of the side that was updated last; they hold, as its other factor has not moved since. */
  #last: { readonly side: Side; readonly N: Float64Array; readonly G: Float64Array } | undefined

  constructor(spec: FitSpec, squaredNorm: number) {
    this.#spec = spec
    this.#squaredNorm = squaredNorm
  }

  changed(): void {
    this.#last = undefined
  }

  *update(side: Side, rounds: number): Generator<void, number> {
    this.#last = undefined
    const { rank } = this.#spec
    const rule = this.#spec.rule as GramRule
    const { N, G } = yield* this.products(side)
    const violation = new Float64Array(1)
    for (const [begin, end] of movingSlices(side.rows, side.frozen, rank * rank)) {
      const [F, Np] = [side.F, N].map(list => factorRows(list, rank, begin, end))
      const dims = { ...scalarsOf(this.#spec, side), rows: end - begin }
      RULES[rule](dims, { F, N: Np, G, violation })
      yield
      for (let round = 1; round < rounds; round++) {
        RULES[rule](dims, { F, N: Np, G, violation: new Float64Array(1) })
        yield
      }
    }
    this.#last = { side, N, G }
    return violation[0]
  }

  /** ½‖X‖² − ⟨X·O, F⟩ + ½⟨FᵀF, OᵀO⟩ */
  *loss(side: Side): Generator<void, number> {
    const { N, G } = this.#last?.side === side ? this.#last : yield* this.products(side)
    const S = yield* gramOf(side.F, side.rows, this.#spec.rank)
    let cross = 0
    for (const [begin, end] of rowSlices(N.length, 1)) {
      cross += inner(N.subarray(begin, end), side.F.subarray(begin, end))
      yield
    }
    return Math.max(0, 0.5 * this.#squaredNorm - cross + 0.5 * inner(S, G))
  }

  *parts(side: Side): Generator<void, { N: Float64Array; P: Float64Array; shared: boolean }> {
    const { rank } = this.#spec
    const { N, G } = yield* this.products(side)
    const P = new Float64Array(N.length)
    wh_dense.reference({ rows: side.rows, columns: rank, rank, stride: rank }, { W: side.F, H: G, U: P })
    return { N, P, shared: false }
  }

  /** X·O, rows × rank, and OᵀO. */
  *products(side: Side): Generator<void, { N: Float64Array; G: Float64Array }> {
    const { rank } = this.#spec
    const { X, rows, columns, O } = side
    const N = new Float64Array(rows * rank)
    const perRow = X.kind === 'dense' ? columns : Math.ceil(X.values.length / Math.max(1, rows))
    for (const [begin, end] of rowSlices(rows, perRow * rank)) {
      const dims = { rows: end - begin, columns, rank }
      const Np = factorRows(N, rank, begin, end)
      if (X.kind === 'dense') {
        const panel = X.values.subarray(begin * columns, end * columns)
        xht_dense.reference({ ...dims, stride: columns }, { X: panel, Ht: O, N: Np })
      } else {
        const { indices, values } = X
        xht_csr.reference(dims, { indptr: X.indptr.subarray(begin, end + 1), indices, values, Ht: O, N: Np })
      }
      yield
    }
    return { N, G: yield* gramOf(O, columns, rank) }
  }
}

/** FᵀF of a factor with so many rows. */
export function* gramOf(F: Float64Array, rows: number, rank: number): Generator<void, Float64Array> {
  const G = new Float64Array(rank * rank)
  for (const [begin, end] of rowSlices(rows, rank * rank)) {
    gram.reference({ rows: end - begin, rank }, { F: factorRows(F, rank, begin, end), G })
    yield
  }
  return G
}

function inner(a: Float64Array, b: Float64Array): number {
  const sum = new Float64Array(1)
  dot.reference({ length: a.length }, { a, b, sum })
  return sum[0]
}
