import type { Rule } from '../backend.js'
import { type BaseLayout, type Plan, paddedStride, roundUp, type Shape, sizesOf } from './layout.js'

/** One factor and what is known of it, in wasm memory; addresses and strides in bytes. */
export interface FactorPlace {
  /** rows × rank; for H that is Ht. */
  readonly rows: number
  /** The same as rank × rows, `acrossStride` from one to the next; 0 where nothing asks for it. */
  readonly across: number
  readonly acrossStride: number
  /** The component's sums over all rows, in f64 and in the fit's elements. */
  readonly totals: number
  readonly sums: number
  /** ‖F_i‖² of every row, and as much again of zeros at `acrossStride`; 0 where nothing asks for it. */
  readonly norms: number
}

export type FactorName = 'W' | 'H'

/** The layout of families that work with both halves of the gradient, for one factor as for the other. */
export interface BetaLayout extends BaseLayout {
  readonly factors: Readonly<Record<FactorName, FactorPlace>>
  /** Whether every entry's model pushes back alike (β = 1, no weights): P is then the other factor's column sums. */
  readonly evenPush: boolean
  /** Every lane's f64 sums of components. */
  readonly laneTotals: number
}

type Sizes = ReturnType<typeof sizesOf>

/** Sizes whose rank is padded to whole vectors, which is all that these families' kernels ask for. */
export function betaSizes(shape: Shape): Sizes {
  const sizes = sizesOf(shape)
  const paddedRank = roundUp(shape.rank, 16 / sizes.size)
  return { ...sizes, paddedRank, stride: paddedRank * sizes.size }
}

/** Rules that see the rows of X whole. */
export function wantsWholeRows(rule: Rule): boolean {
  return rule === 'hals' || rule === 'bpp'
}

/** Takes memory for both factors; what is to be zero at first comes first. */
export function planFactors(
  plan: Plan,
  { rows, columns, paddedRank, stride, size }: Sizes,
  rule: Rule,
  across: boolean,
): Readonly<Record<FactorName, FactorPlace>> {
  const strides = [rows, columns].map(length => paddedStride(roundUp(length, 8)) * size)
  const place = (length: number, acrossStride: number): FactorPlace => ({
    rows: plan.take(length * stride),
    across: across ? plan.take(paddedRank * acrossStride) : 0,
    acrossStride,
    totals: plan.take(8 * paddedRank),
    sums: plan.take(stride),
    norms: rule === 'pg' ? plan.take(2 * acrossStride) : 0,
  })
  return { W: place(rows, strides[0]), H: place(columns, strides[1]) }
}
