// What batches leave for those after them, in wasm memory from the first batch on: of `mu` the numerators and denominators
// of H, of `sgd` the last gradient of H, of `svrmu` the snapshot.

import type { FloatArray } from '../../core/matrix.js'
import type { Factors } from '../backend.js'
import type { Carried } from './batch.js'
import type { Crew } from './crew.js'
import type { HeldFit } from './family.js'
import type { Heap } from './heap.js'
import { carriedBytes, carriedRows } from './layout.js'
import { fetchH, storeH } from './packed.js'
import type { Steps, Thread } from './thread.js'

/** Elements written before the thread may pause. */
const PIECE = 1 << 20

function* clear(thread: Thread, address: number, bytes: number): Steps<void> {
  for (let at = 0; at < bytes; at += PIECE) {
    thread.zero(address + at, Math.min(PIECE, bytes - at))
    yield 'turn'
  }
}

/** Room for the arrays, whose padding is zero like that of the factors. */
function* take(thread: Thread, heap: Heap, fit: HeldFit): Steps<Carried> {
  if (fit.carried) return fit.carried
  const { layout, spec } = fit.shared
  const bytes = carriedBytes(layout, spec.rule)
  let end = heap.allocate(bytes)
  fit.blocks.push(end)
  yield* clear(thread, end, bytes)
  fit.carried = carriedRows(layout, spec.rule).map(rows => {
    const address = end
    end += rows * layout.stride
    return address
  })
  return fit.carried
}

/** A is H, and B is 1. */
function* startAccumulators(thread: Thread, { shared }: HeldFit, [A, B]: Carried): Steps<void> {
  const { paddedColumns, stride, size, Ht } = shared.layout
  const bytes = paddedColumns * stride
  for (let at = 0; at < bytes; at += PIECE) {
    const count = Math.min(PIECE, bytes - at)
    thread.copy(Ht + at, count, A + at)
    thread.reals(shared).fill(1, (B + at) / size, (B + at + count) / size)
    yield 'turn'
  }
}

/** Room for what batches leave, holding what they have left so far, or what they begin with; a snapshot takes itself. */
export function* prepareCarried({ thread }: Crew, heap: Heap, fit: HeldFit): Steps<Carried> {
  const places = yield* take(thread, heap, fit)
  const { layout, spec } = fit.shared
  if (fit.hasCarried || spec.rule === 'svrmu') return places
  if (spec.rule === 'sgd') yield* clear(thread, places[0], layout.paddedColumns * layout.stride)
  else yield* startAccumulators(thread, fit, places)
  fit.hasCarried = true
  return places
}

/** Packed, rank × columns like H; nothing before the first batch. A snapshot can be taken again. */
export function* fetchCarried(
  thread: Thread,
  { shared, carried, hasCarried }: HeldFit,
): Steps<Pick<Factors, 'accumulated' | 'gradient'>> {
  const { rule } = shared.spec
  if (!carried || !hasCarried || rule === 'svrmu') return {}
  const first = yield* fetchH(thread, shared, carried[0])
  if (rule === 'sgd') return { gradient: first }
  return { accumulated: { A: first, B: yield* fetchH(thread, shared, carried[1]) } }
}

/** The way back; without what they have left, batches start anew. */
export function* storeCarried(thread: Thread, heap: Heap, fit: HeldFit, factors: Factors): Steps<void> {
  fit.hasCarried = false
  fit.bounds = undefined
  const lists = listsOf(fit, factors)
  if (lists.length === 0) return
  const places = yield* take(thread, heap, fit)
  for (const [i, list] of lists.entries()) yield* storeH(thread, fit.shared, list, places[i])
  fit.hasCarried = true
}

function listsOf({ shared }: HeldFit, { accumulated, gradient }: Factors): readonly FloatArray[] {
  const { rule } = shared.spec
  if (rule === 'sgd') return gradient ? [gradient] : []
  return accumulated && rule !== 'svrmu' ? [accumulated.A, accumulated.B] : []
}
