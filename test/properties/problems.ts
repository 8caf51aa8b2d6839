import fc from 'fast-check'
import { expect } from 'vitest'
import {
  type BackendId,
  type DenseInput,
  type DenseView,
  type Factorization,
  type FactorizeOptions,
  factorize,
  type MatrixInput,
} from '../../ts/node.js'
import { distance } from '../conformance/trajectory.js'

/** The backends that have every solver, in each precision that they keep. */
export const WAYS: readonly (readonly [BackendId, 'f32' | 'f64'])[] = [
  ['reference', 'f64'],
  ['wasm', 'f32'],
  ['wasm', 'f64'],
  ['native', 'f32'],
  ['native', 'f64'],
]

/** The same draws in every run; fast-check prints the seed, and the path to the least failing draw. */
export const SEED = 20260

/** How far the numbers of two fits that are the same but for rounding may be apart, relative to their norm. */
export const NEAR = { f32: 2e-4, f64: 1e-9 } as const

/** The roundings of either type. */
export const UNIT = { f32: 2 ** -24, f64: 2 ** -53 } as const

export interface Drawn {
  readonly rows: number
  readonly columns: number
  readonly rank: number
  /** Rows one after the other, as are W and H; all are whole 64ths, which float32 holds. */
  readonly X: readonly number[]
  readonly W: readonly number[]
  readonly H: readonly number[]
  readonly stored: 'dense' | 'csr'
}

/** Small problems with starts above zero; about a quarter of X is zeros unless it is to be positive. */
export function problems({ positive = false, rank = 4 } = {}): fc.Arbitrary<Drawn> {
  const sizes = fc.record({
    rows: fc.integer({ min: 1, max: 9 }),
    columns: fc.integer({ min: 1, max: 9 }),
    rank: fc.integer({ min: 1, max: rank }),
  })
  const entry = fc.integer({ min: positive ? 16 : -64, max: 192 }).map(count => Math.max(0, count) / 64)
  const started = fc.integer({ min: 8, max: 96 }).map(count => count / 64)
  const list = (of: fc.Arbitrary<number>, length: number) => fc.array(of, { minLength: length, maxLength: length })
  return sizes.chain(({ rows, columns, rank }) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      rank: fc.constant(rank),
      X: list(entry, rows * columns),
      W: list(started, rows * rank),
      H: list(started, rank * columns),
      stored: fc.constantFrom('dense' as const, 'csr' as const),
    }),
  )
}

export function dense(data: readonly number[], rows: number, columns: number): DenseInput {
  return { data: Float64Array.from(data), rows, columns }
}

export function matrixOf({ rows, columns, X, stored }: Drawn): MatrixInput {
  if (stored === 'dense') return dense(X, rows, columns)
  const places = Array.from(X.keys()).filter(at => X[at] !== 0)
  const indptr = Array.from({ length: rows + 1 }, (_, i) => places.filter(at => at < i * columns).length)
  return { indptr, indices: places.map(at => at % columns), values: places.map(at => X[at]), rows, columns }
}

/** A fit from the drawn start; `options` say how. */
export function fitOf(drawn: Drawn, options: Partial<FactorizeOptions>): Promise<Factorization> {
  const { rows, columns, rank, W, H } = drawn
  const init = { W: dense(W, rows, rank), H: dense(H, rank, columns) }
  return factorize(matrixOf(drawn), { rank, init, tolerance: 0, ...options })
}

export function transposed(list: ArrayLike<number>, rows: number, columns: number): number[] {
  return Array.from({ length: rows * columns }, (_, at) => list[(at % rows) * columns + Math.floor(at / rows)])
}

/**
 * Penalties that keep coordinate descent well posed. Without them a component that comes to nothing in one factor leaves the
 * other undetermined: whether it comes to 0 or to 1e-17, after which the other is divided by it, is a matter of rounding.
 */
export const STEADY = { alphaW: 1 / 32, alphaH: 1 / 32, l1Ratio: 0 } as const

/** Fails where two factors are further apart than rounding explains. */
export function expectNear(own: DenseView, wanted: ArrayLike<number>, dtype: 'f32' | 'f64', what: string): void {
  expect(distance(own.data, wanted), what).toBeLessThanOrEqual(NEAR[dtype])
}

/** Runs a property; `runs` draws. */
export async function holds<T>(
  drawn: fc.Arbitrary<T>,
  runs: number,
  property: (value: T) => Promise<void>,
): Promise<void> {
  await fc.assert(fc.asyncProperty(drawn, property), { seed: SEED, numRuns: runs })
}
