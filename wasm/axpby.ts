import { multiplyAdd, putRest, splat, takeRest, wholeVectors } from './vector'

function pass(length: usize, x: usize, y: usize, out: usize, scalars: usize): void {
  const a = splat(scalars, 0)
  const b = splat(scalars, 1)
  for (let end = x + (length << 2); x < end; x += 16, y += 16, out += 16) {
    v128.store(out, multiplyAdd(a, v128.load(x), f32x4.mul(b, v128.load(y))))
  }
}

/** out ← a·x + b·y; `out` may be x or y. It has no sums. */
export function axpby(
  length: usize,
  x: usize,
  y: usize,
  out: usize,
  scalars: usize,
  sums: usize,
  scratch: usize,
): void {
  pass(wholeVectors(length), x, y, out, scalars)
  if ((length & 3) === 0) return
  const restX = takeRest(x, length, scratch, 0)
  const restY = takeRest(y, length, scratch, 1)
  const restOut = takeRest(out, length, scratch, 2)
  pass(4, restX, restY, restOut, scalars)
  putRest(out, length, scratch, 2)
}
