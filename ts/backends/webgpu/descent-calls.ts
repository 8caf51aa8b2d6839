import { leastModel, type Placed } from './beta-calls.js'
import { type Call, grid, type Operand, tiles } from './calls.js'
import type { Holdout } from './data.js'
import type { Waits } from './holds.js'
import { WORKGROUP } from './pipelines.js'
import type { Room } from './plan.js'
import type { Bounds } from './rule-calls.js'

/** How a workgroup is shared among rows. */
export interface Shares {
  /** Threads of a row. */
  readonly lanes: number
  /** Values of all models that a workgroup holds. */
  readonly room: number
}

/** Threads that take a short row together. */
const FEW_LANES = 8

/** Shares for so many rows of about this length: all of a workgroup for each where they are long, or where rows are few. */
export function sharesFor(rows: number, length: number, { busyThreads, modelValues }: Room): Shares {
  const short = length <= FEW_LANES * 16 && rows * FEW_LANES >= busyThreads
  return { lanes: short ? FEW_LANES : WORKGROUP, room: modelValues }
}

/** Whether the model of a row of this length has no room in its workgroup. */
export function spills(length: number, { lanes, room }: Shares): boolean {
  return length > Math.floor((room * lanes) / WORKGROUP)
}

/** Where a sweep leaves what it comes to, and models for which a workgroup has no room: one list. */
export interface Scratch {
  readonly operand: Operand
  /** Of the rows' violations. */
  readonly firstTerm: number
  /** Of the rows' losses before the sweep; undefined: not wanted. */
  readonly firstLoss: number | undefined
  readonly firstSpill: number
}

interface Descent extends Waits {
  readonly rows: number
  readonly rank: number
  readonly beta: number
  readonly bounds: Bounds
  /** Of F. */
  readonly firstRow: number
  readonly shares: Shares
  readonly F: Operand
  readonly scratch: Scratch
}

function common({ beta, bounds, shares, rows }: Descent) {
  return {
    variant: { LANES: shares.lanes, ROOM: shares.room },
    scalars: [beta, leastModel(beta), bounds.l1, bounds.l2, bounds.most],
    groups: grid(rows * shares.lanes),
  }
}

/** A dense tile of X, rows of the factor that moves by it, and the weights of its entries. */
export interface WeighedTile {
  readonly X: Placed
  readonly V: Placed | undefined
  readonly holdout: Holdout | undefined
  /** Of the tile in all of X, or its first column where the tile's rows are columns of X. */
  readonly row: number
  readonly turned: boolean
}

/** Where its entries and their weights are, as kernels take it: see shaders/weights.wgsl. */
export function tileWords({ X, V, holdout, row, turned }: WeighedTile): number[] {
  const places = [X.first, X.stride, V?.first ?? 0, V?.stride ?? 0]
  const hash = [holdout?.key ?? 0, holdout?.threshold ?? 0, Number(holdout?.complement ?? false)]
  return [...places, V ? 1 : holdout ? 2 : 0, row, Number(turned), ...hash]
}

export function cdDense(
  o: Descent &
    WeighedTile & {
      readonly columns: number
      /** rank × columns */
      readonly O: Placed
    },
): Call {
  const { rows, columns, rank, bounds, firstRow, X, V, O, scratch, single = 0, frozen = 0 } = o
  const { firstTerm, firstLoss, firstSpill } = scratch
  const shared = common(o)
  return {
    kernel: 'cd_dense',
    params: [
      ...[rows, columns, rank, bounds.moving, firstRow, ...tileWords(o), O.stride],
      ...[Number(firstLoss !== undefined), firstTerm, firstLoss ?? 0, firstSpill, single, frozen],
    ],
    reads: [X.operand, V?.operand, O.operand, o.holds],
    writes: [o.F, scratch.operand],
    ...shared,
    variant: { ...shared.variant, HALF: X.half ?? false },
  }
}

/** Sums of the other factor's columns, in parts of its rank. */
export interface ColumnSums {
  readonly operand: Operand
  readonly parts: number
}

export function cdCsr(
  o: Descent & {
    indptr: Operand
    indices: Operand | undefined
    values: Operand | undefined
    /** What stands beside the entries: their weights, sums where the unlisted ones are zeros that count, or nothing. */
    beside: { weights: Operand | undefined } | { sums: ColumnSums }
    O: Operand | undefined
  },
): Call {
  const { rows, rank, bounds, firstRow, beside, scratch, single = 0, frozen = 0 } = o
  const { firstTerm, firstLoss, firstSpill } = scratch
  const sums = 'sums' in beside ? beside.sums : undefined
  const weights = 'weights' in beside ? beside.weights : undefined
  return {
    kernel: 'cd_csr',
    params: [
      ...[rows, rank, bounds.moving, firstRow, Number(weights !== undefined), sums?.parts ?? 0],
      ...[Number(firstLoss !== undefined), firstTerm, firstLoss ?? 0, firstSpill, single, frozen],
    ],
    reads: [o.indptr, o.indices, o.values, weights ?? sums?.operand, o.O, o.holds],
    writes: [o.F, scratch.operand],
    ...common(o),
  }
}

/** A part of a matrix turned. */
export function turn(o: { rows: number; columns: number; A: Placed; T: Placed }): Call {
  const { rows, columns, A, T } = o
  return {
    kernel: 'turn',
    variant: { HALF: A.half ?? false },
    params: [rows, columns, A.first, A.stride, T.first, T.stride],
    reads: [A.operand],
    writes: [T.operand],
    groups: grid(tiles(rows) * tiles(columns)),
  }
}
