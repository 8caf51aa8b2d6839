// Tiles of X and of its weights as kernels read them: rows of one side, the other's columns.

import type { Side } from './beta-family.js'
import { lowerBound } from './csr-rows.js'
import { paddedStride } from './layout.js'
import { type Block, blockOf } from './parts.js'
import type { CsrArrays, DenseSource } from './source.js'
import type { Thread, TileFit } from './thread.js'

const NOWHERE: Placed = { x: 0, xStride: 0 }

/** Rows `first` … of a side by columns `start` …; rows of copies lie `stride` elements apart. */
export interface Tile {
  readonly first: number
  readonly rows: number
  readonly start: number
  readonly columns: number
  readonly stride: number
}

/** An address and the bytes from one row to the next. */
export interface Placed {
  readonly x: number
  readonly xStride: number
}

/** A tile from blocks of X or its weights as they lie: for the side of H through `turned`, transposed to `to`. */
function oriented(
  fit: TileFit,
  { factor }: Side,
  { first, rows, start, columns, stride }: Tile,
  to: number,
  turned: number,
  block: (place: Block, buffer: number) => Placed,
): Placed {
  if (factor === 'W') return block({ row: first, column: start, rows, columns }, to)
  const { size, turnedRows } = fit.layout
  for (let row = start; row < start + columns; row += turnedRows) {
    const count = Math.min(turnedRows, start + columns - row)
    const { x, xStride } = block({ row, column: first, rows: count, columns: rows }, turned)
    fit.kernels.transpose(count, rows, x, xStride, to + (row - start) * size, stride * size)
  }
  return { x: to, xStride: stride * size }
}

/** For CSR X, the next entry of each of some rows of a side: their tiles are to be asked for from left to right. */
export function startRows(fit: TileFit, side: Side, first: number, rows: number): Uint32Array | undefined {
  const X = side.factor === 'W' ? fit.byRow : fit.byColumn
  if (!X) return undefined
  const { indptr, indices } = X
  const starts = indptr.slice(first, first + rows)
  if (!side.window) return starts
  const [column] = side.window
  return starts.map((start, i) => lowerBound(indices, start, indptr[first + i + 1], column, start))
}

/** Spreads the entries of CSR rows, whose columns ascend, into a tile. */
function spread(thread: Thread, fit: TileFit, X: CsrArrays, tile: Tile, cursors: Uint32Array, to: number): Placed {
  const { size } = fit.layout
  const xStride = tile.stride * size
  const { indptr, indices, values } = X
  const end = tile.start + tile.columns
  thread.zero(to, tile.rows * xStride)
  const reals = thread.reals(fit)
  for (let i = 0; i < tile.rows; i++) {
    const last = indptr[tile.first + i + 1]
    const row = to / size + i * tile.stride - tile.start
    let p = cursors[i]
    for (; p < last && indices[p] < end; p++) reals[row + indices[p]] += values[p]
    cursors[i] = p
  }
  return { x: to, xStride }
}

/** Where a tile of X lies; `to` and `turned` are the thread's buffers for it. */
export function loadX(
  thread: Thread,
  fit: TileFit,
  side: Side,
  tile: Tile,
  cursors: Uint32Array | undefined,
  to: number,
  turned: number,
): Placed {
  const X = side.factor === 'W' ? fit.byRow : fit.byColumn
  if (X && cursors) return spread(thread, fit, X, tile, cursors, to)
  const source = fit.source as DenseSource
  return oriented(fit, side, tile, to, turned, (place, buffer) => blockOf(thread, fit, source, place, buffer))
}

/** Where the weights of a tile lie; at address 0 where all are 1. */
export function loadWeights(thread: Thread, fit: TileFit, side: Side, tile: Tile, to: number, turned: number): Placed {
  const { weights, kernels, layout } = fit
  if (!weights) return NOWHERE
  if (weights.kind === 'dense') {
    return oriented(fit, side, tile, to, turned, (place, buffer) => blockOf(thread, fit, weights, place, buffer))
  }
  const { seed, threshold, complement } = weights
  return oriented(fit, side, tile, to, turned, ({ row, column, rows, columns }, buffer) => {
    const xStride = paddedStride(columns) * layout.size
    kernels.holdout(rows, columns, row, column, seed, threshold, complement, buffer, xStride)
    return { x: buffer, xStride }
  })
}
