// A system of linear equations of which some components are free and the others held, as exact least squares between bounds
// solves them: in f64, whatever the factors' elements are, and without fused instructions, since which components are free
// is a matter of signs, which the least difference may turn.
//
// `scratch` holds two matrices of `width` rows and columns, the system's and its factor's, and lines of that width.

/** Bytes of an f64. */
export const WIDE: usize = 8

/** The right-hand side, and the part of it that components at their bound leave. */
export const WANTED: usize = 0
export const RIGHT: usize = 1
/** The row as it is solved for, as it was, and where components lie that are not free: 0 or the bound. */
export const ROW: usize = 2
export const START: usize = 3
export const HELD: usize = 4
/** By components of the factor: the solution, half-way and whole; which components these are. */
const Z: usize = 5
const KEPT: usize = 6
/** How many components of the factor come before each; the diagonal as it was before a proximal term. */
const BEFORE: usize = 7
export const DIAGONAL: usize = 8
/** A byte for each component: whether it is free, whether it was when the factor was made, what it breaks; and the last that does. */
export const MARKS: usize = 9
export const LAST: usize = 10
const LINES: usize = 11

/** The rank in whole pairs of vectors. */
export function widthOf(rank: usize): usize {
  return (rank + 3) & ~3
}

export function line(scratch: usize, width: usize, number: usize): usize {
  return scratch + (2 * width + number) * width * WIDE
}

/** The right-hand side of the next row. */
export function wantedOf(scratch: usize, width: usize): usize {
  return line(scratch, width, WANTED)
}

/** The next row as it is, in f64. */
export function startOf(scratch: usize, width: usize): usize {
  return line(scratch, width, START)
}

/** What lies behind all that: room for the caller. */
export function blockOf(scratch: usize, width: usize): usize {
  return line(scratch, width, LINES)
}

/** ⟨a, b⟩ of `count` f64. */
export function inner(count: usize, a: usize, b: usize): f64 {
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

/** A factor of no components, for a system that is new; answers how many these are. */
export function forget(scratch: usize, width: usize): usize {
  memory.fill(line(scratch, width, BEFORE), 0, width * WIDE)
  memory.fill(line(scratch, width, MARKS) + width, 0, width)
  return 0
}

/**
 * Brings the factor U, UᵀU = B, of the free components up to date, in their order, and answers how many these are. Its rows
 * hold the inverses of their diagonal entries, and a component that depends on those before it has 0 there, so that its row
 * is zero and its solution too. Columns of U hold as long as no component before theirs has changed places, so that the work
 * goes on from the first that has, whichever row of the factor matrix it was done for.
 */
export function factorise(moving: usize, size: usize, scratch: usize, width: usize): usize {
  const stride = width * WIDE
  const bend = scratch
  const factor = bend + width * stride
  const kept = line(scratch, width, KEPT)
  const before = line(scratch, width, BEFORE)
  const free = line(scratch, width, MARKS)
  const factored = free + width
  let r: usize = 0
  while (r < moving && load<u8>(free + r) == load<u8>(factored + r)) r++
  if (r == moving) return size
  const first = <usize>load<u32>(before + (r << 2))
  size = first
  for (; r < moving; r++) {
    store<u32>(before + (r << 2), <u32>size)
    const isFree = load<u8>(free + r)
    store<u8>(factored + r, isFree)
    if (isFree) store<u32>(kept + (size++ << 2), <u32>r)
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

/** Whether a component of the factor depends on those before it, one that is not zero in all of B. */
export function isSingular(size: usize, scratch: usize, width: usize): bool {
  const stride = width * WIDE
  const factor = scratch + width * stride
  const kept = line(scratch, width, KEPT)
  for (let a: usize = 0; a < size; a++) {
    if (load<f64>(factor + a * (stride + WIDE)) != 0) continue
    if (load<f64>(scratch + <usize>load<u32>(kept + (a << 2)) * (stride + WIDE)) > 0) return true
  }
  return false
}

/** The row ← its minimum on the components that U is of, the others where they are held. */
export function solve(moving: usize, size: usize, scratch: usize, width: usize): void {
  const stride = width * WIDE
  const factor = scratch + width * stride
  const kept = line(scratch, width, KEPT)
  const free = line(scratch, width, MARKS)
  const held = line(scratch, width, HELD)
  const row = line(scratch, width, ROW)
  const z = line(scratch, width, Z)
  let right = line(scratch, width, WANTED)
  for (let r: usize = 0, first = true; r < moving; r++) {
    const value: f64 = load<u8>(free + r) ? 0 : load<f64>(held + r * WIDE)
    store<f64>(row + r * WIDE, value)
    if (value == 0) continue
    if (first) {
      const rest = line(scratch, width, RIGHT)
      memory.copy(rest, right, moving * WIDE)
      right = rest
      first = false
    }
    subtract(0, moving, value, scratch + r * stride, right)
  }
  for (let a: usize = 0; a < size; a++)
    store<f64>(z + a * WIDE, load<f64>(right + <usize>load<u32>(kept + (a << 2)) * WIDE))
  for (let a: usize = 0; a < size; a++) {
    const from = factor + a * stride
    const entry = load<f64>(z + a * WIDE) * load<f64>(from + a * WIDE)
    store<f64>(z + a * WIDE, entry)
    subtract(a + 1, size, entry, from, z)
  }
  for (let a = size; a-- > 0; ) {
    const from = factor + a * stride
    let s0: f64 = 0,
      s1: f64 = 0
    let b = a + 1
    for (; b + 1 < size; b += 2) {
      s0 += load<f64>(from + b * WIDE) * load<f64>(z + b * WIDE)
      s1 += load<f64>(from + b * WIDE, 8) * load<f64>(z + b * WIDE, 8)
    }
    if (b < size) s0 += load<f64>(from + b * WIDE) * load<f64>(z + b * WIDE)
    const entry = (load<f64>(z + a * WIDE) - (s0 + s1)) * load<f64>(from + a * WIDE)
    store<f64>(z + a * WIDE, entry)
    store<f64>(row + <usize>load<u32>(kept + (a << 2)) * WIDE, entry)
  }
}

/** The gradient of component r at `row`. */
export function gradientAt(moving: usize, r: usize, row: usize, scratch: usize, width: usize): f64 {
  return inner(moving, scratch + r * width * WIDE, row) - load<f64>(line(scratch, width, WANTED) + r * WIDE)
}
