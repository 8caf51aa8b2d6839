import { LEAST_MODEL } from '../../kernels/beta.js'
import { type Call, grid, type Operand, tiles } from './calls.js'
import type { CsrPanel, Holdout } from './data.js'
import type { Stays, Waits } from './holds.js'
import { WORKGROUP } from './pipelines.js'
import type { Room } from './plan.js'
import { type Looked, lookedWords, type Parts } from './product-calls.js'
import type { Bounds, Sum } from './rule-calls.js'

/** u as powers take it is no less than this in float32: see `safe` in ts/kernels/beta.ts. */
export function leastModel(beta: number): number {
  if (beta > 2) return 2 ** -100
  return beta < 1 ? 2 ** -Math.floor(100 / (3 - beta)) : LEAST_MODEL
}

/** What is wanted of the terms of entries: halves of the gradient, curvatures, the loss. */
export interface Wanted {
  readonly pull: boolean
  readonly push: boolean
  readonly bend: boolean
  readonly measure: boolean
}

/** What is wanted beside what the data pull with. */
export type Beside = Omit<Wanted, 'pull'>

/** Where a tile lies in a matrix that has more. */
export interface Placed {
  readonly operand: Operand | undefined
  readonly first: number
  readonly stride: number
  /** Whether it is in half precision; default false. */
  readonly half?: boolean
}

/** Terms of the loss that a tile leaves, of so many values a row. */
export function tileTerms(rows: number, stride: number): number {
  return tiles(rows) * tiles(stride)
}

/** A tile of X with what makes its model, as kernels take it that stand behind model.wgsl. */
export interface Modelled {
  readonly rows: number
  /** That are no padding. */
  readonly columns: number
  /** Like all strides here, a multiple of 4. */
  readonly rank: number
  /** Of W. */
  readonly firstRow: number
  readonly beta: number
  readonly X: Placed
  readonly V: Placed | undefined
  readonly holdout: Holdout | undefined
  /** Of the tile in all of X. */
  readonly row: number
  readonly W: Operand | undefined
  readonly Ht: Operand | undefined
  readonly terms: Operand | undefined
  /** Whether the loss is added to what tiles before have left. */
  readonly adds: boolean
}

/** Its words, which other kernels have in other places. */
function modelWords({ X, V, holdout, row, adds }: Modelled, measure: boolean) {
  return {
    places: [X.first, X.stride, V?.first ?? 0, V?.stride ?? 0],
    weights: V ? 1 : holdout ? 2 : 0,
    measure: measure ? (adds ? 2 : 1) : 0,
    hash: [row, holdout?.key ?? 0, holdout?.threshold ?? 0, Number(holdout?.complement ?? false)],
  }
}

/** Threads of a workgroup of beta_tile that lie side by side, and below each other. */
const [ACROSS, DOWN] = [8, WORKGROUP / 8]

export function betaTile(
  o: Modelled & {
    /** Of Q, P and C. */
    stride: number
    wanted: Wanted
    Q: Operand | undefined
    P: Operand | undefined
    C: Operand | undefined
  },
): Call {
  const { rows, columns, rank, stride, wanted } = o
  const { places, weights, measure, hash } = modelWords(o, wanted.measure)
  const flags = [wanted.pull, wanted.push, wanted.bend].map(Number)
  return {
    kernel: 'beta_tile',
    variant: { HALF: o.X.half ?? false },
    params: [rows, columns, rank, stride, o.firstRow, ...places, weights, ...flags, measure, ...hash],
    scalars: [o.beta, leastModel(o.beta)],
    reads: [o.W, o.Ht, o.X.operand, o.V?.operand],
    writes: [o.Q, o.P, o.C, wanted.measure ? o.terms : undefined],
    groups: grid(Math.ceil(tiles(rows) / DOWN) * Math.ceil(tiles(stride) / ACROSS) * WORKGROUP),
  }
}

/** Threads of beta_xht_dense for so many rows of a factor, each with a term of the loss. */
export function xhtThreads(owned: number, rank: number): number {
  const down = Math.floor(WORKGROUP / tiles(rank))
  return Math.ceil(owned / (4 * down)) * WORKGROUP
}

/** Vectors of four values that every device grants a workgroup, and how many of a row it stages at most: 128 bytes. */
const [GRANTED, MOST_SPAN] = [1024, 8]

/** Overrides that say what a workgroup of beta_xht_dense stages. */
export type Staging = Readonly<Record<'SPAN' | 'STAGED' | 'PUSHES', number>>

/**
 * As many ranks at once as there is room for, a power of 2 times four; four where a driver on the CPU compiles a store for
 * every value of a workgroup's memory.
 */
export function stagingOf(rank: number, push: boolean, { parallel }: Pick<Room, 'parallel'>): Staging {
  const PUSHES = push ? 4 * WORKGROUP : 1
  if (!parallel) return { SPAN: 1, STAGED: 4 * (1 + WORKGROUP), PUSHES }
  const rows = 4 * (tiles(rank) + Math.floor(WORKGROUP / tiles(rank)))
  let SPAN = 1
  while (SPAN < Math.min(MOST_SPAN, tiles(rank)) && rows * ((2 * SPAN) | 1) <= GRANTED - 4 * WORKGROUP - PUSHES)
    SPAN *= 2
  return { SPAN, STAGED: rows * (SPAN | 1), PUSHES }
}

export function betaXhtDense(
  o: Modelled & {
    /** Whether the products are those of the columns. */
    turned: boolean
    /** Whether the loss is wanted. */
    measured: boolean
    /** Of the tile's rows in N. */
    first: number
    /** Of the other factor's rows: their step is a multiple of the rank. */
    parts: Parts
    /** Entries of one part of N. */
    partLength: number
    accumulate: boolean
    N: Operand
    /** What the model pushes back with, where that is wanted. */
    D: Operand | undefined
    /** See `stagingOf`. */
    staging: Staging
  },
): Call {
  const { rows, columns, rank, turned, parts } = o
  const { places, weights, measure, hash } = modelWords(o, o.measured)
  const sums = [o.first, parts.step, o.partLength, Number(o.accumulate)]
  const push = o.D !== undefined
  return {
    kernel: 'beta_xht_dense',
    variant: { HALF: o.X.half ?? false, TURNED: turned, PUSH: push, ...o.staging },
    params: [rows, columns, rank, o.firstRow, ...places, weights, measure, ...hash, ...sums],
    scalars: [o.beta, leastModel(o.beta)],
    reads: [o.W, o.Ht, o.X.operand, o.V?.operand],
    writes: [o.N, o.D, o.measured ? o.terms : undefined],
    groups: grid(xhtThreads(turned ? columns : rows, rank), parts.count),
  }
}

export function muRatio(
  o: Waits & {
    rows: number
    rank: number
    gamma: number
    bounds: Bounds
    N: Sum
    P: Sum
    /** Whether P has one row for all. */
    shared: boolean
    /** Of F; default 0. */
    firstRow?: number
    F: Operand
  },
): Call {
  const { rows, rank, gamma, bounds, N, P, shared } = o
  const entries = rows * rank
  const sums = [N.parts, N.partLength ?? entries, P.parts, P.partLength ?? entries, shared ? 0 : rank]
  return {
    kernel: 'mu_ratio',
    params: [rows, rank, bounds.moving, ...sums, o.firstRow ?? 0, o.single ?? 0, o.frozen ?? 0],
    scalars: [gamma, bounds.l1, bounds.l2, bounds.most],
    reads: [N.operand, P.operand, o.holds],
    writes: [o.F],
    groups: grid(entries),
  }
}

export function onlineUpdate(
  o: Stays & {
    rows: number
    rank: number
    gamma: number
    keep: number
    bounds: Bounds
    N: Sum
    P: Sum
    /** Whether P has one row for all. */
    shared: boolean
    F: Operand
    A: Operand
    B: Operand
  },
): Call {
  const { rows, rank, gamma, keep, bounds, N, P, shared } = o
  const entries = rows * rank
  const sums = [N.parts, N.partLength ?? entries, P.parts, P.partLength ?? entries, shared ? 0 : rank]
  return {
    kernel: 'online_update',
    params: [rows, rank, bounds.moving, ...sums, o.frozen ?? 0],
    scalars: [gamma, bounds.l1, bounds.l2, bounds.most, keep],
    reads: [N.operand, P.operand, o.holds],
    writes: [o.F, o.A, o.B],
    groups: grid(entries),
  }
}

export function columnSums(o: {
  rows: number
  rank: number
  parts: Parts
  /** Of F; default 0. */
  firstRow?: number
  F: Operand
  into: Operand
}): Call {
  return {
    kernel: 'column_sums',
    params: [o.rows, o.rank, o.parts.step, o.firstRow ?? 0],
    reads: [o.F],
    writes: [o.into],
    groups: grid(tiles(o.rank), o.parts.count),
  }
}

export function rowNorms(o: { rows: number; rank: number; F: Operand; into: Operand }): Call {
  return {
    kernel: 'row_norms',
    params: [o.rows, o.rank],
    reads: [o.F],
    writes: [o.into],
    groups: grid(o.rows),
  }
}

/** Terms of the loss that CSR rows leave. */
export function entryTerms(rows: number, parts: number): number {
  return rows * parts
}

export function betaEntries(o: {
  panel: Pick<CsrPanel, 'first' | 'count'>
  rank: number
  parts: number
  beta: number
  wanted: Beside
  /** Whether the unlisted entries are zeros that count. */
  zeros: boolean
  /** From one of the three lists of entries to the next. */
  partLength: number
  firstTerm: number
  /** Default: all that there are. */
  looked?: Looked
  indptr: Operand
  indices: Operand | undefined
  values: Operand | undefined
  weights: Operand | undefined
  F: Operand | undefined
  O: Operand | undefined
  entries: Operand | undefined
  terms: Operand | undefined
}): Call {
  const { panel, rank, parts, wanted, weights } = o
  const flags = [weights !== undefined, wanted.push, wanted.bend, wanted.measure, o.zeros].map(Number)
  return {
    kernel: 'beta_xht_csr',
    variant: { RANGED: o.looked?.indices !== undefined },
    params: [panel.count, rank, panel.first, parts, ...flags, o.partLength, o.firstTerm, ...lookedWords(o.looked)],
    scalars: [o.beta, leastModel(o.beta)],
    reads: [o.indptr, o.indices, o.values, weights, o.F, o.O],
    writes: [o.entries, o.terms],
    groups: grid(panel.count, parts),
  }
}

export function spreadCsr(o: {
  rows: number
  columns: number
  firstRow: number
  panel: CsrPanel
  into: Operand
}): Call {
  const { indptr, indices, values } = o.panel
  return {
    kernel: 'spread_csr',
    params: [o.rows, o.columns, o.firstRow],
    reads: [indptr, indices, values].map(buffer => ({ buffer })),
    writes: [o.into],
    groups: grid(o.rows),
  }
}
