import { SMALLEST, SMALLEST_F64 } from '../../kernels/mu_update.js'
import type { Dims } from '../../kernels/spec.js'
import type { FitSpec, Rule } from '../backend.js'
import type { Side } from './side.js'

/** How the factors of one family of products move; see `Family` in ts/kernels/beta.ts. In slices of a few milliseconds. */
export interface Products {
  /** Applies the rule to the factor of a side, so many rounds; returns Σ |projected gradient|, 0 for the multiplicative rule. */
  update(side: Side, rounds: number): Generator<void, number>
  /** The loss of the factors as they are; a side whose update was the last may be the cheaper one to ask. */
  loss(side: Side): Generator<void, number>
  /** Both halves of the gradient: rows × rank each, or where `shared` one row of P for all. */
  parts(side: Side): Generator<void, { N: Float64Array; P: Float64Array; shared: boolean }>
  /** To be called when factors were set from outside. */
  changed(): void
}

/** Rules that do without one Gram matrix for all rows. */
export type RuleByRows = 'mu' | 'hals' | 'pg' | 'bpp'

export function ruleByRows(rule: Rule): RuleByRows {
  if (rule === 'mu' || rule === 'hals' || rule === 'pg' || rule === 'bpp') return rule
  throw new TypeError(`the rule ${rule} needs a Gram matrix`)
}

/** The scalars that the kernels of every rule take. */
export function scalarsOf({ rank, beta, step = 1, dtype }: FitSpec, { columns, penalty, limits }: Side): Dims {
  const smallest = dtype === 'f64' ? SMALLEST_F64 : SMALLEST
  return { columns, stride: columns, rank, beta, step, l1: penalty.l1, l2: penalty.l2, smallest, ...limits }
}

/** Rows begin … end − 1 of a factor. */
export function factorRows(F: Float64Array, rank: number, begin: number, end: number): Float64Array {
  return F.subarray(begin * rank, end * rank)
}

/** Sums of each component over the rows of a factor. */
export function columnSums(F: Float64Array, rank: number): Float64Array {
  const sums = new Float64Array(rank)
  for (let at = 0; at < F.length; at++) sums[at % rank] += F[at]
  return sums
}

/** ‖O_j‖² of each row of a factor. */
export function squaredNorms(O: Float64Array, rank: number): Float64Array {
  const norms = new Float64Array(O.length / rank)
  for (let at = 0; at < O.length; at++) norms[Math.floor(at / rank)] += O[at] ** 2
  return norms
}
