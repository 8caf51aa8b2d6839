import type { BackendId } from '../../backends/backend.js'
import type { HoldoutMask } from '../options.js'
import type { SolverName } from '../solvers.js'
import type { RankMethod } from './options.js'
import type { Verdict } from './rules.js'
import type { Outcome } from './series.js'

/** The evidence for one rank. */
export interface RankRow {
  readonly rank: number
  /** Of the values. */
  readonly mean: number
  /** The standard error of the mean: the standard deviation of the values over the root of their number. */
  readonly spread: number
  /**
   * One for each replicate, in their order: the mean loss of an entry, held out (cross-validation) or any (consensus), as
   * `Factorization.loss` has it, so for Frobenius half the mean square; with weights, of a unit of weight.
   */
  readonly values: readonly number[]
  /** Fits that ended by their tolerance and not by `maxIterations`. */
  readonly converged: number
  /** Cross-validation: the mean loss of an entry that the fits saw. */
  readonly training?: number
  /** Consensus: the cophenetic correlation (Brunet et al., PNAS 2004). */
  readonly cophenetic?: number
  /** Consensus: the dispersion coefficient (Kim & Park, Bioinformatics 2007). */
  readonly dispersion?: number
}

/** A rank, with the evidence for it. */
export interface RankChoice {
  readonly rank: number
  readonly method: RankMethod
  /** Why this rank, in a sentence. */
  readonly why: string
  /** What each rule, or each measure, makes of the same evidence. */
  readonly choices: Readonly<Record<string, number>>
  /** By ascending rank. */
  readonly table: readonly RankRow[]
  /** Fits of each rank. */
  readonly replicates: number
  /**
   * Cross-validation: what each replicate held out, where the caller's mask and weights let it count. As the `mask` of
   * `factorize`, with `seed` plus the replicate's place, it gives the very fit.
   */
  readonly masks: readonly HoldoutMask[]
  /** Rows of X that consensus compared; undefined for cross-validation. */
  readonly samples: number | undefined
  readonly solver: SolverName
  readonly backend: BackendId
  /** True where the backend stood on an emulation. */
  readonly emulated: boolean
  /** Fits that ran side by side, and the threads of each. */
  readonly concurrency: number
  readonly threads: number
  readonly seconds: number
  /** What was done and found, in a few lines. */
  explain(): string
  /** A chart of the evidence: a Vega-Lite 5 specification with its data, as plain JSON. */
  plot(): Readonly<Record<string, unknown>>
}

/** Mean and standard error of at least two values. */
export function meanAndSpread(values: readonly number[]): { mean: number; spread: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0)
  return { mean, spread: Math.sqrt(squares / (values.length - 1) / values.length) }
}

/** What a method found. */
export interface Evidence {
  readonly table: readonly RankRow[]
  readonly verdict: Verdict
  /** Of the first fit, for all. */
  readonly outcome: Outcome
  readonly samples: number | undefined
}
