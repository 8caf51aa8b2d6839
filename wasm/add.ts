/** to[i] += from[i]; how the accumulators of several lanes become one, in the lanes' order. */
export function add(length: usize, from: usize, to: usize): void {
  const end = to + (length << 2)
  const tiled = to + ((length & ~3) << 2)
  for (; to < tiled; to += 16, from += 16) v128.store(to, f32x4.add(v128.load(to), v128.load(from)))
  for (; to < end; to += 4, from += 4) store<f32>(to, load<f32>(to) + load<f32>(from))
}
