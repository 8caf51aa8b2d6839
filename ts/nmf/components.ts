import type { Factors } from '../backends/backend.js'
import type { FloatArray } from '../core/matrix.js'

// Backends move the first components of a factor and leave the last; those that are to stay are brought there and back.

/** The component that stands at each place: those that move in their order, then those that stay. */
export function movingFirst(rank: number, frozen: readonly number[]): readonly number[] {
  const moving = Array.from({ length: rank }, (_, r) => r).filter(r => !frozen.includes(r))
  return [...moving, ...frozen]
}

/** The way back. */
export function inverse(order: readonly number[]): readonly number[] {
  const back: number[] = []
  order.forEach((component, place) => {
    back[component] = place
  })
  return back
}

/**
 * Components that add nothing to W·H, as their column of W or their row of H is all zeros: X has no use for so many, or they
 * started at zero, from which some solvers cannot move.
 */
export function* deadComponents({ W, H }: Pick<Factors, 'W' | 'H'>, rank: number): Generator<void, readonly number[]> {
  const largest = (): Float64Array => new Float64Array(rank)
  const [w, h] = [largest(), largest()]
  const piece = rank << 12
  for (let i = 0; i < W.length; i += piece) {
    largestOfColumns(w, W, i, Math.min(W.length, i + piece))
    yield
  }
  const columns = H.length / rank
  for (let r = 0; r < rank; r++) {
    h[r] = largestOf(H, r * columns, (r + 1) * columns)
    yield
  }
  return Array.from(w.keys()).filter(r => w[r] === 0 || h[r] === 0)
}

// functions of their own: engines hardly optimise loops inside a generator

/** Raises what there is of each column to the largest of the packed rows from entry `begin` to `end`. */
function largestOfColumns(largest: Float64Array, F: FloatArray, begin: number, end: number): void {
  for (let i = begin; i < end; i += largest.length) {
    for (let r = 0; r < largest.length; r++) if (F[i + r] > largest[r]) largest[r] = F[i + r]
  }
}

function largestOf(F: FloatArray, begin: number, end: number): number {
  let largest = 0
  for (let i = begin; i < end; i++) if (F[i] > largest) largest = F[i]
  return largest
}

/** Component `order[r]` at each place r of packed factors; the same arrays where nothing changes place. */
export function* reordered<F extends Pick<Factors, 'W' | 'H'>>(
  { W, H }: F,
  order: readonly number[],
): Generator<void, Pick<Factors, 'W' | 'H'>> {
  const rank = order.length
  if (order.every((component, place) => component === place)) return { W, H }
  const columns = H.length / rank
  const [w, h]: FloatArray[] = [W.slice(), H.slice()]
  for (let i = 0; i < w.length; i += rank) {
    for (let r = 0; r < rank; r++) w[i + r] = W[i + order[r]]
    if (i % (rank << 12) === 0) yield
  }
  for (let r = 0; r < rank; r++) {
    h.set(H.subarray(order[r] * columns, (order[r] + 1) * columns), r * columns)
    yield
  }
  return { W: w, H: h }
}
