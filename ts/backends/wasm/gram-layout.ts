import type { Rule } from '../backend.js'
import { bppScratch, HALS_SCRATCH, onlineScratch, sgdScratch, svrmuScratch } from './kernels.js'
import {
  type BaseLayout,
  csrBounds,
  evenBounds,
  lanesFor,
  MAX_LANES,
  Plan,
  paddedStride,
  planBatch,
  planExtrapolation,
  roundUp,
  type Shape,
  SUMS_BYTES,
  sizesOf,
  type Wants,
} from './layout.js'
import { csrPartBytes } from './parts.js'

/** Rows that the kernel of XᵀW sums in registers; panels are multiples of it. */
const BLOCK = 48
/** Rows that lanes of panels are multiples of: in whole blocks, few lanes would differ by a tenth, and threads would wait. */
const LANE_UNIT = 16
/** Size of the part of X that is worked on at once, in bytes: about half a second-level cache. */
const PART = 768 << 10
/** The widest matrix whose panels of 48 rows are used whole. */
const WIDEST_PANEL = 8 << 20
/** All lanes' accumulators of one kind together. */
const LANES_LIMIT = 256 << 20
/** Entries of CSR rows that are worked on at once, and bytes of products with them. */
const CSR_ENTRIES = 1 << 16
const CSR_PRODUCTS = 128 << 10

/**
 * The gram family (Frobenius loss without weights).
 * - panels: dense X, read once an iteration; every lane of rows has an accumulator for XᵀW of its own.
 * - blocks: dense X that is too wide or too short for that; read twice, by rows for X·Hᵀ and by columns for XᵀW.
 * - gather: CSR; both products gather, by the rows of X and by the rows of its transpose.
 */
export type GramScheme = 'panels' | 'blocks' | 'gather'

export interface GramLayout extends BaseLayout {
  readonly scheme: GramScheme
  readonly part: Part
  /** HHᵀ and WᵀW, packed like the factors' rows. */
  readonly G: number
  readonly S: number
  /** Accumulators, one of each a lane: XᵀW (panels only), WᵀW and HHᵀ. */
  readonly laneA: number
  readonly laneS: number
  readonly laneG: number
  /** Where the rule is `svrmu`. */
  readonly reduction: Reduction | undefined
  /** Thread 0's buffers: a part of X, products (N or A), and scratch for the update. */
  readonly x: number
  readonly n: number
  readonly scratch: number
}

/** What updates with reduced variance take: W0 is the W of their snapshot. */
export interface Reduction {
  /** W0ᵀW0 of a batch's rows and of all rows. */
  readonly K: number
  readonly S0: number
  /** Accumulators of W0ᵀW0 and, panels only, of XᵀW0, one of each a lane. */
  readonly laneK: number
  readonly laneM: number
  /** Thread 0's buffer for XᵀW0, panels excepted. */
  readonly m: number
}

/** Dense: rows and columns of X that are worked on at once, by rows and by columns. CSR: rows and entries. */
export interface Part {
  readonly rows: number
  readonly columns: number
  readonly transposedRows: number
  readonly transposedColumns: number
  readonly entries: number
}

type Sizes = ReturnType<typeof sizesOf>
/** What the lanes over rows depend on beside their number. */
type LaneSizes = Pick<Sizes, 'paddedColumns' | 'paddedRank' | 'stride'>
type Cuts = Pick<GramLayout, 'scheme' | 'part' | 'rowBounds' | 'columnBounds'>

/** As many lanes, but no more than their squares of rank × rank may take. */
function affordable(lanes: number, { paddedRank, stride }: LaneSizes): number {
  return Math.max(1, Math.min(lanes, Math.floor(LANES_LIMIT / (paddedRank * stride))))
}

/** Multiply-adds, twice, of both products with so many rows of dense X. */
function flopsOf(rows: number, { paddedColumns, paddedRank }: LaneSizes): number {
  return 4 * rows * paddedColumns * paddedRank
}

/** Lanes over so many rows of X in panels, of all of them or of a batch. */
function panelLanes(rows: number, sizes: LaneSizes): number {
  const blocks = Math.ceil(rows / BLOCK)
  const wanted = blocks < 64 ? Math.min(8, blocks >> 1) : blocks < 256 ? 16 : MAX_LANES
  return affordable(lanesFor(flopsOf(rows, sizes), wanted), sizes)
}

/** Where lanes over so many rows of X in blocks begin and end; `most` of them at most. */
function blockBounds(rows: number, sizes: LaneSizes, most = MAX_LANES): Uint32Array {
  const unit = Math.min(BLOCK, Math.max(16, roundUp(Math.ceil(rows / 8), 4)))
  const lanes = affordable(lanesFor(flopsOf(rows, sizes) / 2, Math.ceil(rows / unit)), sizes)
  return evenBounds(rows, unit, Math.min(lanes, most))
}

/** Where lanes over some CSR rows, of the whole matrix or of a batch, begin and end. */
function gatherBounds(indptr: Uint32Array, nonzeros: number, sizes: LaneSizes): Uint32Array {
  const { paddedRank } = sizes
  const rows = indptr.length - 1
  const lanes = affordable(lanesFor(2 * paddedRank * (nonzeros + 2 * rows * paddedRank), rows), sizes)
  return csrBounds(indptr, paddedRank, lanes)
}

/** Where the lanes over the rows of a batch begin and end; no more of them than over all rows. */
export function gramBatchBounds(
  layout: GramLayout,
  indptr: Uint32Array | undefined,
  first: number,
  count: number,
): Uint32Array {
  if (indptr) return gatherBounds(indptr, indptr[count] - indptr[0], layout).map(row => first + row)
  const most = layout.rowBounds.length - 1
  const bounds =
    layout.scheme === 'panels'
      ? evenBounds(count, BLOCK, Math.min(most, panelLanes(count, layout)))
      : blockBounds(count, layout, most)
  return bounds.map(row => first + row)
}

function denseCuts(sizes: Sizes): Cuts {
  const { paddedRows: rows, paddedColumns: columns, paddedRank, stride, size } = sizes
  const xStride = paddedStride(columns)
  const columnFlops = columns * paddedRank * 4 * (paddedRank + 4)
  const columnLanes = affordable(lanesFor(columnFlops, Math.ceil(columns / 64)), sizes)
  const columnBounds = evenBounds(columns, 64, columnLanes)
  const lanes = panelLanes(rows, sizes)
  const few = lanesFor(flopsOf(rows, sizes), 4) > lanes
  if (!few && lanes * columns * stride <= LANES_LIMIT && BLOCK * xStride * size <= WIDEST_PANEL) {
    const fitting = Math.floor(PART / (size * (xStride + 2 * paddedRank) * BLOCK))
    const part = { rows: Math.min(rows, BLOCK * Math.max(1, fitting)), columns }
    return {
      scheme: 'panels',
      part: { ...part, transposedRows: 0, transposedColumns: 256, entries: 0 },
      rowBounds: evenBounds(rows, LANE_UNIT, lanes),
      columnBounds,
    }
  }
  const rowsOf = (width: number) =>
    Math.min(rows, BLOCK * Math.max(1, Math.floor(PART / (size * BLOCK * paddedStride(width)))))
  const width = Math.min(columns, 4096)
  const transposedWidth = Math.min(columns, 1024)
  return {
    scheme: 'blocks',
    part: {
      rows: rowsOf(width),
      columns: width,
      transposedRows: rowsOf(transposedWidth),
      transposedColumns: transposedWidth,
      entries: 0,
    },
    rowBounds: blockBounds(rows, sizes),
    columnBounds,
  }
}

function csrCuts(sizes: Sizes, [byRow, byColumn]: NonNullable<Shape['indptr']>): Cuts {
  const { rows, columns, stride } = sizes
  const nonzeros = byRow[rows]
  return {
    scheme: 'gather',
    part: {
      rows: Math.min(Math.max(4, Math.floor(CSR_PRODUCTS / stride)), Math.max(rows, columns)),
      columns: 0,
      transposedRows: 0,
      transposedColumns: 0,
      entries: Math.min(CSR_ENTRIES, nonzeros),
    },
    rowBounds: gatherBounds(byRow, nonzeros, sizes),
    columnBounds: gatherBounds(byColumn, nonzeros, sizes),
  }
}

/** The layout of a fit whose memory starts at `base`; `bytes` does not depend on `base`. */
export function gramLayout(shape: Shape, wants: Wants, maxThreads: number, base: number): GramLayout {
  const sizes = sizesOf(shape)
  const { size, paddedRank, stride, paddedRows, paddedColumns } = sizes
  const cuts = shape.indptr ? csrCuts(sizes, shape.indptr) : denseCuts(sizes)
  const { scheme, part } = cuts
  const rowLanes = cuts.rowBounds.length - 1
  const columnLanes = cuts.columnBounds.length - 1
  const lanes = Math.max(rowLanes, columnLanes)
  const threads = Math.min(maxThreads, lanes)

  const plan = new Plan(base)
  const square = paddedRank * stride
  const hStride = shape.indptr ? 0 : paddedStride(paddedColumns) * size
  const addresses = {
    W: plan.take(paddedRows * stride),
    Ht: plan.take(paddedColumns * stride),
    H: hStride === 0 ? 0 : plan.take(paddedRank * hStride),
    extrapolation: planExtrapolation(plan, wants, paddedRows * stride, paddedColumns * stride),
    G: plan.take(square),
    S: plan.take(square),
    laneA: scheme === 'panels' ? plan.take(rowLanes * paddedColumns * stride) : 0,
    laneS: plan.take(rowLanes * square),
    laneG: plan.take(columnLanes * square),
    sums: plan.take(lanes * SUMS_BYTES),
    batch: planBatch(plan),
  }
  const ofLanes = wants.rule === 'svrmu' && {
    K: plan.take(square),
    S0: plan.take(square),
    laneK: plan.take(rowLanes * square),
    laneM: scheme === 'panels' ? plan.take(rowLanes * paddedColumns * stride) : 0,
  }
  const fixed = plan.bytes
  const products = Math.max(part.rows, scheme === 'blocks' ? part.transposedColumns : 0) * stride
  const buffers = {
    x: plan.take(partBytes(scheme, part, size)),
    n: plan.take(products),
    scratch: plan.take(scratchBytes(wants.rule, paddedRank, stride)),
  }
  const reduction = ofLanes ? { ...ofLanes, m: scheme === 'panels' ? 0 : plan.take(products) } : undefined
  const threadBytes = plan.bytes - fixed
  return {
    ...{ ...sizes, ...cuts, ...addresses, ...buffers, reduction },
    ...{ hStride, threads, threadBytes, cleared: addresses.G },
    bytes: fixed + threads * threadBytes,
  }
}

function scratchBytes(rule: Rule, rank: number, stride: number): number {
  if (rule === 'bpp') return bppScratch(rank)
  const own = HALS_SCRATCH * rank
  if (rule === 'mu') return Math.max(own, onlineScratch(stride))
  if (rule === 'sgd') return Math.max(own, sgdScratch(stride))
  return rule === 'svrmu' ? Math.max(own, svrmuScratch(stride)) : own
}

function partBytes(scheme: GramScheme, part: Part, size: number): number {
  if (scheme === 'gather') return csrPartBytes(part.rows, part.entries, size)
  const elements = part.rows * paddedStride(part.columns)
  if (scheme === 'panels') return size * elements
  return size * Math.max(elements, part.transposedRows * paddedStride(part.transposedColumns))
}
