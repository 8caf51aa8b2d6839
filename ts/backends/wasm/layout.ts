/**
 * Where one fit keeps what in wasm memory, and how its work is cut into lanes. The cuts depend on the shape alone, never
 * on the number of threads: every lane sums in its own order, and lanes are added up in theirs, so that the bits of a
 * fit are the same on any machine. What all fits have is here; a family adds its own.
 */
import type { FitSpec, Rule } from '../backend.js'
import type { GramScheme } from './gram-layout.js'
import { type Dtype, sizeOf } from './kernels.js'

/** More lanes than this would cost more to add up than they gain; so no more threads are of use either. */
export const MAX_LANES = 32
/** A phase below this many operations (about 50 µs) is not worth waking a thread for. */
const PARALLEL_FLOPS = 2e6

/**
 * The f64 sums that each lane of a phase has, in a cache line of its own: of what the loss takes from the phase, of the
 * projected gradient, of that in later rounds, which nobody asks for, of the squares of a batch's X, and of what stochastic
 * steps tell of their gradient, side by side; and the largest of something.
 */
export const SUMS_BYTES = 64
export const SUM = {
  loss: 0,
  violation: 1,
  laterViolation: 2,
  squares: 3,
  squaredGradient: 4,
  alignment: 5,
  largest: 6,
} as const

/** How X is cut and who works on what; the name of an entry of FAMILIES. */
export type Scheme = GramScheme | 'entries' | 'tiles'

export interface Shape {
  readonly rows: number
  readonly columns: number
  readonly rank: number
  readonly dtype: Dtype
  /** The CSR row pointers of X and of its transpose; absent for dense X. */
  readonly indptr?: readonly [byRow: Uint32Array, byColumn: Uint32Array]
}

/** What a layout depends on beside the shape. */
export type Wants = Pick<FitSpec, 'beta' | 'rule' | 'extrapolate'>

/** What fits that extrapolate have beside W and Ht, in the same layout. */
export interface Extrapolation {
  /** The factors as the rule left them, before they moved on. */
  readonly moved: { readonly W: number; readonly Ht: number }
  /** The factors as the iteration found them. */
  readonly kept: { readonly W: number; readonly Ht: number }
  /** An f64: the share of its last step by which a factor moves on. */
  readonly weight: number
  /** An f64: the rounds of the rule in this iteration. */
  readonly rounds: number
}

/** Where a fit keeps what its threads are to know of a batch: four f64, and words. */
export interface BatchWords {
  readonly numbers: number
  readonly words: number
}

/** Addresses, strides and sizes are in bytes, all else in elements. Factors are zero in their padding. */
export interface BaseLayout {
  readonly scheme: Scheme
  readonly rows: number
  readonly columns: number
  readonly rank: number
  readonly dtype: Dtype
  /** Bytes of an element. */
  readonly size: number
  /** The rank as stored, a multiple of 4, and the same in bytes: the stride of W, Ht and their products. */
  readonly paddedRank: number
  readonly stride: number
  /** Dense: rows and columns as stored, multiples of 4. CSR: as they are. */
  readonly paddedRows: number
  readonly paddedColumns: number
  /** Lane l of a phase over rows has the rows rowBounds[l] to rowBounds[l + 1]; of one over columns likewise. */
  readonly rowBounds: Uint32Array
  readonly columnBounds: Uint32Array
  /** Everything, from the first address on. */
  readonly bytes: number
  /** What lies before this address is to be zero at first. */
  readonly cleared: number
  readonly W: number
  readonly Ht: number
  /** H as rank × columns, its rows `hStride` apart; 0 where X is CSR. */
  readonly H: number
  readonly hStride: number
  /** Absent where the fit does not extrapolate. */
  readonly extrapolation: Extrapolation | undefined
  readonly batch: BatchWords
  /** Every lane's SUMS_BYTES. */
  readonly sums: number
  /** Buffers of thread t lie `t * threadBytes` further on. */
  readonly threads: number
  readonly threadBytes: number
}

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple
}

/** Elements from one row to the next; rows some 2048 or 4096 bytes apart would fall into the same few sets of the cache. */
export function paddedStride(columns: number): number {
  return columns % 512 === 0 ? columns + 16 : columns
}

/** Lanes of whole units. */
export function evenBounds(count: number, unit: number, lanes: number): Uint32Array {
  const blocks = Math.ceil(count / unit)
  return Uint32Array.from({ length: lanes + 1 }, (_, lane) =>
    Math.min(count, Math.floor((lane * blocks) / lanes) * unit),
  )
}

/**
 * Bounds that give each lane about as many entries and rows (a row weighs `rank` entries) as any other. The row pointers are
 * those of all rows, or of some that follow one another.
 */
export function csrBounds(indptr: Uint32Array, rank: number, lanes: number): Uint32Array {
  const rows = indptr.length - 1
  const total = indptr[rows] - indptr[0] + rows * rank
  return Uint32Array.from({ length: lanes + 1 }, (_, lane) => {
    let low = 0
    for (let high = rows; low < high; ) {
      const middle = Math.floor((low + high) / 2)
      if (indptr[middle] - indptr[0] + middle * rank < (total * lane) / lanes) low = middle + 1
      else high = middle
    }
    return low
  })
}

/** Lanes for a phase of so many operations, at least half a million each; one where threads would not help. */
export function lanesFor(flops: number, most: number): number {
  if (flops < PARALLEL_FLOPS) return 1
  return Math.max(1, Math.min(MAX_LANES, Math.floor(flops / 5e5), most))
}

/** Hands out addresses from `base` on, each at a multiple of 64. */
export class Plan {
  readonly base: number
  #end: number

  constructor(base: number) {
    this.base = base
    this.#end = base
  }

  take(bytes: number): number {
    const address = this.#end
    this.#end += roundUp(bytes, 64)
    return address
  }

  /** Bytes handed out. */
  get bytes(): number {
    return this.#end - this.base
  }
}

/** Takes memory for extrapolation, which is to be zero at first, from the bytes of W and of Ht. */
export function planExtrapolation(plan: Plan, wants: Wants, W: number, Ht: number): Extrapolation | undefined {
  if (!wants.extrapolate) return undefined
  const both = () => ({ W: plan.take(W), Ht: plan.take(Ht) })
  return { moved: both(), kept: both(), weight: plan.take(8), rounds: plan.take(8) }
}

/** Takes memory for what batches are; see ts/backends/wasm/batch.ts. */
export function planBatch(plan: Plan): BatchWords {
  return { numbers: plan.take(32), words: plan.take(4 * (7 + MAX_LANES)) }
}

/** The rows of each of the arrays that batches carry over; see ts/backends/wasm/batch.ts. */
export function carriedRows({ paddedRows, paddedColumns }: BaseLayout, rule: Rule): readonly number[] {
  if (rule === 'sgd') return [paddedColumns]
  return rule === 'svrmu' ? [paddedColumns, paddedColumns, paddedRows] : [paddedColumns, paddedColumns]
}

/** What these arrays take. */
export function carriedBytes(layout: BaseLayout, rule: Rule): number {
  return carriedRows(layout, rule).reduce((bytes, rows) => bytes + rows * layout.stride, 0)
}

/** The sizes that follow from a shape. */
export function sizesOf({
  rows,
  columns,
  rank,
  dtype,
  indptr,
}: Shape): Pick<
  BaseLayout,
  'rows' | 'columns' | 'rank' | 'dtype' | 'size' | 'paddedRank' | 'stride' | 'paddedRows' | 'paddedColumns'
> {
  const size = sizeOf(dtype)
  const paddedRank = roundUp(rank, 4)
  const unit = indptr ? 1 : 4
  return {
    ...{ rows, columns, rank, dtype, size, paddedRank },
    stride: paddedRank * size,
    paddedRows: roundUp(rows, unit),
    paddedColumns: roundUp(columns, unit),
  }
}
