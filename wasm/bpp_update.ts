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

/**
 * to −= by·from, of the f64 from `first` to `end`. Vectors begin at even places, whatever `first` is: a load that spans two
 * stores just made would wait for both.
 */
function subtract(first: usize, end: usize, by: f64, from: usize, to: usize): void {
  let i = first
  if (i & 1 && i < end) {
    store<f64>(to + i * WIDE, load<f64>(to + i * WIDE) - by * load<f64>(from + i * WIDE))
    i++
  }
  const share = f64x2.splat(by)
  for (; i + 1 < end; i += 2) {
    const place = to + i * WIDE
    v128.store(place, f64x2.sub(v128.load(place), f64x2.mul(share, v128.load(from + i * WIDE))))
  }
  if (i < end) store<f64>(to + i * WIDE, load<f64>(to + i * WIDE) - by * load<f64>(from + i * WIDE))
}

/**
 * Brings the factor U, UᵀU = B, of the components of `passive` up to date, in their order, and answers how many these are;
 * `kept` names them. Its rows hold the inverses of their diagonal entries, and a component that depends on those before it
 * has 0 there, so that its row is zero and its solution too. Columns of U hold as long as no component before theirs has
 * changed sides, so that the work goes on from the first that has, whichever row of F it was done for: `factored` is the
 * set that U is of, and `before` says of each component how many columns come before it.
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
): usize {
  let r: usize = 0
  while (r < moving && load<u8>(passive + r) == load<u8>(factored + r)) r++
  if (r == moving) return size
  const first = <usize>load<u32>(before + (r << 2))
  size = first
  for (; r < moving; r++) {
    store<u32>(before + (r << 2), <u32>size)
    const isPassive = load<u8>(passive + r)
    store<u8>(factored + r, isPassive)
    if (isPassive) store<u32>(kept + (size++ << 2), <u32>r)
  }
  for (let a: usize = 0; a < size; a++) {
    const row = factor + a * stride
    const bends = bend + <usize>load<u32>(kept + (a << 2)) * stride
    for (let b = max(a, first); b < size; b++)
      store<f64>(row + b * WIDE, load<f64>(bends + <usize>load<u32>(kept + (b << 2)) * WIDE))
  }
  for (let a: usize = 0; a < size; a++) {
    const row = factor + a * stride
    if (a >= first) {
      const square = load<f64>(row + a * WIDE)
      const r = <usize>load<u32>(kept + (a << 2))
      // 2⁻²⁴
      const isFree = square > 5.960464477539063e-8 * load<f64>(bend + r * (stride + WIDE))
      store<f64>(row + a * WIDE, isFree ? 1 / sqrt<f64>(square) : 0)
    }
    const inverse = load<f64>(row + a * WIDE)
    for (let b = max(a + 1, first); b < size; b++) store<f64>(row + b * WIDE, load<f64>(row + b * WIDE) * inverse)
    for (let c = a + 1; c < size; c++)
      subtract(max(c, first), size, load<f64>(row + c * WIDE), row, factor + c * stride)
  }
  return size
}

/** f ← the minimum for `wanted` on the components that U is of, zero elsewhere. */
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
  for (let a: usize = 0; a < size; a++) {
    const row = factor + a * stride
    const entry = load<f64>(z + a * WIDE) * load<f64>(row + a * WIDE)
    store<f64>(z + a * WIDE, entry)
    subtract(a + 1, size, entry, row, z)
  }
  for (let r: usize = 0; r < moving; r++) store<f64>(f + r * WIDE, 0)
  for (let a = size; a-- > 0; ) {
    const row = factor + a * stride
    let s0: f64 = 0,
      s1: f64 = 0
    let b = a + 1
    for (; b + 1 < size; b += 2) {
      s0 += load<f64>(row + b * WIDE) * load<f64>(z + b * WIDE)
      s1 += load<f64>(row + b * WIDE, 8) * load<f64>(z + b * WIDE, 8)
    }
    if (b < size) s0 += load<f64>(row + b * WIDE) * load<f64>(z + b * WIDE)
    const entry = (load<f64>(z + a * WIDE) - (s0 + s1)) * load<f64>(row + a * WIDE)
    store<f64>(z + a * WIDE, entry)
    store<f64>(f + <usize>load<u32>(kept + (a << 2)) * WIDE, entry)
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
 * `scratch` holds 16·rank² + 64·rank bytes at a multiple of 8. `violation`, an f64, grows by the sum of the projected
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
  const last = before + 2 * stride
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
      size = factorise(moving, size, bend, factor, stride, kept, before, passive, factored)
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
        for (let r: usize = 0; r < moving; r++) store<u8>(breaking + r, 0)
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
