import { type FloatArray, transposeDense } from '../../core/matrix.js'
import type { SweepReport } from '../backend.js'
import type { Crew } from './crew.js'
import { FAMILIES } from './families.js'
import type { HeldFit, Progress } from './family.js'
import type { Heap } from './heap.js'
import type { Create, Results, Run, Sibling } from './messages.js'
import { reals } from './source.js'
import { inTurns, tell, tellSibling } from './tell.js'
import { isStopped, type SharedFit, type Steps, type Thread, type Told } from './thread.js'
import { warmUp } from './warm-up.js'

/** Elements written before the thread may pause. */
const PIECE = 1 << 16

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

/** The same rows of a factor, where another layout has them. */
function* copy(thread: Thread, from: SharedFit, to: SharedFit, rows: number, factor: 'W' | 'Ht'): Steps<void> {
  const { size, rank } = to.layout
  const place = ({ layout }: SharedFit, row: number) => (layout[factor] + row * layout.stride) / size
  const atOnce = Math.max(1, Math.floor(PIECE / rank))
  for (let first = 0; first < rows; first += atOnce) {
    const reals = thread.reals(to)
    for (let i = first; i < Math.min(rows, first + atOnce); i++) {
      reals.copyWithin(place(to, i), place(from, i), place(from, i) + rank)
    }
    yield 'turn'
  }
}

/** What a fit is made from. */
interface Making {
  readonly id: number
  readonly squaredNorm: number
  /** Takes the memory that the blocks are to name. */
  tell(blocks: number[]): Steps<Told>
  /** Writes W and Ht. */
  fill(fit: SharedFit): Steps<void>
}

function* make(crew: Crew, heap: Heap, shared: boolean, making: Making): Steps<[HeldFit, Results['create']]> {
  const { thread } = crew
  const { id, squaredNorm } = making
  const blocks: number[] = []
  try {
    const told = yield* making.tell(blocks)
    const fit = thread.learn(told)
    warmUp(thread, heap, fit)
    // the padding of W, Ht and H must be zero, and stays so
    const { layout } = fit
    for (let at = blocks[0]; at < layout.cleared; at += PIECE * 4) {
      thread.zero(at, Math.min(PIECE * 4, layout.cleared - at))
      yield 'turn'
    }
    yield* making.fill(fit)
    const held: HeldFit = { id, shared: fit, blocks, squaredNorm, isFresh: false }
    return [held, { told: shared && layout.threads > 1 ? told : undefined }]
  } catch (error) {
    for (const block of blocks) heap.free(block)
    throw error
  }
}

export function* create(crew: Crew, heap: Heap, shared: boolean, request: Create): Steps<[HeldFit, Results['create']]> {
  const { fit: id, spec, squaredNorm, source, W, H } = request
  const { rank } = spec
  const { thread } = crew
  return yield* make(crew, heap, shared, {
    id,
    squaredNorm,
    tell: blocks => tell(thread, heap, shared, request, blocks),
    *fill(fit) {
      yield* store(thread, fit, W, rank, fit.layout.W)
      const Ht = (yield* inTurns(transposeDense(H, rank, source.columns))) as FloatArray
      yield* store(thread, fit, Ht, rank, fit.layout.Ht)
    },
  })
}

export function* sibling(
  crew: Crew,
  heap: Heap,
  shared: boolean,
  of: HeldFit,
  { fit: id, beta, threads }: Sibling,
): Steps<[HeldFit, Results['sibling']]> {
  const { thread } = crew
  const { rows, columns } = of.shared.layout
  return yield* make(crew, heap, shared, {
    id,
    squaredNorm: of.squaredNorm,
    tell: blocks => tellSibling(thread, heap, shared, of.shared, beta, threads, blocks),
    *fill(fit) {
      yield* copy(thread, of.shared, fit, rows, 'W')
      yield* copy(thread, of.shared, fit, columns, 'Ht')
    },
  })
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

  /** Forgets an iteration whose loss nothing can tell any more. */
  drop(): void {
    for (const list of [this.losses, this.violations, this.seconds]) list.pop()
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
  if (log.isIncomplete && stopped !== 'aborted') {
    const loss = yield* family.evaluate(crew, fit)
    // an abort may come as late as this, and the loss is then that of some rows alone
    if (isStopped(fit.shared)) stopped = 'aborted'
    else log.complete(loss)
  }
  // what cut an iteration short has left factors between that one and the next
  if (log.isIncomplete && stopped === 'aborted') log.drop()
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
