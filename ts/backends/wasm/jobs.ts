import { type CsrView, transposeCsr, transposeDense } from '../../core/matrix.js'
import type { SweepReport } from '../backend.js'
import type { Crew } from './crew.js'
import type { Heap } from './heap.js'
import { layoutOf } from './layout.js'
import type { Create, Results, Run } from './messages.js'
import { allocate, type CsrArrays, type CsrSource } from './source.js'
import { laneCount } from './task.js'
import { isStopped, type Phase, type SharedFit, type Steps, type Thread } from './thread.js'

/** A fit as the coordinator keeps it. */
export interface HeldFit {
  readonly id: number
  readonly shared: SharedFit
  readonly base: number
  readonly squaredNorm: number
  /** Whether iterations leave H alone. */
  readonly fixedH: boolean
  /** Whether G is the Gram matrix of Ht as it is (and H its transpose); not so after a phase that was cut short. */
  gramIsFresh: boolean
}

/** Floats written before the thread may pause. */
const PIECE = 1 << 16

/** Lets a generator that yields nothing take part in the coordinator's turns. */
function* inTurns<T>(steps: Generator<void, T>): Steps<T> {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    yield 'turn'
  }
}

function* transposed(X: CsrSource, shared: boolean): Steps<CsrArrays> {
  const view: CsrView = X
  const { indptr, indices, values } = yield* inTurns(transposeCsr(view))
  const moved = <T extends Uint32Array | Float32Array>(from: T, to: T) => {
    to.set(from)
    return to
  }
  const buffer = (array: Uint32Array | CsrView['values']) => allocate(array.byteLength, shared)
  return {
    indptr: moved(indptr, new Uint32Array(buffer(indptr))),
    indices: moved(indices, new Uint32Array(buffer(indices))),
    values: moved(values as Float32Array, new Float32Array(buffer(values))),
  }
}

/** A packed matrix into rows of `stride` bytes at `address`. */
function* store(thread: Thread, from: Float32Array, columns: number, address: number, stride: number): Steps<void> {
  const rows = from.length / columns
  const atOnce = Math.max(1, Math.floor(PIECE / columns))
  for (let first = 0; first < rows; first += atOnce) {
    const { f32 } = thread.views
    for (let i = first; i < Math.min(rows, first + atOnce); i++) {
      f32.set(from.subarray(i * columns, (i + 1) * columns), (address + i * stride) / 4)
    }
    yield 'turn'
  }
}

/** The packed copy of rows of `stride` bytes at `address`. */
function* fetch(thread: Thread, rows: number, columns: number, address: number, stride: number): Steps<Float32Array> {
  const out = new Float32Array(rows * columns)
  const atOnce = Math.max(1, Math.floor(PIECE / columns))
  for (let first = 0; first < rows; first += atOnce) {
    const { f32 } = thread.views
    for (let i = first; i < Math.min(rows, first + atOnce); i++) {
      const start = (address + i * stride) / 4
      out.set(f32.subarray(start, start + columns), i * columns)
    }
    yield 'turn'
  }
  return out
}

export function* create(crew: Crew, heap: Heap, shared: boolean, request: Create): Steps<[HeldFit, Results['create']]> {
  const { fit: id, rank, fixedH, threads, squaredNorm, source, flags, W, H } = request
  const { rows, columns } = source
  const byColumn = source.kind === 'csr' ? yield* transposed(source, shared) : undefined
  const indptr = source.kind === 'csr' && byColumn ? ([source.indptr, byColumn.indptr] as const) : undefined
  const shape = { rows, columns, rank, indptr }
  const base = heap.allocate(layoutOf(shape, threads, 0).bytes)
  const layout = layoutOf(shape, threads, base)
  const { thread } = crew
  try {
    // the padding of W, Ht and H must be zero, and stays so
    for (let at = base; at < layout.G; at += PIECE * 4) {
      thread.zero(at, Math.min(PIECE * 4, layout.G - at))
      yield 'turn'
    }
    yield* store(thread, W, rank, layout.W, layout.stride)
    const Ht = (yield* inTurns(transposeDense(H, rank, columns))) as Float32Array
    yield* store(thread, Ht, rank, layout.Ht, layout.stride)
  } catch (error) {
    heap.free(base)
    throw error
  }
  const own: SharedFit =
    source.kind === 'csr' ? { layout, flags, byRow: source, byColumn: byColumn! } : { layout, flags, source }
  return [
    { id, shared: own, base, squaredNorm, fixedH, gramIsFresh: false },
    { layout, byColumn: shared ? byColumn : undefined },
  ]
}

/** Adds the lanes' accumulators of rank × rank up, in order. */
function reduce({ kernels, views }: Thread, { layout }: SharedFit, lanes: number, from: number, to: number): void {
  const square = layout.paddedRank * layout.paddedRank
  views.f32.copyWithin(to / 4, from / 4, from / 4 + square)
  for (let lane = 1; lane < lanes; lane++) kernels.add(square, from + lane * square * 4, to)
}

/** Runs a phase; false where the fit's flag cut it short. */
function* phase(crew: Crew, { id, shared }: HeldFit, name: Phase): Steps<boolean> {
  yield* crew.phase(id, shared, name)
  return !isStopped(shared)
}

/** Sum over the lanes of the phase that was last, and ½⟨S, G⟩, give ½‖X − WH‖² by the Gram identity. */
function loss({ kernels, views }: Thread, { shared, squaredNorm }: HeldFit, last: Phase): number {
  const { layout } = shared
  let cross = 0
  for (let lane = 0; lane < laneCount(shared, last); lane++) cross += views.f64[layout.dots / 8 + lane]
  const inner = kernels.dot(layout.paddedRank * layout.paddedRank, layout.S, layout.G)
  return Math.max(0, 0.5 * squaredNorm - cross + 0.5 * inner)
}

/** G ← Gram matrix of Ht from the lanes of a phase over columns. */
function finishGram(crew: Crew, fit: HeldFit): void {
  const { layout } = fit.shared
  reduce(crew.thread, fit.shared, laneCount(fit.shared, 'gram'), layout.laneG, layout.G)
  fit.gramIsFresh = true
}

function* freshenGram(crew: Crew, fit: HeldFit): Steps<boolean> {
  if (fit.gramIsFresh) return true
  if (!(yield* phase(crew, fit, 'gram'))) return false
  finishGram(crew, fit)
  return true
}

/** The loss after a phase over rows that left H as it is, and so could measure ⟨X·Hᵀ, W⟩ on the way. */
function measured(crew: Crew, fit: HeldFit, last: Phase): number {
  const { layout } = fit.shared
  reduce(crew.thread, fit.shared, laneCount(fit.shared, last), layout.laneS, layout.S)
  return loss(crew.thread, fit, last)
}

/** One iteration; undefined where the flag cut it short. */
function* iterate(crew: Crew, fit: HeldFit): Steps<number | undefined> {
  const { layout } = fit.shared
  if (!(yield* freshenGram(crew, fit))) return undefined
  if (fit.fixedH) return (yield* phase(crew, fit, 'transform')) ? measured(crew, fit, 'transform') : undefined
  if (!(yield* phase(crew, fit, 'rows'))) return undefined
  reduce(crew.thread, fit.shared, laneCount(fit.shared, 'rows'), layout.laneS, layout.S)
  fit.gramIsFresh = false
  if (!(yield* phase(crew, fit, 'columns'))) return undefined
  finishGram(crew, fit)
  return loss(crew.thread, fit, 'columns')
}

export function* run(crew: Crew, fit: HeldFit, { iterations, remaining }: Run, start: number): Steps<SweepReport> {
  const losses: number[] = []
  const seconds: number[] = []
  let stopped: SweepReport['stopped'] = 'done'
  while (losses.length < iterations && stopped === 'done') {
    if (losses.length > 0 && performance.now() - start >= remaining) {
      stopped = 'deadline'
      break
    }
    const value = yield* iterate(crew, fit)
    if (value === undefined) {
      stopped = 'aborted'
    } else {
      losses.push(value)
      seconds.push((performance.now() - start) / 1000)
      yield 'turn'
    }
  }
  return { iterations: losses.length, losses: Float64Array.from(losses), seconds: Float64Array.from(seconds), stopped }
}

/** ½‖X − WH‖² of the factors as they are; nothing sets the flag meanwhile. */
export function* evaluate(crew: Crew, fit: HeldFit): Steps<number> {
  yield* freshenGram(crew, fit)
  yield* phase(crew, fit, 'measure')
  return measured(crew, fit, 'measure')
}

export function* factors({ thread }: Crew, { shared }: HeldFit): Steps<Results['factors']> {
  const { layout } = shared
  const { rows, columns, rank, stride } = layout
  const W = yield* fetch(thread, rows, rank, layout.W, stride)
  const Ht = yield* fetch(thread, columns, rank, layout.Ht, stride)
  return { W, H: (yield* inTurns(transposeDense(Ht, columns, rank))) as Float32Array }
}
