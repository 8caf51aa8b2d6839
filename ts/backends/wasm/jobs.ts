import { type CsrView, type FloatArray, transposeCsr, transposeDense } from '../../core/matrix.js'
import type { SweepReport } from '../backend.js'
import type { Crew } from './crew.js'
import { FAMILIES } from './families.js'
import type { HeldFit, Progress } from './family.js'
import { gramLayout } from './gram-layout.js'
import type { Heap } from './heap.js'
import type { Dtype } from './kernels.js'
import type { Create, Results, Run } from './messages.js'
import { settleCsr, settleDense } from './parts.js'
import { allocate, type CsrArrays, type CsrSource, reals } from './source.js'
import type { SharedFit, Steps, Thread, Told } from './thread.js'

/** Elements written before the thread may pause. */
const PIECE = 1 << 16

/** Lets a generator that yields nothing take part in the coordinator's turns. */
function* inTurns<T>(steps: Generator<void, T>): Steps<T> {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    yield 'turn'
  }
}

function* transposed(X: CsrSource, dtype: Dtype, shared: boolean): Steps<CsrArrays> {
  const view: CsrView = X
  const { indptr, indices, values } = yield* inTurns(transposeCsr(view))
  const moved = <T extends Uint32Array | FloatArray>(from: T, to: T) => {
    to.set(from)
    return to
  }
  const words = (array: Uint32Array) => new Uint32Array(allocate(array.byteLength, shared))
  return {
    indptr: moved(indptr, words(indptr)),
    indices: moved(indices, words(indices)),
    values: moved(values, reals(dtype, values.length, shared)),
  }
}

/** A packed matrix of the fit's type into rows of `stride` bytes at `address`. */
function* store(thread: Thread, fit: SharedFit, from: FloatArray, columns: number, address: number): Steps<void> {
  const { stride, size } = fit.layout
  const rows = from.length / columns
  const atOnce = Math.max(1, Math.floor(PIECE / columns))
  for (let first = 0; first < rows; first += atOnce) {
    const to = thread.reals(fit)
    for (let i = first; i < Math.min(rows, first + atOnce); i++) {
      to.set(from.subarray(i * columns, (i + 1) * columns), (address + i * stride) / size)
    }
    yield 'turn'
  }
}

/** The packed copy of rows of a factor at `address`. */
function* fetch(thread: Thread, fit: SharedFit, rows: number, address: number): Steps<FloatArray> {
  const { stride, size, rank, dtype } = fit.layout
  const out = reals(dtype, rows * rank, false)
  const atOnce = Math.max(1, Math.floor(PIECE / rank))
  for (let first = 0; first < rows; first += atOnce) {
    const from = thread.reals(fit)
    for (let i = first; i < Math.min(rows, first + atOnce); i++) {
      const start = (address + i * stride) / size
      out.set(from.subarray(start, start + rank), i * rank)
    }
    yield 'turn'
  }
  return out
}

export function* create(crew: Crew, heap: Heap, shared: boolean, request: Create): Steps<[HeldFit, Results['create']]> {
  const { fit: id, spec, threads, squaredNorm, source, flags, W, H } = request
  const { rank, dtype } = spec
  const { rows, columns } = source
  const byColumn = source.kind === 'csr' ? yield* transposed(source, dtype, shared) : undefined
  const indptr = source.kind === 'csr' && byColumn ? ([source.indptr, byColumn.indptr] as const) : undefined
  const shape = { rows, columns, rank, dtype, indptr }
  const base = heap.allocate(gramLayout(shape, threads, 0).bytes)
  const layout = gramLayout(shape, threads, base)
  const { thread } = crew
  const blocks = [base]
  try {
    const common = { spec, layout, flags }
    let told: Told
    if (source.kind === 'dense') {
      const settled = yield* settleDense(thread, heap, dtype, source)
      if (settled.address !== 0) blocks.push(settled.address)
      told = { ...common, source: settled }
    } else {
      const byRow = yield* settleCsr(thread, heap, dtype, source)
      if (byRow.place) blocks.push(byRow.place.indptr)
      const turned = yield* settleCsr(thread, heap, dtype, byColumn!)
      if (turned.place) blocks.push(turned.place.indptr)
      told = { ...common, byRow, byColumn: turned }
    }
    const fit = thread.learn(told)
    // the padding of W, Ht and H must be zero, and stays so
    for (let at = base; at < layout.G; at += PIECE * 4) {
      thread.zero(at, Math.min(PIECE * 4, layout.G - at))
      yield 'turn'
    }
    yield* store(thread, fit, W, rank, layout.W)
    yield* store(thread, fit, (yield* inTurns(transposeDense(H, rank, columns))) as FloatArray, rank, layout.Ht)
    const held: HeldFit = { id, shared: fit, blocks, squaredNorm, isFresh: false }
    return [held, { told: shared && layout.threads > 1 ? told : undefined }]
  } catch (error) {
    for (const block of blocks) heap.free(block)
    throw error
  }
}

/** Takes down what iterations tell; a loss may become known with the next one only. */
class Log {
  readonly losses: number[] = []
  readonly violations: number[] = []
  readonly seconds: number[] = []

  add({ loss, lossBefore, violation }: Progress, seconds: number): void {
    if (lossBefore !== undefined) this.complete(lossBefore)
    this.losses.push(loss ?? Number.NaN)
    this.violations.push(violation)
    this.seconds.push(seconds)
  }

  /** The loss of the last iteration, where it is not known yet. */
  complete(loss: number): void {
    if (this.isIncomplete) this.losses[this.losses.length - 1] = loss
  }

  get isIncomplete(): boolean {
    return Number.isNaN(this.losses.at(-1))
  }
}

export function* run(crew: Crew, fit: HeldFit, { iterations, remaining }: Run, start: number): Steps<SweepReport> {
  const family = FAMILIES[fit.shared.layout.scheme]
  const log = new Log()
  let stopped: SweepReport['stopped'] = 'done'
  while (log.losses.length < iterations && stopped === 'done') {
    if (log.losses.length > 0 && performance.now() - start >= remaining) {
      stopped = 'deadline'
      break
    }
    const progress = yield* family.iterate(crew, fit)
    if (progress === undefined) {
      stopped = 'aborted'
    } else {
      log.add(progress, (performance.now() - start) / 1000)
      yield 'turn'
    }
  }
  if (log.isIncomplete) log.complete(yield* family.evaluate(crew, fit))
  return {
    iterations: log.losses.length,
    losses: Float64Array.from(log.losses),
    violations: Float64Array.from(fit.shared.spec.rule === 'mu' ? [] : log.violations),
    seconds: Float64Array.from(log.seconds),
    stopped,
  }
}

export function* evaluate(crew: Crew, fit: HeldFit): Steps<number> {
  return yield* FAMILIES[fit.shared.layout.scheme].evaluate(crew, fit)
}

export function* factors({ thread }: Crew, { shared }: HeldFit): Steps<Results['factors']> {
  const { rows, columns, rank, W, Ht } = shared.layout
  const packedW = yield* fetch(thread, shared, rows, W)
  const packedHt = yield* fetch(thread, shared, columns, Ht)
  return { W: packedW, H: (yield* inTurns(transposeDense(packedHt, columns, rank))) as FloatArray }
}
