// Batches: the same phases as those of iterations, over rows of W that the coordinator names, and then over all of H's, from
// products with those rows of W alone. What the threads are to know of a batch lies in wasm memory, where it costs no
// message.

import type { Batch } from '../backend.js'
import type { BatchWords } from './layout.js'
import { penaltyOf } from './rules.js'
import type { SharedFit, Thread } from './thread.js'

/**
 * Where what batches carry over lies, rows of the rank like those of the factors: of `mu` A and B, of `sgd` the gradient of
 * Ht, of `svrmu` Xᵀ·W0, H0ᵀ and W0.
 */
export type Carried = readonly number[]

/** Of these there are at most so many. */
const CARRIED = 3
/** Words before the bounds of the lanes: the window, the addresses, and how many bounds there are. */
const HEAD = 2 + CARRIED + 1

/** What the update of H from a batch takes beside the products. */
export interface Online {
  readonly A: number
  readonly B: number
  readonly keep: number
  /** Penalties on H, in the share of all rows that the batch has. */
  readonly l1: number
  readonly l2: number
}

/** Writes down a batch for the phases over it; `bounds` are those of its lanes, in rows of X. */
export function setBatch(
  { views }: Thread,
  { layout }: SharedFit,
  { first, count, keep = 1, draw = 0 }: Batch,
  carried: Carried,
  bounds: Uint32Array,
): void {
  const { numbers, words } = layout.batch
  const { f64, u32 } = views
  f64.set([keep, count / layout.rows, 0, draw], numbers / 8)
  u32.set([first, first + count, ...carried], words / 4)
  u32[words / 4 + HEAD - 1] = bounds.length
  u32.set(bounds, words / 4 + HEAD)
}

/** Rows of X: the first of the batch, and the one after its last. */
export function windowOf({ views }: Thread, { layout }: SharedFit): readonly [number, number] {
  const at = layout.batch.words / 4
  return [views.u32[at], views.u32[at + 1]]
}

/** Where the lanes over the batch's rows begin and end. */
export function batchBounds({ views }: Thread, { words }: BatchWords): Uint32Array {
  const at = words / 4 + HEAD
  return views.u32.subarray(at, at + views.u32[at - 1])
}

export function carriedOf({ views }: Thread, { layout }: SharedFit): Carried {
  const at = layout.batch.words / 4 + 2
  return Array.from(views.u32.subarray(at, at + CARRIED))
}

export function onlineOf(thread: Thread, fit: SharedFit): Online {
  const { f64 } = thread.views
  const at = fit.layout.batch.numbers / 8
  const [keep, share] = [f64[at], f64[at + 1]]
  const [A, B] = carriedOf(thread, fit)
  const { l1, l2 } = penaltyOf(fit, 'H')
  return { A, B, keep, l1: l1 * share, l2: l2 * share }
}

/** The length of the steps of the phase that comes next. */
export function setRate({ views }: Thread, { layout }: SharedFit, rate: number): void {
  views.f64[layout.batch.numbers / 8 + 2] = rate
}

/** The length of the steps, and which noise. */
export function stepOf({ views }: Thread, { layout }: SharedFit): { readonly rate: number; readonly draw: number } {
  const at = layout.batch.numbers / 8
  return { rate: views.f64[at + 2], draw: views.f64[at + 3] }
}
