import { type Call, grid, type Operand, tiles } from './calls.js'
import { tileWords, type WeighedTile } from './descent-calls.js'
import type { Stays } from './holds.js'
import type { Room } from './plan.js'
import type { Bounds, Sum, Violation } from './rule-calls.js'

/** Values of scratch that a row takes: a triangle and four vectors, in pairs; a system of its own is another triangle. */
export function bppValues(rank: number, isOwn: boolean): number {
  return rank * (rank + 1) * (isOwn ? 2 : 1) + 8 * rank
}

/** Bytes of scratch that one dispatch may take. */
const MOST_BYTES = 32 * 2 ** 20

/** Rows that one dispatch takes, a thread each. */
export function bppThreads(
  rows: number,
  rank: number,
  { bindingBytes }: Pick<Room, 'bindingBytes'>,
  isOwn: boolean,
): number {
  const most = Math.floor(Math.min(MOST_BYTES, bindingBytes) / (4 * bppValues(rank, isOwn)))
  return Math.min(rows, Math.max(1, most))
}

/** Bytes of scratch for a factor of so many rows at most. */
export function bppBytes(rows: number, rank: number, room: Pick<Room, 'bindingBytes'>, isOwn: boolean): number {
  return 4 * bppThreads(rows, rank, room, isOwn) * bppValues(rank, isOwn)
}

/** Rows of a factor that go to their minimum, in dispatches of `threads` rows each. */
export interface Pivoted extends Stays {
  readonly rows: number
  readonly rank: number
  readonly threads: number
  readonly bounds: Bounds
  /** Of F; default 0. */
  readonly firstRow?: number
  readonly F: Operand
  readonly scratch: Operand
  readonly violation: Violation
  /** Where the losses of rows with systems of their own go, as they were before; default: they are not wanted. */
  readonly firstLoss?: number
}

/** Some of the rows that a dispatch would take: `at` are those before them. */
interface Share {
  readonly at: number
  readonly count: number
}

function sharesOf({ rows, threads }: Pivoted): Share[] {
  return Array.from({ length: Math.ceil(rows / threads) }, (_, share) => {
    return { at: share * threads, count: Math.min(threads, rows - share * threads) }
  })
}

/** Where the flags of a share begin. */
function frozenOf({ frozen = 0 }: Pivoted, { at }: Share): number {
  return frozen && frozen + at
}

/** @param of what all rows have in common; undefined: each has a system of its own in the scratch */
function solve(o: Pivoted, share: Share, of: { readonly N: Sum; readonly G: Operand } | undefined): Call {
  const { rows, rank, threads, bounds, firstRow = 0, violation, firstLoss } = o
  const sums = [of?.N.parts ?? 0, of?.N.partLength ?? rows * rank]
  const losses = [Number(firstLoss !== undefined), (firstLoss ?? 0) + share.at]
  const places = [violation.first + share.at, threads, 0, Number(of === undefined), ...losses, frozenOf(o, share)]
  return {
    kernel: 'bpp_update',
    params: [share.count, rank, bounds.moving, firstRow + share.at, ...sums, ...places],
    scalars: [bounds.l1, bounds.l2, bounds.most],
    reads: [of?.N.operand, of?.G, o.holds],
    writes: [o.F, o.scratch, violation.operand],
    groups: grid(share.count),
  }
}

export function bppUpdate(
  o: Pivoted & {
    readonly N: Sum
    /** In one part. */
    readonly G: Operand
  },
): Call[] {
  return sharesOf(o).map(share => solve(o, share, o))
}

/** Threads that form the system of a row. */
function tilesOfRow({ moving }: Bounds): number {
  const fours = Math.max(1, tiles(moving))
  return (fours * (fours + 3)) / 2
}

/** What both kernels that form systems are told at last. */
function lastWords(o: Pivoted, share: Share): number[] {
  return [o.threads, 0, Number(o.firstLoss !== undefined), frozenOf(o, share)]
}

/** Systems are formed and solved, one share of the rows after the other. */
function byShares(o: Pivoted, form: (share: Share) => Omit<Call, 'writes' | 'groups'>): Call[] {
  const isStill = o.bounds.moving === 0 && o.firstLoss === undefined
  return sharesOf(o).flatMap(share => {
    const formed = { ...form(share), writes: [o.scratch], groups: grid(share.count * tilesOfRow(o.bounds)) }
    return [...(isStill ? [] : [formed]), solve(o, share, undefined)]
  })
}

export function bppDense(
  o: Pivoted &
    WeighedTile & {
      readonly columns: number
      /** columns × rank */
      readonly O: Operand | undefined
    },
): Call[] {
  const { columns, rank, bounds, firstRow = 0, X, V } = o
  return byShares(o, share => {
    const { at, count } = share
    const tile = {
      ...{ holdout: o.holdout, row: o.row + at, turned: o.turned },
      X: { ...X, first: X.first + at * X.stride },
      V: V && { ...V, first: V.first + at * V.stride },
    }
    return {
      kernel: 'bpp_dense',
      variant: { HALF: X.half ?? false },
      params: [count, columns, rank, bounds.moving, firstRow + at, ...tileWords(tile), ...lastWords(o, share)],
      scalars: [bounds.l1],
      reads: [X.operand, V?.operand, o.O, o.F, o.holds],
    }
  })
}

export function bppCsr(
  o: Pivoted & {
    readonly indptr: Operand
    readonly indices: Operand | undefined
    readonly values: Operand | undefined
    readonly weights: Operand | undefined
    readonly O: Operand | undefined
  },
): Call[] {
  const { rank, bounds, firstRow = 0 } = o
  return byShares(o, ({ at, count }) => ({
    kernel: 'bpp_csr',
    params: [count, rank, bounds.moving, firstRow + at, at, ...lastWords(o, { at, count })],
    scalars: [bounds.l1],
    reads: [o.indptr, o.indices, o.values, o.weights, o.O, o.F, o.holds],
  }))
}
