import { LANES, SIZE } from './simd'

/** to[i] += from[i]; how the accumulators of several lanes become one, in the lanes' order. */
export function add(length: usize, from: usize, to: usize): void {
  const end = to + length * SIZE
  const tiled = to + (length & ~(LANES - 1)) * SIZE
  for (; to < tiled; to += 16, from += 16) v128.store(to, v128.add<Real>(v128.load(to), v128.load(from)))
  for (; to < end; to += SIZE, from += SIZE) store<Real>(to, load<Real>(to) + load<Real>(from))
}
