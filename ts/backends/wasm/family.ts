import type { Batch } from '../backend.js'
import type { Momentum } from '../momentum.js'
import type { BatchStep, Bounds } from '../stochastic-steps.js'
import type { Carried } from './batch.js'
import type { Crew } from './crew.js'
import type { Phase, SharedFit, Steps, Thread } from './thread.js'

/** A fit as the coordinator keeps it. */
export interface HeldFit<F extends SharedFit = SharedFit> {
  readonly id: number
  readonly shared: F
  /** What it has of wasm memory. */
  readonly blocks: number[]
  readonly squaredNorm: number
  /**
   * What of that which iterations begin with fits the factors as they are: nothing at first, or after one that was cut short.
   * Batches begin with what is known of H.
   */
  fresh: 'none' | 'H' | 'both'
  /** From the first batch on, and whether they hold what batches have left. */
  carried?: Carried | undefined
  hasCarried: boolean
  /** Of W, where steps of `sgd` are bounded and something is known of it. */
  bounds?: Bounds | undefined
  /** Where the fit extrapolates. */
  momentum?: Momentum | undefined
}

/** What an iteration tells. */
export interface Progress {
  /**
   * After this iteration; absent where the next one, or `evaluate`, is to tell it as `lossBefore`, but never in fits that
   * extrapolate.
   */
  readonly loss?: number
  readonly lossBefore?: number
  /** Σ |projected gradient| of both factors, from rules that have it. */
  readonly violation: number
  /** What a batch of `sgd` has done. */
  readonly step?: BatchStep
}

/** How fits of one scheme work: the share of one lane in a phase, and what the coordinator makes of the phases. */
export interface Family<F extends SharedFit = SharedFit> {
  /** Lanes of a phase write to different places and may run at the same time. */
  rows(thread: Thread, fit: F, phase: Phase, lane: number): Steps<void>
  columns(thread: Thread, fit: F, phase: Phase, lane: number): Steps<void>
  /** One iteration; undefined where the fit's flag cut it short. */
  iterate(crew: Crew, fit: HeldFit<F>): Steps<Progress | undefined>
  /** The batch that was set last, with its loss between the updates of W and H; undefined where the flag cut it short. */
  batch(crew: Crew, fit: HeldFit<F>, batch: Batch): Steps<Progress | undefined>
  /** Where the lanes over the rows of a batch begin and end. */
  batchBounds(fit: F, first: number, count: number): Uint32Array
  /** The loss of the factors as they are; nothing sets the flag meanwhile. */
  evaluate(crew: Crew, fit: HeldFit<F>): Steps<number>
}
