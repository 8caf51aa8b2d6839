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
