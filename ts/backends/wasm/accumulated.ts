// What batches leave in the numerators and denominators of H: in wasm memory from the first batch on.

import type { FloatArray } from '../../core/matrix.js'
import type { Factors } from '../backend.js'
import type { Accumulators } from './batch.js'
import type { Crew } from './crew.js'
import type { HeldFit } from './family.js'
import type { Heap } from './heap.js'
import { accumulatorBytes } from './layout.js'
import { fetchH, storeH } from './packed.js'
import type { Steps, Thread } from './thread.js'

/** Elements written before the thread may pause. */
const PIECE = 1 << 20

/** Room for A and B, whose padding is zero like that of H. */
function* take(thread: Thread, heap: Heap, fit: HeldFit): Steps<Accumulators> {
  if (fit.accumulators) return fit.accumulators
  const bytes = accumulatorBytes(fit.shared.layout)
  const A = heap.allocate(bytes)
  fit.blocks.push(A)
  for (let at = 0; at < bytes; at += PIECE) {
    thread.zero(A + at, Math.min(PIECE, bytes - at))
    yield 'turn'
  }
  fit.accumulators = { A, B: A + bytes / 2 }
  return fit.accumulators
}

/** Room for what batches leave, holding what they have left so far: at first A is H, and B is 1. */
export function* accumulate({ thread }: Crew, heap: Heap, fit: HeldFit): Steps<Accumulators> {
  const places = yield* take(thread, heap, fit)
  if (fit.hasAccumulated) return places
  const { paddedColumns, stride, size, Ht } = fit.shared.layout
  const bytes = paddedColumns * stride
  for (let at = 0; at < bytes; at += PIECE) {
    const count = Math.min(PIECE, bytes - at)
    thread.copy(Ht + at, count, places.A + at)
    thread.reals(fit.shared).fill(1, (places.B + at) / size, (places.B + at + count) / size)
    yield 'turn'
  }
  fit.hasAccumulated = true
  return places
}

/** Packed, rank × columns like H; nothing before the first batch. */
export function* fetchAccumulated(
  thread: Thread,
  { shared, accumulators, hasAccumulated }: HeldFit,
): Steps<{ accumulated?: { A: FloatArray; B: FloatArray } }> {
  if (!accumulators || !hasAccumulated) return {}
  const A = yield* fetchH(thread, shared, accumulators.A)
  return { accumulated: { A, B: yield* fetchH(thread, shared, accumulators.B) } }
}

/** The way back; without them batches start anew. */
export function* storeAccumulated(thread: Thread, heap: Heap, fit: HeldFit, { accumulated }: Factors): Steps<void> {
  fit.hasAccumulated = false
  if (!accumulated) return
  const { A, B } = yield* take(thread, heap, fit)
  yield* storeH(thread, fit.shared, accumulated.A, A)
  yield* storeH(thread, fit.shared, accumulated.B, B)
  fit.hasAccumulated = true
}
