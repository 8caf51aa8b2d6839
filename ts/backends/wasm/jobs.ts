import { type Factors, hasViolations, type SweepReport } from '../backend.js'
import { Momentum } from '../momentum.js'
import { type BatchStep, columnsOf } from '../stochastic-steps.js'
import { setBatch } from './batch.js'
import { fetchCarried, prepareCarried, storeCarried } from './carried.js'
import type { Crew } from './crew.js'
import { startFrom, undo } from './extrapolation.js'
import { FAMILIES } from './families.js'
import type { HeldFit, Progress } from './family.js'
import type { Heap } from './heap.js'
import type { Create, Results, Run, RunBatches, Sibling } from './messages.js'
import { fetchBoth, storeBoth } from './packed.js'
import { tell, tellSibling } from './tell.js'
import { isStopped, type SharedFit, type Steps, type Thread, type Told } from './thread.js'
import { warmUp } from './warm-up.js'

/** Elements written before the thread may pause. */
const PIECE = 1 << 16

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
    yield* startFrom(thread, fit)
    const momentum = layout.extrapolation && new Momentum()
    const held: HeldFit = { id, shared: fit, blocks, squaredNorm, fresh: 'none', hasCarried: false, momentum }
    return [held, { told: shared && layout.threads > 1 ? told : undefined }]
  } catch (error) {
    for (const block of blocks) heap.free(block)
    throw error
  }
}

export function* create(crew: Crew, heap: Heap, shared: boolean, request: Create): Steps<[HeldFit, Results['create']]> {
  const { fit: id, squaredNorm, W, H } = request
  const { thread } = crew
  return yield* make(crew, heap, shared, {
    id,
    squaredNorm,
    tell: blocks => tell(thread, heap, shared, request, blocks),
    fill: fit => storeBoth(thread, fit, { W, H }, fit.layout),
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

/** One iteration, again where the loss has risen by extrapolation; undefined where the fit's flag cut it short. */
function* iterate(crew: Crew, fit: HeldFit): Steps<Progress | undefined> {
  const { scheme, extrapolation } = fit.shared.layout
  const { momentum } = fit
  const { iterate } = FAMILIES[scheme]
  if (!extrapolation || !momentum) return yield* iterate(crew, fit)
  for (;;) {
    crew.thread.views.f64[extrapolation.weight / 8] = momentum.weight
    crew.thread.views.f64[extrapolation.rounds / 8] = momentum.rounds(fit.shared.spec.rounds ?? 1)
    const progress = yield* iterate(crew, fit)
    if (progress?.loss === undefined || momentum.accepts(progress.loss)) return progress
    if (!(yield* undo(crew, fit))) return undefined
  }
}

export function* run(crew: Crew, fit: HeldFit, { iterations, remaining }: Run, start: number): Steps<SweepReport> {
  return yield* repeat(crew, fit, iterations, () => iterate(crew, fit), remaining, start)
}

/** One iteration of the report for each batch. */
export function* runBatches(
  crew: Crew,
  heap: Heap,
  fit: HeldFit,
  { batches, remaining }: RunBatches,
  start: number,
): Steps<SweepReport> {
  const carried = yield* prepareCarried(crew, heap, fit)
  const { shared } = fit
  const { batch, batchBounds } = FAMILIES[shared.layout.scheme]
  const steps: BatchStep[] = []
  function* next(at: number): Steps<Progress | undefined> {
    const { first, count } = batches[at]
    setBatch(crew.thread, shared, batches[at], carried, batchBounds(shared, first, count))
    const progress = yield* batch(crew, fit, batches[at])
    if (progress?.step) steps.push(progress.step)
    return progress
  }
  const report = yield* repeat(crew, fit, batches.length, next, remaining, start)
  return shared.spec.rule === 'sgd' ? { ...report, steps: columnsOf(steps) } : report
}

function* repeat(
  crew: Crew,
  fit: HeldFit,
  iterations: number,
  next: (at: number) => Steps<Progress | undefined>,
  remaining: number,
  start: number,
): Steps<SweepReport> {
  const log = new Log()
  let stopped: SweepReport['stopped'] = 'done'
  while (log.losses.length < iterations && stopped === 'done') {
    if (log.losses.length > 0 && performance.now() - start >= remaining) {
      stopped = 'deadline'
      break
    }
    const progress = yield* next(log.losses.length)
    if (progress === undefined) {
      stopped = 'aborted'
    } else {
      log.add(progress, (performance.now() - start) / 1000)
      yield 'turn'
    }
  }
  if (log.isIncomplete && stopped !== 'aborted') {
    const loss = yield* evaluate(crew, fit)
    // an abort may come as late as this, and the loss is then that of some rows alone
    if (isStopped(fit.shared)) stopped = 'aborted'
    else log.complete(loss)
  }
  // what cut an iteration short has left factors between that one and the next
  if (log.isIncomplete && stopped === 'aborted') log.drop()
  return {
    iterations: log.losses.length,
    losses: Float64Array.from(log.losses),
    violations: Float64Array.from(hasViolations(fit.shared.spec.rule) ? log.violations : []),
    seconds: Float64Array.from(log.seconds),
    stopped,
  }
}

export function* evaluate(crew: Crew, fit: HeldFit): Steps<number> {
  return yield* FAMILIES[fit.shared.layout.scheme].evaluate(crew, fit)
}

export function* factors({ thread }: Crew, fit: HeldFit): Steps<Factors> {
  const { shared, momentum } = fit
  const { layout } = shared
  const now = { ...(yield* fetchBoth(thread, shared, layout)), ...(yield* fetchCarried(thread, fit)) }
  if (!layout.extrapolation || !momentum) return now
  const { numbers } = momentum
  return { ...now, momentum: { ...(yield* fetchBoth(thread, shared, layout.extrapolation.moved)), numbers } }
}

/** Puts factors of the fit's type in the place of those there. */
export function* setFactors({ thread }: Crew, heap: Heap, fit: HeldFit, factors: Factors): Steps<undefined> {
  const { shared, momentum } = fit
  const { layout } = shared
  fit.fresh = 'none'
  yield* storeBoth(thread, shared, factors, layout)
  yield* storeCarried(thread, heap, fit, factors)
  if (!layout.extrapolation || !momentum) return undefined
  if (factors.momentum) yield* storeBoth(thread, shared, factors.momentum, layout.extrapolation.moved)
  else yield* startFrom(thread, shared)
  momentum.numbers = factors.momentum?.numbers ?? new Momentum().numbers
  return undefined
}
