// Some rows of a CSR matrix at a time, whole or cut to a window of their columns, in parts that fit a thread's buffer.
// Windows are for the transpose of X, of which a batch has some columns: these ascend in each row, so that two searches
// find the part of a row that lies in the window.

import { type CsrList, copyEntries, copyPlace, csrPart } from './parts.js'
import type { CsrArrays } from './source.js'
import type { EntriesFit, GatherFit, Thread } from './thread.js'

type CsrFit = EntriesFit | GatherFit

/** Columns that count: the first, and the one after the last. */
export type Window = readonly [first: number, end: number]

/** How many rows from `first` on have at most `entries` entries together; at least one, at most `most`. */
function rowsWithin(indptr: Uint32Array, first: number, most: number, entries: number): number {
  let low = 1
  for (let high = most; low < high; ) {
    const middle = Math.ceil((low + high) / 2)
    if (indptr[first + middle] - indptr[first] <= entries) low = middle
    else high = middle - 1
  }
  return low
}

/**
 * The first of the ascending entries at places low … high − 1 that is not below `value`; `high` where all are. Looks in
 * growing steps away from `near`, a place among them or `high`, for the nearer ones are the more likely in the cache.
 */
export function lowerBound(list: Uint32Array, low: number, high: number, value: number, near: number): number {
  let [from, to] = [near, near]
  for (let step = 1; to < high && list[to] < value; step *= 2) {
    from = to + 1
    to = Math.min(high, to + step)
  }
  for (let step = 1; from > low && list[from - 1] >= value; step *= 2) {
    to = from - 1
    from = Math.max(low, from - step)
  }
  while (from < to) {
    const middle = (from + to) >>> 1
    if (list[middle] < value) from = middle + 1
    else to = middle
  }
  return from
}

/** The places in `u32` where a buffer holds the starts and the ends of windowed rows. */
function heads({ layout }: CsrFit, buffer: number): readonly [starts: number, ends: number] {
  return [buffer / 4, buffer / 4 + layout.part.rows]
}

/** Like `rowsWithin` for rows cut to a window; leaves where their entries start and end in the buffer. */
function cutRows(
  { views }: Thread,
  fit: CsrFit,
  { indptr, indices, place }: CsrArrays,
  [start, end]: Window,
  first: number,
  most: number,
  buffer: number,
): number {
  const { u32 } = views
  const [list, base] = place ? [u32, place.indices / 4] : [indices, 0]
  const [starts, ends] = heads(fit, buffer)
  // about where a row's entries in the window begin, if they are spread evenly
  const share = start / fit.layout.rows
  let rows = 0
  for (let entries = 0; rows < most; rows++) {
    const begin = base + indptr[first + rows]
    const last = base + indptr[first + rows + 1]
    const from = lowerBound(list, begin, last, start, begin + Math.floor(share * (last - begin)))
    const to = lowerBound(list, from, last, end, from)
    entries += to - from
    if (rows > 0 && entries > fit.layout.part.entries) break
    u32[starts + rows] = from - base
    u32[ends + rows] = to - base
  }
  return rows
}

/** How many rows from `first` on, `most` at most, `csrParts` can be asked for next. */
export function rowsAtOnce(
  thread: Thread,
  fit: CsrFit,
  X: CsrArrays,
  window: Window | undefined,
  first: number,
  most: number,
  buffer: number,
): number {
  const { rows, entries } = fit.layout.part
  const limit = Math.min(rows, most)
  if (window) return cutRows(thread, fit, X, window, first, limit, buffer)
  return rowsWithin(X.indptr, first, limit, entries)
}

/** Rows as `cutRows` has cut them. */
function cutPart(thread: Thread, fit: CsrFit, X: CsrArrays, rows: number, buffer: number): CsrList {
  const { part, size, dtype } = fit.layout
  const { u32 } = thread.views
  const [starts, ends] = heads(fit, buffer)
  if (X.place) return { ...X.place, indptr: buffer, ends: 4 * ends }
  let entries = 0
  for (let i = 0; i < rows; i++) entries += u32[ends + i] - u32[starts + i]
  const place = copyPlace(X, part.rows, entries, size, buffer)
  for (let i = 0, to = 0; i < rows; i++) {
    const [from, end] = [u32[starts + i], u32[ends + i]]
    copyEntries(thread, dtype, X, from, end, place, to)
    u32[starts + i] = to
    to += end - from
    u32[ends + i] = to
  }
  return { ...place, ends: 4 * ends }
}

/**
 * The rows that `rowsAtOnce` was last asked for, as the kernels take them: in one part, but a row that has more entries than
 * a part in several, in order.
 */
export function* csrParts(
  thread: Thread,
  fit: CsrFit,
  X: CsrArrays,
  window: Window | undefined,
  first: number,
  rows: number,
  buffer: number,
): Generator<CsrList, void> {
  if (window && rows > 1) {
    yield cutPart(thread, fit, X, rows, buffer)
    return
  }
  const { u32 } = thread.views
  const [starts, ends] = heads(fit, buffer)
  const start = window ? u32[starts] : X.indptr[first]
  const all = window ? u32[ends] : X.indptr[first + rows]
  for (let from = start; ; from += fit.layout.part.entries) {
    const end = Math.min(all, from + fit.layout.part.entries)
    yield csrPart(thread, fit, X, { first, rows, from, end }, buffer)
    if (end === all) return
  }
}
