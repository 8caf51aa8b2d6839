// Batches: the same phases as those of iterations, over rows of W that the coordinator names, and then over all of H's, from
// products with those rows of W alone. What the threads are to know of a batch lies in wasm memory, where it costs no
// message.

import type { Batch } from '../backend.js'
import type { BatchWords } from './layout.js'
import { penaltyOf } from './rules.js'
import type { SharedFit, Thread } from './thread.js'

/** Where A and B lie, rows of the rank like Ht's. */
export interface Accumulators {
  readonly A: number
  readonly B: number
}

/** What the update of H from a batch takes beside the products. */
export interface Online extends Accumulators {
  readonly keep: number
  /** Penalties on H, in the share of all rows that the batch has. */
  readonly l1: number
  readonly l2: number
}

/** Writes down a batch for the phases over it; `bounds` are those of its lanes, in rows of X. */
export function setBatch(
  { views }: Thread,
  { layout }: SharedFit,
  { first, count, keep = 1 }: Batch,
  { A, B }: Accumulators,
  bounds: Uint32Array,
): void {
  const { numbers, words } = layout.batch
  const { f64, u32 } = views
  f64.set([keep, count / layout.rows], numbers / 8)
  u32.set([first, first + count, A, B, bounds.length], words / 4)
  u32.set(bounds, words / 4 + 5)
}

/** Rows of X: the first of the batch, and the one after its last. */
export function windowOf({ views }: Thread, { layout }: SharedFit): readonly [number, number] {
  const at = layout.batch.words / 4
  return [views.u32[at], views.u32[at + 1]]
}

/** Where the lanes over the batch's rows begin and end. */
export function batchBounds({ views }: Thread, { words }: BatchWords): Uint32Array {
  const at = words / 4
  return views.u32.subarray(at + 5, at + 5 + views.u32[at + 4])
}

export function onlineOf({ views }: Thread, fit: SharedFit): Online {
  const { numbers, words } = fit.layout.batch
  const { f64, u32 } = views
  const [keep, share] = [f64[numbers / 8], f64[numbers / 8 + 1]]
  const { l1, l2 } = penaltyOf(fit, 'H')
  return { A: u32[words / 4 + 2], B: u32[words / 4 + 3], keep, l1: l1 * share, l2: l2 * share }
}
