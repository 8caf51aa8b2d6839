import { type BetaLayout, betaSizes, planFactors, wantsWholeRows } from './beta-layout.js'
import { bppRowScratch } from './kernels.js'
import {
  csrBounds,
  lanesFor,
  Plan,
  planBatch,
  planExtrapolation,
  roundUp,
  type Shape,
  SUMS_BYTES,
  type Wants,
} from './layout.js'
import { csrPartBytes } from './parts.js'

/** Entries of CSR rows that are worked on at once, and bytes of products with them. */
const ENTRIES = 1 << 16
const PRODUCTS = 128 << 10
/**
 * Operations an entry and component, of rules that go by the gradient, of coordinate descent, and of exact minima, where a Gram
 * matrix takes one more for each component.
 */
const GRADIENT_FLOPS = 4
const DESCENT_FLOPS = 16
const PIVOTING_FLOPS = 6

/** The entries family: CSR X, by its rows and by those of its transpose. */
export interface EntriesLayout extends BetaLayout {
  readonly scheme: 'entries'
  /** Rows and entries that are worked on at once. */
  readonly part: { readonly rows: number; readonly entries: number }
  /** Thread 0's buffers: a part of X, N, P and L of its rows, and scratch for rules that see rows whole. */
  readonly x: number
  readonly n: number
  readonly p: number
  readonly l: number
  readonly scratch: number
}

function longestRow(indptr: Uint32Array): number {
  let longest = 0
  for (let i = 1; i < indptr.length; i++) longest = Math.max(longest, indptr[i] - indptr[i - 1])
  return longest
}

/** Where lanes over some rows, of the whole matrix or of a batch, begin and end. */
function boundsOf(indptr: Uint32Array, nonzeros: number, paddedRank: number, perEntry: number): Uint32Array {
  const rows = indptr.length - 1
  return csrBounds(indptr, paddedRank, lanesFor(perEntry * paddedRank * (nonzeros + rows), rows))
}

/** Where the lanes over the rows of a batch begin and end, from their row pointers; no more of them than over all rows. */
export function entriesBatchBounds({ paddedRank }: EntriesLayout, indptr: Uint32Array, first: number): Uint32Array {
  const nonzeros = indptr[indptr.length - 1] - indptr[0]
  return boundsOf(indptr, nonzeros, paddedRank, GRADIENT_FLOPS).map(row => first + row)
}

/** @param weighted whether the entries have weights; without them the unlisted entries are zeros that count */
export function entriesLayout(
  shape: Shape & { readonly indptr: NonNullable<Shape['indptr']> },
  wants: Wants,
  weighted: boolean,
  maxThreads: number,
  base: number,
): EntriesLayout {
  const { rule } = wants
  const sizes = betaSizes(shape)
  const { rows, columns, paddedRank, stride, size } = sizes
  const [byRow, byColumn] = shape.indptr
  const nonzeros = byRow[rows]
  const perEntry = rule === 'bpp' ? PIVOTING_FLOPS + paddedRank : rule === 'hals' ? DESCENT_FLOPS : GRADIENT_FLOPS
  const rowBounds = boundsOf(byRow, nonzeros, paddedRank, perEntry)
  const columnBounds = boundsOf(byColumn, nonzeros, paddedRank, perEntry)
  const most = Math.max(rowBounds.length, columnBounds.length) - 1
  const threads = Math.min(maxThreads, most)
  const longest = wantsWholeRows(rule) ? Math.max(longestRow(byRow), longestRow(byColumn)) : 0
  const part = {
    rows: Math.min(Math.max(4, Math.floor(PRODUCTS / stride)), Math.max(rows, columns)),
    entries: Math.max(longest, Math.min(ENTRIES, nonzeros)),
  }

  const plan = new Plan(base)
  const factors = planFactors(plan, sizes, rule, false)
  const extrapolation = planExtrapolation(plan, wants, rows * stride, columns * stride)
  const laneTotals = plan.take(most * 8 * paddedRank)
  const cleared = base + plan.bytes
  const sums = plan.take(most * SUMS_BYTES)
  const batch = planBatch(plan)
  const fixed = plan.bytes
  const buffers = {
    x: plan.take(csrPartBytes(part.rows, part.entries, weighted ? 2 * size : size)),
    n: plan.take(part.rows * stride),
    p: weighted ? plan.take(part.rows * stride) : 0,
    l: rule === 'pg' ? plan.take(part.rows * size) : 0,
    scratch: plan.take(rule === 'bpp' ? bppRowScratch(paddedRank) : (paddedRank + 2) * roundUp(longest, 4) * size),
  }
  const threadBytes = plan.bytes - fixed
  return {
    ...{
      scheme: 'entries',
      ...sizes,
      part,
      rowBounds,
      columnBounds,
      factors,
      extrapolation,
      laneTotals,
      cleared,
      sums,
      batch,
    },
    ...buffers,
    ...{ W: factors.W.rows, Ht: factors.H.rows, H: 0, hStride: 0, evenPush: !weighted, threads, threadBytes },
    bytes: fixed + threads * threadBytes,
  }
}
