import { type Call, fourfold, grid, input, type Operand, tiles } from './calls.js'
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

export function muUpdate(o: {
  rows: number
  rank: number
  N: Sum
  G: Sum
  bounds: Bounds
  F: Operand
  /** Where the new rows go; not F itself. */
  into: Operand
}): Call {
  const aligned = fourfold(o.rank)
  return {
    kernel: 'mu_update',
    variant: { ALIGNED: aligned },
    params: [o.rows, o.rank, o.N.parts, o.rows * o.rank, o.G.parts, o.bounds.moving],
    scalars: [o.bounds.l1, o.bounds.l2, o.bounds.most],
    reads: [...input(aligned, o.F), o.N.operand, ...input(aligned, o.G.operand)],
    writes: [o.into],
    groups: grid(tiles(o.rows) * tiles(o.rank)),
  }
}

/** Where a rule leaves the terms of Σ |projected gradient|. */
export interface Violation {
  readonly operand: Operand
  readonly first: number
}

/** Threads of `hals_update` that share a row: more of those that hand values to each other, while rows do not keep a GPU busy. */
export function halsLanes(rows: number, rank: number, { busyThreads, near }: Room): number {
  let lanes = 1
  while (2 * lanes <= near && 2 * lanes * rows <= busyThreads && lanes < tiles(rank)) lanes *= 2
  return lanes
}

export function halsUpdate(o: {
  rows: number
  rank: number
  /** Threads of a row. */
  lanes: number
  rounds: number
  /** Iterations that take one round whatever `rounds` says. */
  single: number
  bounds: Bounds
  N: Sum
  /** In one part. */
  G: Operand
  F: Operand
  momentum: Operand | undefined
  violation: Violation
}): Call {
  const { rows, rank, lanes, rounds, single, bounds, N, violation } = o
  const aligned = fourfold(rank)
  const partLength = N.partLength ?? rows * rank
  return {
    kernel: 'hals_update',
    variant: { ALIGNED: aligned, LANES: lanes },
    params: [rows, rank, bounds.moving, N.parts, partLength, violation.first, rounds, single],
    scalars: [bounds.l1, bounds.l2, bounds.most],
    reads: [N.operand, ...input(aligned, o.G), o.momentum],
    writes: [o.F, violation.operand],
    groups: grid(rows * lanes),
  }
}

/** Values of scratch that a row of `bpp_update` takes: a triangle and three vectors, in pairs. */
export function bppValues(rank: number): number {
  return rank * (rank + 1) + 6 * rank
}

/** Bytes of scratch that one dispatch of `bpp_update` may take. */
const BPP_BYTES = 32 * 2 ** 20

/** Rows that one dispatch of `bpp_update` takes, a thread each. */
export function bppThreads(rows: number, rank: number, { bindingBytes }: Room): number {
  const most = Math.floor(Math.min(BPP_BYTES, bindingBytes) / (4 * bppValues(rank)))
  return Math.min(rows, Math.max(1, most))
}

/** In dispatches of `threads` rows each. */
export function bppUpdate(o: {
  rows: number
  rank: number
  threads: number
  bounds: Bounds
  N: Sum
  /** In one part. */
  G: Operand
  F: Operand
  scratch: Operand
  violation: Violation
}): Call[] {
  const { rows, rank, threads, bounds, N, violation } = o
  return Array.from({ length: Math.ceil(rows / threads) }, (_, at) => {
    const firstRow = at * threads
    const count = Math.min(threads, rows - firstRow)
    const sums = [N.parts, N.partLength ?? rows * rank]
    return {
      kernel: 'bpp_update',
      params: [count, rank, bounds.moving, firstRow, ...sums, violation.first, threads, 0],
      scalars: [bounds.l1, bounds.l2],
      reads: [N.operand, o.G],
      writes: [o.F, o.scratch, violation.operand],
      groups: grid(count),
    }
  })
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

export function pgStep(o: {
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
  /** Default: it waits for nothing. */
  single?: number
  momentum?: Operand
}): Call {
  const { rows, rank, bounds, N, P, L, violation } = o
  const entries = rows * rank
  const sums = [N.parts, N.partLength ?? entries, P.parts, P.partLength ?? entries, o.shared ? 0 : rank]
  return {
    kernel: 'pg_step',
    params: [
      ...[rows, rank, bounds.moving, ...sums, L.terms, L.step, L.stride, violation.first, Number(o.measure)],
      o.single ?? 0,
    ],
    scalars: [o.step, bounds.l1, bounds.l2, bounds.most],
    reads: [N.operand, P.operand, L.operand, o.momentum],
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
    params: [o.length, o.first, o.low],
    reads: [o.terms],
    writes: [o.into],
    groups: [o.groups, 1, 1],
  }
}
