import type { Rule } from '../backend.js'
import { type BetaLayout, betaSizes, planFactors, wantsWholeRows } from './beta-layout.js'
import { bppRowScratch } from './kernels.js'
import {
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
  type Wants,
} from './layout.js'

/** Rows of a tile at most, and bytes of a row of it; some five tiles are to fit a second-level cache. */
const ROWS = 64
const ROW_BYTES = 2048
/** Bytes of a tile of rows that come whole. */
const WHOLE_ROWS_BYTES = 512 << 10
/**
 * Operations an entry and component, of rules that go by the gradient, of coordinate descent, and of exact minima, where a Gram
 * matrix takes one more for each component.
 */
const GRADIENT_FLOPS = 6
const DESCENT_FLOPS = 10
const PIVOTING_FLOPS = 6

/** The tile family: W·H of one tile of X (or of its transpose, for H) after the other. */
export interface TileLayout extends BetaLayout {
  readonly scheme: 'tiles'
  /** The tiles of either side: rows of its factor, and elements from one of their rows to the next. */
  readonly tiles: Readonly<Record<'W' | 'H', TileShape>>
  /** Rows of X that are transposed at once. */
  readonly turnedRows: number
  /**
   * Thread 0's buffers, of a tile each: X, weights, the model, what pushes back, curvature, and a block that is yet to be
   * transposed; then N, P and L of the tile's rows, and scratch for the model. 0 where a fit does without.
   */
  readonly x: number
  readonly v: number
  readonly u: number
  readonly push: number
  readonly bend: number
  readonly turned: number
  readonly n: number
  readonly p: number
  readonly l: number
  readonly scratch: number
}

export interface TileShape {
  readonly rows: number
  readonly columns: number
  readonly stride: number
}

function tileOf(rows: number, columns: number, rule: Rule, size: number): TileShape {
  const whole = wantsWholeRows(rule)
  const width = whole ? columns : Math.min(columns, ROW_BYTES / size)
  // the model is computed in whole pairs of vectors
  const stride = paddedStride(roundUp(width, 8))
  const most = whole ? Math.max(1, Math.floor(WHOLE_ROWS_BYTES / (stride * size))) : ROWS
  return { rows: Math.min(rows, ROWS, most), columns: width, stride }
}

/** Lanes of 16 to 64 rows at a time, fewer for short factors; `most` at most. */
function boundsOf(count: number, flops: number, most = MAX_LANES): Uint32Array {
  const unit = Math.min(ROWS, Math.max(16, roundUp(Math.ceil(count / 32), 4)))
  return evenBounds(count, unit, Math.min(most, lanesFor(flops, Math.ceil(count / unit))))
}

/** Where the lanes over the rows of a batch begin and end; no more of them than over all rows. */
export function tileBatchBounds(layout: TileLayout, first: number, count: number): Uint32Array {
  const { columns, paddedRank, rowBounds } = layout
  const flops = GRADIENT_FLOPS * count * columns * paddedRank
  return boundsOf(count, flops, rowBounds.length - 1).map(row => first + row)
}

export function tileLayout(
  shape: Shape,
  wants: Wants,
  weighted: boolean,
  maxThreads: number,
  base: number,
): TileLayout {
  const { rule, beta } = wants
  const sizes = betaSizes(shape)
  const { rows, columns, paddedRank, stride, size } = sizes
  const perEntry = rule === 'bpp' ? PIVOTING_FLOPS + paddedRank : rule === 'hals' ? DESCENT_FLOPS : GRADIENT_FLOPS
  const flops = perEntry * rows * columns * paddedRank
  const rowBounds = boundsOf(rows, flops)
  const columnBounds = boundsOf(columns, flops)
  const most = Math.max(rowBounds.length, columnBounds.length) - 1
  const threads = Math.min(maxThreads, most)
  const evenPush = beta === 1 && !weighted
  const tiles = { W: tileOf(rows, columns, rule, size), H: tileOf(columns, rows, rule, size) }
  const elements = Math.max(tiles.W.rows * tiles.W.stride, tiles.H.rows * tiles.H.stride)
  const tallest = Math.max(tiles.W.rows, tiles.H.rows)
  const turnedRows = Math.min(rows, ROW_BYTES / size)

  const plan = new Plan(base)
  const factors = planFactors(plan, sizes, rule, true)
  const extrapolation = planExtrapolation(plan, wants, rows * stride, columns * stride)
  const laneTotals = plan.take(most * 8 * paddedRank)
  const cleared = base + plan.bytes
  const sums = plan.take(most * SUMS_BYTES)
  const batch = planBatch(plan)
  const fixed = plan.bytes
  const tile = (wanted: boolean) => (wanted ? plan.take(elements * size) : 0)
  const buffers = {
    x: tile(true),
    v: tile(weighted),
    // coordinate descent keeps the model of one row there, in f64
    u: plan.take(Math.max(elements * size, 8 * Math.max(tiles.W.stride, tiles.H.stride))),
    push: tile(!wantsWholeRows(rule) && !evenPush),
    bend: tile(rule === 'pg'),
    turned: plan.take(turnedRows * paddedStride(tiles.H.rows) * size),
    n: plan.take(tallest * stride),
    p: plan.take(tallest * stride),
    l: plan.take(tallest * 2 * size),
    scratch: plan.take(Math.max(roundUp(tallest, 4) * stride, rule === 'bpp' ? bppRowScratch(paddedRank) : 0)),
  }
  const threadBytes = plan.bytes - fixed
  return {
    ...{ scheme: 'tiles', ...sizes, tiles, turnedRows, rowBounds, columnBounds, factors, extrapolation },
    ...{ laneTotals, cleared, sums, batch },
    ...{ ...buffers, W: factors.W.rows, Ht: factors.H.rows, H: factors.H.across, hStride: factors.H.acrossStride },
    ...{ evenPush, threads, threadBytes },
    bytes: fixed + threads * threadBytes,
  }
}
