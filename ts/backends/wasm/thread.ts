import type { FitSpec } from '../backend.js'
import { batchBounds } from './batch.js'
import type { EntriesLayout } from './entries-layout.js'
import type { GramLayout } from './gram-layout.js'
import type { Views } from './heap.js'
import { type Dtype, instantiate, type Kernels } from './kernels.js'
import { type BaseLayout, SUM, SUMS_BYTES } from './layout.js'
import type { CsrArrays, DenseSource, HoldoutSource } from './source.js'
import type { TileLayout } from './tile-layout.js'

/** What every thread knows of a fit. */
export type SharedFit = GramFit | BetaFit

export type GramFit = DenseFit | GatherFit

/** Fits that work with both halves of the gradient. */
export type BetaFit = EntriesFit | TileFit

interface FitBase {
  readonly spec: FitSpec
  readonly layout: BaseLayout
  /** This thread's. */
  readonly kernels: Kernels
  /** Not 0 once the run in progress is to end; looked at between parts of X. */
  readonly flags: Int32Array
}

export interface DenseFit extends FitBase {
  readonly layout: GramLayout
  readonly source: DenseSource
  readonly byRow?: undefined
}

export interface GatherFit extends FitBase {
  readonly layout: GramLayout
  readonly byRow: CsrArrays
  readonly byColumn: CsrArrays
}

/** Its arrays have weights where the fit has. */
export interface EntriesFit extends FitBase {
  readonly layout: EntriesLayout
  readonly byRow: CsrArrays
  readonly byColumn: CsrArrays
}

/** X is dense, or CSR both ways with its rows' columns ascending. */
export interface TileFit extends FitBase {
  readonly layout: TileLayout
  readonly source?: DenseSource
  readonly byRow?: CsrArrays
  readonly byColumn?: CsrArrays
  readonly weights?: DenseSource | HoldoutSource
}

/** A fit as one thread tells another of it; arrays lie in shared buffers. */
export type Told<F extends SharedFit = SharedFit> = F extends SharedFit ? Omit<F, 'kernels'> : never

/**
 * The phases that fits are made of; each has lanes over rows or over columns. Which of them a family uses, and for what,
 * it says itself; `batchRows` and `batchColumns` are `rows` and `columns` for some rows of X (see
 * ts/backends/wasm/batch.ts); `undoRows` and `undoColumns` are the same for all (see ts/backends/wasm/extrapolation.ts).
 * For batches of the stochastic rules the gram family has `bounds`, of the steps of H, and `snapshotRows` and
 * `snapshotColumns`, which keep the factors and XᵀW (see ts/backends/wasm/stochastic-rules.ts).
 */
export const PHASES = [
  'rows',
  'transform',
  'batchRows',
  'measure',
  'rowTotals',
  'undoRows',
  'bounds',
  'snapshotRows',
  'columns',
  'batchColumns',
  'gram',
  'columnTotals',
  'undoColumns',
  'snapshotColumns',
] as const

export type Phase = (typeof PHASES)[number]

const BY_COLUMNS: ReadonlySet<Phase> = new Set<Phase>([
  'columns',
  'batchColumns',
  'gram',
  'columnTotals',
  'undoColumns',
  'snapshotColumns',
])

export function isByRows(phase: Phase): boolean {
  return !BY_COLUMNS.has(phase)
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

/** One worker's side of the computation: the kernels, memory, and buffers and sums of its own in each fit. */
export class Thread {
  readonly views: Views
  readonly index: number
  readonly #kernels: Map<Dtype, Kernels> = new Map()

  constructor(views: Views, index: number) {
    this.views = views
    this.index = index
  }

  /** Gives the thread the kernels for an element type. */
  install(dtype: Dtype, module: WebAssembly.Module): void {
    this.#kernels.set(dtype, instantiate(module, this.views.memory))
  }

  /** Kernels of one type, installed before. */
  kernels(dtype: Dtype): Kernels {
    const kernels = this.#kernels.get(dtype)
    if (!kernels) throw new Error(`the wasm kernels for ${dtype} are not installed`)
    return kernels
  }

  /** Fits that another thread tells of, with this thread's kernels. */
  learn(told: Told): SharedFit {
    return { ...told, kernels: this.kernels(told.layout.dtype) }
  }

  /** How far into a layout's thread buffers this thread's lie. */
  offset({ layout }: SharedFit): number {
    return this.index * layout.threadBytes
  }

  /** The elements of a fit, as an array over the whole of memory. */
  reals({ layout }: SharedFit): Float32Array | Float64Array {
    return this.views.reals(layout.dtype)
  }

  zero(address: number, bytes: number): void {
    this.kernels('f32').zero(address, bytes)
  }

  copy(from: number, bytes: number, to: number): void {
    this.kernels('f32').copy(from, bytes, to)
  }

  /** Empties a lane's sums; the first thing a phase does. */
  clearSums({ layout }: SharedFit, lane: number): void {
    this.zero(layout.sums + lane * SUMS_BYTES, SUMS_BYTES)
  }

  /** The address of one of a lane's sums. */
  sumAt(sum: keyof typeof SUM, { layout }: SharedFit, lane: number): number {
    return layout.sums + lane * SUMS_BYTES + 8 * SUM[sum]
  }

  addTo(sum: keyof typeof SUM, fit: SharedFit, lane: number, value: number): void {
    this.views.f64[this.sumAt(sum, fit, lane) / 8] += value
  }

  /** Where the lanes of a phase begin and end. */
  bounds({ layout }: SharedFit, phase: Phase): Uint32Array {
    if (phase === 'batchRows') return batchBounds(this, layout.batch)
    return isByRows(phase) ? layout.rowBounds : layout.columnBounds
  }

  laneCount(fit: SharedFit, phase: Phase): number {
    return this.bounds(fit, phase).length - 1
  }

  /** One of the sums over all lanes of a phase, in their order. */
  total(sum: keyof typeof SUM, fit: SharedFit, phase: Phase): number {
    const { f64 } = this.views
    const lanes = this.laneCount(fit, phase)
    let total = 0
    for (let lane = 0; lane < lanes; lane++) {
      total += f64[this.sumAt(sum, fit, lane) / 8]
    }
    return total
  }

  /** The largest of all lanes of a phase. */
  largest(fit: SharedFit, phase: Phase): number {
    const { f64 } = this.views
    const lanes = this.laneCount(fit, phase)
    const list = Array.from({ length: lanes }, (_, lane) => f64[this.sumAt('largest', fit, lane) / 8])
    return Math.max(...list)
  }
}
