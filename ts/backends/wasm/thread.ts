import type { Views } from './heap.js'
import type { Kernels } from './kernels.js'
import type { Layout } from './layout.js'
import type { CsrArrays, DenseSource } from './source.js'

/** What every thread knows of a fit. */
export type SharedFit = DenseFit | GatherFit

interface FitBase {
  readonly layout: Layout
  /** Not 0 once the run in progress is to end; looked at between parts of X. */
  readonly flags: Int32Array
}

export interface DenseFit extends FitBase {
  readonly source: DenseSource
}

export interface GatherFit extends FitBase {
  readonly byRow: CsrArrays
  readonly byColumn: CsrArrays
}

/**
 * By rows, `rows` updates W before a phase `columns`, `transform` updates W where H stays, `measure` leaves W as it is.
 * By columns, `columns` updates Ht, `gram` leaves it as it is.
 */
export type Phase = 'rows' | 'transform' | 'measure' | 'columns' | 'gram'

export function isByRows(phase: Phase): boolean {
  return phase !== 'columns' && phase !== 'gram'
}

/** Whether the run in progress is to end. */
export function isStopped({ flags }: SharedFit): boolean {
  return Atomics.load(flags, 0) !== 0
}

/**
 * Where a long computation may pause: after a `part` of a phase the thread may look at its messages, at a `turn` another
 * computation may take its place.
 */
export type Pause = 'part' | 'turn'

export type Steps<T> = Generator<Pause, T>

/** One worker's side of the computation: the kernels, memory, and buffers of its own in each fit. */
export class Thread {
  readonly kernels: Kernels
  readonly views: Views
  readonly index: number

  constructor(kernels: Kernels, views: Views, index: number) {
    this.kernels = kernels
    this.views = views
    this.index = index
  }

  /** Addresses of this thread's buffers: a part of X, products, scratch. */
  buffers({ layout }: SharedFit): { x: number; n: number; scratch: number } {
    const further = this.index * layout.threadBytes
    return { x: layout.x + further, n: layout.n + further, scratch: layout.scratch + further }
  }

  /** Empties the lane's accumulators. */
  begin({ layout }: SharedFit, phase: Phase, lane: number): void {
    const square = layout.paddedRank * layout.stride
    this.zero((isByRows(phase) ? layout.laneS : layout.laneG) + lane * square, square)
    this.views.f64[layout.dots / 8 + lane] = 0
  }

  zero(address: number, bytes: number): void {
    this.views.u8.fill(0, address, address + bytes)
  }

  /** With N = X·Hᵀ of some rows: updates these rows of W, measures ⟨N, W⟩ where H stays, adds to the lane's WᵀW. */
  finishRows(fit: SharedFit, phase: Phase, lane: number, first: number, count: number): void {
    const { layout } = fit
    const { stride, paddedRank, G } = layout
    const { n, scratch } = this.buffers(fit)
    const w = layout.W + first * stride
    if (phase !== 'measure') this.kernels.mu_update(count, paddedRank, w, stride, n, stride, G, stride, scratch)
    if (phase !== 'rows') this.views.f64[layout.dots / 8 + lane] += this.kernels.dot(count * paddedRank, n, w)
    this.kernels.gram(count, paddedRank, w, stride, layout.laneS + lane * paddedRank * stride, stride)
  }

  /** With A = XᵀW of some columns at address `a`: updates these rows of Ht and adds to the lane's ⟨A, Ht⟩ and HHᵀ. */
  finishColumns(fit: SharedFit, phase: Phase, lane: number, first: number, count: number, a: number): void {
    const { layout } = fit
    const { stride, paddedRank, S } = layout
    const ht = layout.Ht + first * stride
    if (phase === 'columns') {
      const { scratch } = this.buffers(fit)
      this.kernels.mu_update(count, paddedRank, ht, stride, a, stride, S, stride, scratch)
      this.views.f64[layout.dots / 8 + lane] += this.kernels.dot(count * paddedRank, a, ht)
    }
    this.kernels.gram(count, paddedRank, ht, stride, layout.laneG + lane * paddedRank * stride, stride)
    if (layout.H !== 0) {
      this.kernels.transpose(count, paddedRank, ht, stride, layout.H + first * 4, layout.hStride)
    }
  }
}
