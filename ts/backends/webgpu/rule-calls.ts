import { type Call, fourfold, grid, input, type Operand, tiles } from './calls.js'
import type { Stays, Waits } from './holds.js'
import type { Room } from './plan.js'

/** A sum in parts, one after the other, that its reader adds. */
export interface Sum {
  readonly operand: Operand
  readonly parts: number
  /** Entries of a part; default: those of the factor, or of a Gram matrix. */
  readonly partLength?: number
}

/** What bounds the moves of a factor, and is added to its gradient. */
export interface Bounds {
  /** Components that move: the first so many. */
  readonly moving: number
  readonly most: number
  readonly l1: number
  readonly l2: number
}

/** Rows that a thread of `mu_update` owns: one as long as four leave a GPU's threads idle. */
export function muRows(rows: number, rank: number, { parallel, busyThreads }: Room): 1 | 4 {
  return parallel && tiles(rows) * tiles(rank) < busyThreads ? 1 : 4
}

export function muUpdate(
  o: Stays & {
    rows: number
    rank: number
    /** Rows of a thread. */
    height: 1 | 4
    N: Sum
    G: Sum
    bounds: Bounds
    F: Operand
    /** Where the new rows go; not F itself. */
    into: Operand
  },
): Call {
  const aligned = fourfold(o.rank)
  return {
    kernel: 'mu_update',
    variant: { ALIGNED: aligned, ROWS: o.height },
    params: [o.rows, o.rank, o.N.parts, o.rows * o.rank, o.G.parts, o.bounds.moving, o.frozen ?? 0],
    scalars: [o.bounds.l1, o.bounds.l2, o.bounds.most],
    reads: [...input(aligned, o.F), o.N.operand, ...input(aligned, o.G.operand), o.holds],
    writes: [o.into],
    groups: grid(Math.ceil(o.rows / o.height) * tiles(o.rank)),
  }
}

/** Where a rule leaves the terms of Σ |projected gradient|. */
export interface Violation {
  readonly operand: Operand
  readonly first: number
}

/**
 * Threads of `hals_update` that share a row, of those that hand values to each other: on a GPU so many that the row can be
 * held in their registers, if there are; else more while rows do not keep the device busy.
 */
export function halsLanes(rows: number, rank: number, { parallel, busyThreads, near }: Room): HalsLanes {
  const held = parallel && tiles(rank) <= near
  let count = 1
  while (2 * count <= near && (held || 2 * count * rows <= busyThreads) && count < tiles(rank)) count *= 2
  return { count, held }
}

export interface HalsLanes {
  readonly count: number
  /** Whether each has one tile of its row at most, and keeps it. */
  readonly held: boolean
}

/** While it waits it takes one round whatever `rounds` says. */
export function halsUpdate(
  o: Waits & {
    rows: number
    rank: number
    /** Threads of a row. */
    lanes: HalsLanes
    rounds: number
    bounds: Bounds
    N: Sum
    /** In one part. */
    G: Operand
    F: Operand
    violation: Violation
  },
): Call {
  const { rows, rank, lanes, rounds, single = 0, frozen = 0, bounds, N, violation } = o
  const aligned = fourfold(rank)
  const partLength = N.partLength ?? rows * rank
  return {
    kernel: 'hals_update',
    variant: { ALIGNED: aligned, LANES: lanes.count, HELD: lanes.held },
    params: [rows, rank, bounds.moving, N.parts, partLength, violation.first, rounds, single, frozen],
    scalars: [bounds.l1, bounds.l2, bounds.most],
    reads: [N.operand, ...input(aligned, o.G), o.holds],
    writes: [o.F, violation.operand],
    groups: grid(rows * lanes.count),
  }
}

/** How pg_step finds the bound of a row's curvature: a sum of `terms` values, `step` apart, from row · `stride` on. */
export interface Curvature {
  readonly operand: Operand
  readonly terms: number
  readonly step: number
  readonly stride: number
}

/** Terms of the violation that a projected gradient step leaves. */
export function pgTerms(rows: number, rank: number): number {
  return rows * tiles(rank)
}

export function pgStep(
  o: Waits & {
    rows: number
    rank: number
    step: number
    bounds: Bounds
    N: Sum
    P: Sum
    /** Whether P has one row for all. */
    shared: boolean
    L: Curvature
    F: Operand
    violation: Violation
    /** Whether the violation is wanted. */
    measure: boolean
  },
): Call {
  const { rows, rank, bounds, N, P, L, violation } = o
  const entries = rows * rank
  const sums = [N.parts, N.partLength ?? entries, P.parts, P.partLength ?? entries, o.shared ? 0 : rank]
  return {
    kernel: 'pg_step',
    params: [
      ...[rows, rank, bounds.moving, ...sums, L.terms, L.step, L.stride, violation.first, Number(o.measure)],
      ...[o.single ?? 0, o.frozen ?? 0],
    ],
    scalars: [o.step, bounds.l1, bounds.l2, bounds.most],
    reads: [N.operand, P.operand, L.operand, o.holds],
    writes: [o.F, violation.operand],
    groups: grid(pgTerms(rows, rank)),
  }
}

export function extrapolateBy(o: { length: number; most: number; momentum: Operand; F: Operand; P: Operand }): Call {
  return {
    kernel: 'extrapolate',
    params: [o.length],
    scalars: [o.most],
    reads: [o.momentum],
    writes: [o.F, o.P],
    groups: grid(o.length),
  }
}

/** How the partial sums of a slot make a loss: a constant, and two runs of them with a factor each. */
export interface LossParts {
  readonly ab: number
  readonly cd: number
  readonly abFactor: number
  readonly cdFactor: number
}

export function momentumOf(o: { loss: LossParts; adopt: boolean; momentum: Operand; slot: Operand }): Call {
  const { ab, cd, abFactor, cdFactor } = o.loss
  return {
    kernel: 'momentum',
    params: [ab, cd, Number(o.adopt)],
    scalars: [abFactor, cdFactor],
    reads: [],
    writes: [o.momentum, o.slot],
    groups: [1, 1, 1],
  }
}

/** What is there and what is kept of it, `length` entries each, a multiple of 4. */
export interface Kept {
  readonly length: number
  readonly now: Operand | undefined
  readonly kept: Operand | undefined
}

export function settleOf(o: { momentum: Operand; W: Kept; Ht: Kept; G: Kept }): Call {
  const all = [o.W, o.Ht, o.G]
  const fours = all.map(({ length }) => length / 4)
  return {
    kernel: 'settle',
    params: fours,
    reads: [o.momentum],
    writes: all.flatMap(({ now, kept }) => [now, kept]),
    groups: grid(fours.reduce((a, b) => a + b)),
  }
}

export function sumTerms(o: {
  length: number
  /** Where the partial sums begin, and their second halves. */
  first: number
  low: number
  groups: number
  terms: Operand
  into: Operand
}): Call {
  return {
    kernel: 'sum_terms',
    // the last is the `zero` of opaque.wgsl
    params: [o.length, o.first, o.low, 0],
    reads: [o.terms],
    writes: [o.into],
    groups: [o.groups, 1, 1],
  }
}
