import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { divergence, LEAST_MODEL, pull, push } from '../../ts/kernels/beta.js'
import { cd_csr } from '../../ts/kernels/cd_csr.js'
import { cd_dense } from '../../ts/kernels/cd_dense.js'
import { SMALLEST_F64 } from '../../ts/kernels/mu_update.js'
import { SEED } from './problems.js'

// Single steps of coordinate descent, as the specs have them in float64, from anywhere: each must leave the loss with its
// penalties no higher, and a sweep is nothing else than such steps.

const BETAS = [-1, 0, 0.5, 0.9, 1, 1.1, 1.5, 1.9, 2, 2.1, 2.5, 3, 4, 7]

/** One row of a factor, of whose coordinates the first moves. */
interface Row {
  readonly x: readonly number[]
  readonly v: readonly number[]
  /** A list for each coordinate. */
  readonly o: readonly (readonly number[])[]
  readonly f: readonly number[]
  readonly l1: number
  readonly l2: number
  readonly most: number
}

/** Six powers of ten; some are zero where they may be. */
function entry(zeros: boolean): fc.Arbitrary<number> {
  const above = fc.integer({ min: -48, max: 48 }).map(n => 10 ** (n / 16))
  return zeros ? fc.oneof({ arbitrary: fc.constant(0), weight: 1 }, { arbitrary: above, weight: 3 }) : above
}

function rows(beta: number): fc.Arbitrary<Row> {
  const list = (of: fc.Arbitrary<number>, length: number) => fc.array(of, { minLength: length, maxLength: length })
  const most = fc.constantFrom(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 2)
  return fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 3 }), most).chain(([columns, rank, most]) =>
    fc.record({
      x: list(entry(beta > 0), columns),
      v: list(fc.constantFrom(0, 0.25, 1, 1, 3), columns),
      o: fc.array(list(entry(true), columns), { minLength: rank, maxLength: rank }),
      f: list(
        entry(true).map(value => Math.min(value, most)),
        rank,
      ),
      l1: fc.constantFrom(0, 0, 0.01, 5),
      l2: fc.constantFrom(0, 0, 0.02, 3),
      most: fc.constant(most),
    }),
  )
}

const modelOf = ({ x, o }: Row, f: ArrayLike<number>) => x.map((_, j) => o.reduce((u, row, r) => u + f[r] * row[j], 0))

/** At the model u: the loss with the first coordinate's penalties, its slope, and what their terms add up to without their signs. */
function lossAt({ x, v, o, l1, l2 }: Row, u: readonly number[], f: number, beta: number) {
  const cost = { value: l1 * f + 0.5 * l2 * f * f, size: l1 * f + 0.5 * l2 * f * f }
  const slope = { value: l1 + l2 * f, size: l1 + l2 * f }
  x.forEach((x, j) => {
    if (v[j] === 0) return
    const [pulled, pushed] = [pull(x, u[j], beta), push(u[j], beta)]
    cost.value += v[j] * divergence(x, u[j], beta)
    cost.size += v[j] * (u[j] * (pulled + pushed) + (x > 0 ? x ** beta : 0))
    slope.value += v[j] * o[0][j] * (pushed - pulled)
    slope.size += v[j] * o[0][j] * (pushed + pulled)
  })
  return { cost, slope }
}

/** Each term is good to some units in its last place. */
const ROUNDED = 64 * 2 ** -53

/** Where the kernels move the first coordinate. */
const KERNELS: Readonly<Record<string, (row: Row, beta: number) => number>> = {
  cd_dense({ x, v, o, f, l1, l2, most }, beta) {
    const dims = { rows: 1, columns: x.length, rank: f.length, stride: x.length, smallest: SMALLEST_F64 }
    const F = Float64Array.from(f)
    const [loss, violation] = [new Float64Array(1), new Float64Array(1)]
    const arrays = { X: Float64Array.from(x), V: Float64Array.from(v), O: Float64Array.from(o.flat()), F }
    const choices = { beta, weighted: 1, measure: 0, l1, l2, moving: 1, most }
    cd_dense.reference({ ...dims, ...choices }, { ...arrays, loss, violation })
    return F[0]
  },
  cd_csr({ x, v, o, f, l1, l2, most }, beta) {
    const dims = {
      rows: 1,
      columns: x.length,
      rank: f.length,
      percent: 100,
      nonzeros: x.length,
      smallest: SMALLEST_F64,
    }
    const F = Float64Array.from(f)
    const [loss, violation] = [new Float64Array(1), new Float64Array(1)]
    const listed = { indptr: Uint32Array.of(0, x.length), indices: Uint32Array.from(x.keys()) }
    const arrays = { ...listed, values: Float64Array.from(x), weights: Float64Array.from(v), F, loss, violation }
    const O = Float64Array.from(x.flatMap((_, j) => o.map(row => row[j])))
    const choices = { beta, weighted: 1, measure: 0, zeros: 0, l1, l2, moving: 1, most }
    cd_csr.reference({ ...dims, ...choices }, { ...arrays, O, sums: new Float64Array(0) })
    return F[0]
  },
}

/** Both end their steps by the same function; one of them is to look closely. */
const RUNS: Readonly<Record<string, number>> = { cd_dense: 2000, cd_csr: 100 }

describe.each(Object.keys(KERNELS))('%s', kernel => {
  it.for(BETAS)('no step raises the loss with its penalties: β = %s', beta => {
    fc.assert(
      fc.property(rows(beta), row => {
        const before = modelOf(row, row.f)
        const next = KERNELS[kernel](row, beta)
        const after = modelOf(row, [next, ...row.f.slice(1)])
        // below the least model another stands in for it
        const counted = row.x.map((_, j) => row.v[j] > 0 && row.o[0][j] > 0)
        fc.pre(counted.every((counts, j) => !counts || Math.min(before[j], after[j]) >= LEAST_MODEL))
        expect(next).toBeGreaterThanOrEqual(0)
        expect(next).toBeLessThanOrEqual(row.most)
        const [first, last] = [lossAt(row, before, row.f[0], beta), lossAt(row, after, next, beta)]
        expect(last.cost.value - first.cost.value).toBeLessThanOrEqual(ROUNDED * (first.cost.size + last.cost.size))
        // and on the way down it has nowhere turned
        const onwards = Math.sign(first.slope.value) * last.slope.value
        expect(onwards).toBeGreaterThanOrEqual(-ROUNDED * (first.slope.size + last.slope.size))
      }),
      { seed: SEED, numRuns: RUNS[kernel] },
    )
  })
})
