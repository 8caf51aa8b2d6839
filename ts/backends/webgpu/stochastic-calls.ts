import { mix } from '../../kernels/holdout.js'
import { type Call, grid, type Operand, tiles } from './calls.js'
import type { Stays } from './holds.js'
import { WORKGROUP } from './pipelines.js'
import type { Bounds, Sum } from './rule-calls.js'

/** Places in the list of bounds: see shaders/sgd_update.wgsl. The largest squared norm follows the eigenvalue of all rows. */
export const BOUNDS = { all: 0, own: 2, length: 3 } as const

/** Threads that look for the row of largest norm. */
const MOST_PEAKS = 64 * WORKGROUP

export function peaksOf(rows: number): number {
  return Math.min(rows, MOST_PEAKS)
}

/** The largest squared norms of so many shares of the rows. */
export function normPeaks(o: { rows: number; rank: number; F: Operand; into: Operand }): Call {
  const threads = peaksOf(o.rows)
  return {
    kernel: 'norm_peaks',
    params: [o.rows, o.rank, threads],
    reads: [o.F],
    writes: [o.into],
    groups: grid(threads),
  }
}

export function gramBoundOf(o: {
  rank: number
  /** In one part. */
  G: Operand
  /** A list whose largest value goes behind the bound. */
  list: { readonly operand: Operand; readonly length: number } | undefined
  /** Where the bound goes. */
  into: number
  bounds: Operand
  /** Two lists of rank values. */
  iterates: Operand
}): Call {
  return {
    kernel: 'gram_bound',
    params: [o.rank, o.into, o.list?.length ?? 0],
    reads: [o.G, o.list?.operand],
    writes: [o.bounds, o.iterates],
    groups: [1, 1, 1],
  }
}

/** Terms of each of the sums that a gradient step leaves. */
export function sgdTerms(rows: number, rank: number): number {
  return rows * tiles(rank)
}

/** How a step finds its length: see `step_length` in shaders/sgd_update.wgsl. */
export type Stride =
  | { readonly kind: 'told' }
  /** By the bound of the rows that the batch sees, times this. */
  | { readonly kind: 'own'; readonly own: number }
  /** By this and by the bounds of all rows, no longer than `largest` / 2 times what the first allows. */
  | {
      readonly kind: 'all'
      readonly own: number
      readonly eigenvalue: number
      readonly peak: number
      readonly largest: number
    }

/** Noise of one step: the slot's draw times `draws`, and `draw` more, is its number. */
export interface Noise {
  readonly size: number
  readonly seed: number
  readonly draws: number
  readonly draw: number
  /** Number of the first row. */
  readonly row: number
}

export function sgdUpdate(
  o: Stays & {
    rows: number
    rank: number
    /** Of F; default 0. */
    firstRow?: number
    scale: number
    limit: number
    stride: Stride
    noise: Noise
    bounds: Bounds
    N: Sum
    P: Operand
    /** The list of bounds that the stride looks at. */
    found: Operand | undefined
    F: Operand
    /** The gradient of the step before, which becomes this one's. */
    D: Operand | undefined
    /** Where the terms of Σ g² go, and from where on those of Σ g·D. */
    terms: { readonly operand: Operand; readonly products: number } | undefined
    /** Where in the slot the rate is, and where the length of the step goes. */
    rate: number
    taken: number
    slot: Operand
  },
): Call {
  const { rows, rank, stride, noise, bounds, N, terms } = o
  const isBounded = stride.kind !== 'told'
  const all = stride.kind === 'all' ? stride : { eigenvalue: 0, peak: 0, largest: 0 }
  const kind = { told: 0, own: 1, all: 2 }[stride.kind]
  const flags = [Number(o.D !== undefined), Number(terms !== undefined), terms?.products ?? 0, o.frozen ?? 0]
  return {
    kernel: 'sgd_update',
    params: [
      ...[rows, rank, bounds.moving, N.parts, N.partLength ?? rows * rank, o.firstRow ?? 0, noise.row],
      ...[kind, o.rate, o.taken, mix(noise.seed), noise.draws, noise.draw, ...flags],
    ],
    scalars: [
      ...[o.scale, bounds.l1, bounds.l2, bounds.most, noise.size, o.limit],
      ...[all.eigenvalue, all.peak, isBounded ? stride.own : 0, all.largest],
    ],
    reads: [N.operand, o.P, o.found, o.holds],
    writes: [o.F, o.D, terms?.operand, o.slot],
    groups: grid(sgdTerms(rows, rank)),
  }
}

export function svrmuUpdate(
  o: Stays & {
    rows: number
    rank: number
    count: number
    total: number
    ratio: number
    bounds: Bounds
    /** In as many parts, of the same length. */
    N: Sum
    M: Sum
    A: Sum
    P: Operand
    R: Operand
    Q: Operand
    F: Operand
  },
): Call {
  const { rows, rank, bounds, N, A, ratio } = o
  const entries = rows * rank
  return {
    kernel: 'svrmu_update',
    params: [
      ...[rows, rank, bounds.moving, N.parts, N.partLength ?? entries],
      ...[A.parts, A.partLength ?? entries, o.frozen ?? 0],
    ],
    scalars: [bounds.l1, bounds.l2, bounds.most, o.count, o.total, ratio, 1 - ratio],
    reads: [N.operand, o.M.operand, A.operand, o.P, o.R, o.Q, o.holds],
    writes: [o.F],
    groups: grid(entries),
  }
}
