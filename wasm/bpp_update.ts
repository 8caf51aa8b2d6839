import { at, smallest } from './simd'

// Rows are solved in f64, whatever the factors' elements are, and without fused instructions: a passive set is a matter of
// signs, which the least difference may turn.

/** Bytes of an f64. */
const WIDE: usize = 8

/** ⟨a, b⟩ of `count` f64. */
function inner(count: usize, a: usize, b: usize): f64 {
  let s0 = f64x2.splat(0),
    s1 = s0
  const end = a + count * WIDE
  const tiled = a + (count & ~3) * WIDE
  for (; a < tiled; a += 32, b += 32) {
    s0 = f64x2.add(s0, f64x2.mul(v128.load(a), v128.load(b)))
    s1 = f64x2.add(s1, f64x2.mul(v128.load(a, 16), v128.load(b, 16)))
  }
  const s = f64x2.add(s0, s1)
  let sum = f64x2.extract_lane(s, 0) + f64x2.extract_lane(s, 1)
  for (; a < end; a += WIDE, b += WIDE) sum += load<f64>(a) * load<f64>(b)
  return sum
}

/** to −= by·from, of `count` f64. */
function subtract(count: usize, by: f64, from: usize, to: usize): void {
  const share = f64x2.splat(by)
  const end = to + count * WIDE
  const tiled = to + (count & ~1) * WIDE
  for (; to < tiled; to += 16, from += 16) v128.store(to, f64x2.sub(v128.load(to), f64x2.mul(share, v128.load(from))))
  if (to < end) store<f64>(to, load<f64>(to) - by * load<f64>(from))
}

/**
 * Solves Lz = z in place. Row a of `factor` holds row a of Lᵀ from its diagonal on, but the inverse of the diagonal entry.
 */
function forward(size: usize, factor: usize, stride: usize, z: usize): void {
  for (let a: usize = 0; a < size; a++) {
    const row = factor + a * (stride + WIDE)
    const place = z + a * WIDE
    const entry = load<f64>(place) * load<f64>(row)
    store<f64>(place, entry)
    subtract(size - a - 1, entry, row + WIDE, place + WIDE)
  }
}

/**
 * Brings the factor of B on the components of `passive` up to date, in the components' order, and answers how many it has:
 * those that depend on ones before them are left out. `kept` names them. Rows of L hold as long as no component before
 * theirs has changed sides, so that the work goes on from the first that has, whichever row of F it was done for:
 * `factored` is the set that the factor is of, and `before` says of each component how many before it the factor has.
 */
function factorise(
  moving: usize,
  size: usize,
  bend: usize,
  factor: usize,
  stride: usize,
  kept: usize,
  before: usize,
  passive: usize,
  factored: usize,
  z: usize,
): usize {
  let r: usize = 0
  while (r < moving && load<u8>(passive + r) == load<u8>(factored + r)) r++
  if (r == moving) return size
  size = <usize>load<u32>(before + (r << 2))
  for (; r < moving; r++) {
    store<u32>(before + (r << 2), <u32>size)
    const isPassive = load<u8>(passive + r)
    store<u8>(factored + r, isPassive)
    if (!isPassive) continue
    const row = bend + r * stride
    for (let a: usize = 0; a < size; a++)
      store<f64>(z + a * WIDE, load<f64>(row + <usize>load<u32>(kept + (a << 2)) * WIDE))
    forward(size, factor, stride, z)
    const diagonal = load<f64>(row + r * WIDE)
    const square = diagonal - inner(size, z, z)
    // 2⁻²⁴
    if (!(square > 5.960464477539063e-8 * diagonal)) continue
    for (let a: usize = 0; a < size; a++) store<f64>(factor + a * stride + size * WIDE, load<f64>(z + a * WIDE))
    store<f64>(factor + size * (stride + WIDE), 1 / sqrt<f64>(square))
    store<u32>(kept + (size << 2), <u32>r)
    size++
  }
  return size
}

/** f ← the minimum for `wanted` on the components that the factor has, zero elsewhere. */
function solve(
  moving: usize,
  size: usize,
  wanted: usize,
  factor: usize,
  stride: usize,
  kept: usize,
  z: usize,
  f: usize,
): void {
  for (let a: usize = 0; a < size; a++)
    store<f64>(z + a * WIDE, load<f64>(wanted + <usize>load<u32>(kept + (a << 2)) * WIDE))
  forward(size, factor, stride, z)
  memory.fill(f, 0, moving * WIDE)
  for (let a = size; a > 0; a--) {
    const row = factor + (a - 1) * (stride + WIDE)
    const place = z + (a - 1) * WIDE
    const entry = (load<f64>(place) - inner(size - a, row + WIDE, place + WIDE)) * load<f64>(row)
    store<f64>(place, entry)
    store<f64>(f + <usize>load<u32>(kept + ((a - 1) << 2)) * WIDE, entry)
  }
}

/** The gradient of component r at f, but for the penalty that `wanted` has. */
function gradientAt(moving: usize, r: usize, f: usize, wanted: usize, bend: usize, stride: usize): f64 {
  return inner(moving, bend + r * stride, f) - load<f64>(wanted + r * WIDE)
}

/** Marks the components that break the optimality conditions in `breaking`, answers their number, and the last at `last`. */
function judge(
  moving: usize,
  f: usize,
  wanted: usize,
  bend: usize,
  stride: usize,
  slack: f64,
  passive: usize,
  breaking: usize,
  last: usize,
): usize {
  let count: usize = 0
  for (let r: usize = 0; r < moving; r++) {
    const breaks = load<u8>(passive + r)
      ? load<f64>(f + r * WIDE) < 0
      : gradientAt(moving, r, f, wanted, bend, stride) < -slack
    store<u8>(breaking + r, breaks ? 1 : 0)
    if (!breaks) continue
    count++
    store<u32>(last, <u32>r)
  }
  return count
}

/**
 * Each row of F ← argmin over [0, ∞) of ½·fᵀ(G + l2·I)f − (N[i] − l1)ᵀf by block principal pivoting, from the components
 * above zero; F and N are rows × rank, G rank × rank. Columns from `moving` on stay, and the others reckon with them.
 * `scratch` holds 16·rank² + 64·rank + 64 bytes at a multiple of 8. `violation`, an f64, grows by the sum of the projected
 * gradient before the rows move.
 */
export function bpp_update(
  rows: usize,
  rank: usize,
  f: usize,
  fStride: usize,
  n: usize,
  nStride: usize,
  g: usize,
  gStride: usize,
  l1: f64,
  l2: f64,
  moving: usize,
  scratch: usize,
  violation: usize,
): void {
  const stride = rank * WIDE
  const bend = scratch
  const factor = bend + rank * stride
  const wanted = factor + rank * stride
  const row = wanted + stride
  const z = row + stride
  const kept = z + stride
  const before = kept + stride
  const passive = before + stride
  const factored = passive + rank
  const breaking = factored + rank
  const last = scratch + 2 * rank * stride + 8 * stride
  for (let r: usize = 0; r < moving; r++) {
    for (let s: usize = 0; s < moving; s++)
      store<f64>(bend + r * stride + s * WIDE, <f64>load<Real>(at(g, gStride, r, s)) + (r == s ? l2 : 0))
  }
  // a factor of the empty set
  let size: usize = 0
  memory.fill(before, 0, stride)
  memory.fill(factored, 0, rank)
  let total: f64 = 0
  for (let i: usize = 0; i < rows; i++) {
    let largest: f64 = 0
    for (let r: usize = 0; r < moving; r++) {
      const value = <f64>load<Real>(at(f, fStride, i, r))
      let right = <f64>load<Real>(at(n, nStride, i, r)) - l1
      for (let s = moving; s < rank; s++)
        right -= <f64>load<Real>(at(f, fStride, i, s)) * <f64>load<Real>(at(g, gStride, s, r))
      store<f64>(row + r * WIDE, value)
      store<f64>(wanted + r * WIDE, right)
      store<u8>(passive + r, value > 0 ? 1 : 0)
      largest = max<f64>(largest, abs<f64>(right))
    }
    for (let r: usize = 0; r < moving; r++) {
      const gradient = gradientAt(moving, r, row, wanted, bend, stride)
      total += abs<f64>(load<f64>(row + r * WIDE) > 0 ? gradient : min<f64>(0, gradient))
    }
    // 2⁻⁴⁰
    const slack = 9.094947017729282e-13 * largest
    let fewest = moving + 1
    let chances = 3
    for (let exchanges: usize = 0; ; exchanges++) {
      size = factorise(moving, size, bend, factor, stride, kept, before, passive, factored, z)
      solve(moving, size, wanted, factor, stride, kept, z, row)
      const count = judge(moving, row, wanted, bend, stride, slack, passive, breaking, last)
      if (count == 0 || exchanges >= 5 * moving + 20) break
      if (count < fewest) {
        fewest = count
        chances = 3
      } else if (chances > 0) {
        chances--
      } else {
        // one at a time comes to an end where many at once may go round in circles
        memory.fill(breaking, 0, moving)
        store<u8>(breaking + <usize>load<u32>(last), 1)
      }
      for (let r: usize = 0; r < moving; r++) store<u8>(passive + r, load<u8>(passive + r) ^ load<u8>(breaking + r))
    }
    for (let r: usize = 0; r < moving; r++) {
      const value = load<f64>(row + r * WIDE)
      store<Real>(at(f, fStride, i, r), value < <f64>smallest() ? 0 : <Real>value)
    }
  }
  store<f64>(violation, load<f64>(violation) + total)
}
