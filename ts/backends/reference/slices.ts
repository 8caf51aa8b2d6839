import type { DenseView } from '../../core/matrix.js'
import { movingRuns } from '../runs.js'

/** Multiply-adds in one slice: about two milliseconds of plain JavaScript. */
const SLICE = 1 << 20

/** Rows 0 … rows − 1 in ranges [begin, end), each about a slice of work where a row takes `work` multiply-adds. */
export function* rowSlices(rows: number, work: number): Generator<readonly [number, number], void> {
  const step = Math.max(1, Math.floor(SLICE / Math.max(1, work)))
  for (let i = 0; i < rows; i += step) yield [i, Math.min(rows, i + step)]
}

/** The same of the rows that are not `frozen`. */
export function* movingSlices(
  rows: number,
  frozen: Uint32Array | undefined,
  work: number,
): Generator<readonly [number, number], void> {
  for (const run of movingRuns(frozen, 0, rows)) {
    for (const [begin, end] of rowSlices(run.rows, work)) yield [run.first + begin, run.first + end]
  }
}

/** A copy of a view in float64, without gaps between its rows. */
export function* packed(view: Omit<DenseView, 'kind'>): Generator<void, Float64Array> {
  const out = new Float64Array(view.rows * view.columns)
  for (let i = 0; i < view.rows; i++) {
    const start = view.offset + i * view.stride
    out.set(view.data.subarray(start, start + view.columns), i * view.columns)
    yield
  }
  return out
}
