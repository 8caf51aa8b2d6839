import { LEAST_MODEL } from '../../kernels/beta.js'
import { type Call, fourfold, grid, input, type Operand, tiles } from './calls.js'
import type { CsrPanel, Holdout } from './data.js'
import type { Stays, Waits } from './holds.js'
import { type Looked, lookedWords, type Parts } from './product-calls.js'
import type { Bounds, Sum } from './rule-calls.js'

/** u as powers take it is no less than this in float32: see `safe` in ts/kernels/beta.ts. */
export function leastModel(beta: number): number {
  if (beta > 2) return 2 ** -100
  return beta < 1 ? 2 ** -Math.floor(100 / (3 - beta)) : LEAST_MODEL
}

export function whDense(o: {
  rows: number
  columns: number
  rank: number
  stride: number
  /** Of W. */
  firstRow: number
  /** Whether H is Hᵀ, whose stride is the rank. */
  transposed: boolean
  W: Operand | undefined
  H: Operand | undefined
  U: Operand
}): Call {
  const { rows, columns, rank, stride, firstRow, transposed, W, H, U } = o
  const aligned = fourfold(columns, rank, stride)
  return {
    kernel: 'wh_dense',
    variant: { ALIGNED: aligned, TRANSPOSED: transposed },
    params: [rows, columns, rank, stride, firstRow],
    reads: [...input(aligned, W), ...input(aligned, H)],
    writes: [U],
    groups: grid(tiles(rows) * tiles(columns)),
  }
}

/** What is wanted of the terms of entries: both halves of the gradient or one, curvatures, the loss. */
export interface Wanted {
  readonly push: boolean
  readonly bend: boolean
  readonly measure: boolean
}

/** Where a tile lies in a matrix that has more. */
export interface Placed {
  readonly operand: Operand | undefined
  readonly first: number
  readonly stride: number
  /** Whether it is in half precision; default false. */
  readonly half?: boolean
}

/** Terms of the loss that a tile leaves. */
export function tileTerms(rows: number, columns: number): number {
  return rows * tiles(columns)
}

export function betaTerms(o: {
  rows: number
  columns: number
  /** Columns that are no padding. */
  inside: number
  beta: number
  wanted: Wanted
  /** Whether the loss is added to what tiles before have left. */
  adds: boolean
  X: Placed
  V: Placed | undefined
  holdout: Holdout | undefined
  /** Of the tile in all of X. */
  row: number
  U: Operand
  P: Operand | undefined
  C: Operand | undefined
  terms: Operand | undefined
}): Call {
  const { rows, columns, wanted, X, V, holdout } = o
  const places = [X.first, X.stride, V?.first ?? 0, V?.stride ?? 0]
  const measure = wanted.measure ? (o.adds ? 2 : 1) : 0
  const flags = [V ? 1 : holdout ? 2 : 0, Number(wanted.push), Number(wanted.bend), measure]
  const hash = [o.row, holdout?.key ?? 0, holdout?.threshold ?? 0, Number(holdout?.complement ?? false)]
  return {
    kernel: 'beta_terms',
    variant: { HALF: X.half ?? false },
    params: [rows, columns, o.inside, ...places, ...flags, ...hash],
    scalars: [o.beta, leastModel(o.beta)],
    reads: [X.operand, V?.operand],
    writes: [o.U, o.P, o.C, o.terms],
    groups: grid(tileTerms(rows, columns)),
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
  wanted: Wanted
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
