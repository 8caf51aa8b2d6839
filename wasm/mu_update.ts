import { at, LANES, multiplyAdd, SIZE, smallest } from './simd'
import { transpose } from './transpose'

// Entries at the floor meet entries of G, and products N, that are as small: their products would be subnormal, which
// costs a hundred cycles each. So sums and results are computed `scale()` times as large, which changes no bit of them.

function scale(): Real {
  // 2³⁸⁴ and 2⁴⁸
  return sizeof<Real>() == 8 ? <Real>3.940200619639448e115 : <Real>281474976710656
}

/** Two vectors of columns of four rows. `old` holds the scaled rows before the update, column by column, four entries each. */
function tile(
  rank: usize,
  old: usize,
  g: usize,
  gStride: usize,
  f: usize,
  fStride: usize,
  n: usize,
  nStride: usize,
  l1: v128,
  l2: v128,
  most: v128,
): void {
  let s00 = l1,
    s01 = l1,
    s10 = l1,
    s11 = l1,
    s20 = l1,
    s21 = l1,
    s30 = l1,
    s31 = l1
  const end = old + rank * (4 * SIZE)
  do {
    const b0 = v128.load(g)
    const b1 = v128.load(g, 16)
    const f0 = v128.load_splat<Real>(old)
    s00 = multiplyAdd(s00, f0, b0)
    s01 = multiplyAdd(s01, f0, b1)
    const f1 = v128.load_splat<Real>(old, sizeof<Real>())
    s10 = multiplyAdd(s10, f1, b0)
    s11 = multiplyAdd(s11, f1, b1)
    const f2 = v128.load_splat<Real>(old, 2 * sizeof<Real>())
    s20 = multiplyAdd(s20, f2, b0)
    s21 = multiplyAdd(s21, f2, b1)
    const f3 = v128.load_splat<Real>(old, 3 * sizeof<Real>())
    s30 = multiplyAdd(s30, f3, b0)
    s31 = multiplyAdd(s31, f3, b1)
    old += 4 * SIZE
    g += gStride
  } while (old < end)
  updateRow(f, n, s00, s01, l2, most)
  updateRow(f + fStride, n + nStride, s10, s11, l2, most)
  updateRow(f + 2 * fStride, n + 2 * nStride, s20, s21, l2, most)
  updateRow(f + 3 * fStride, n + 3 * nStride, s30, s31, l2, most)
}

/** One vector of columns of four rows. */
function narrow(
  rank: usize,
  old: usize,
  g: usize,
  gStride: usize,
  f: usize,
  fStride: usize,
  n: usize,
  nStride: usize,
  l1: v128,
  l2: v128,
  most: v128,
): void {
  let s0 = l1,
    s1 = l1,
    s2 = l1,
    s3 = l1
  const end = old + rank * (4 * SIZE)
  do {
    const b = v128.load(g)
    s0 = multiplyAdd(s0, v128.load_splat<Real>(old), b)
    s1 = multiplyAdd(s1, v128.load_splat<Real>(old, sizeof<Real>()), b)
    s2 = multiplyAdd(s2, v128.load_splat<Real>(old, 2 * sizeof<Real>()), b)
    s3 = multiplyAdd(s3, v128.load_splat<Real>(old, 3 * sizeof<Real>()), b)
    old += 4 * SIZE
    g += gStride
  } while (old < end)
  v128.store(f, updated(v128.load(f), v128.load(n), s0, l2, most))
  f += fStride
  n += nStride
  v128.store(f, updated(v128.load(f), v128.load(n), s1, l2, most))
  f += fStride
  n += nStride
  v128.store(f, updated(v128.load(f), v128.load(n), s2, l2, most))
  f += fStride
  n += nStride
  v128.store(f, updated(v128.load(f), v128.load(n), s3, l2, most))
}

function updateRow(f: usize, n: usize, d0: v128, d1: v128, l2: v128, most: v128): void {
  v128.store(f, updated(v128.load(f), v128.load(n), d0, l2, most))
  v128.store(f, updated(v128.load(f, 16), v128.load(n, 16), d1, l2, most), 16)
}

function updated(f: v128, n: v128, d: v128, l2: v128, most: v128): v128 {
  const zero = v128.splat<Real>(0)
  const by = v128.splat<Real>(scale())
  const least = v128.splat<Real>(scale() * smallest())
  const scaled = v128.mul<Real>(f, by)
  const denominator = v128.add<Real>(d, v128.mul<Real>(l2, scaled))
  const moved = v128.mul<Real>(v128.mul<Real>(v128.div<Real>(scaled, denominator), by), n)
  const value = v128.and(moved, v128.gt<Real>(denominator, zero))
  // what lies below `least` becomes `least`, or 0 where it is 0
  const kept = v128.pmax<Real>(value, v128.and(least, v128.gt<Real>(value, zero)))
  return v128.pmin<Real>(v128.mul<Real>(kept, v128.splat<Real>(1 / scale())), most)
}

/** Entries that no whole tile covers; `old` as for the tile. */
function edge(
  rows: usize,
  rank: usize,
  first: usize,
  moving: usize,
  old: usize,
  g: usize,
  gStride: usize,
  f: usize,
  fStride: usize,
  n: usize,
  nStride: usize,
  l1: Real,
  l2: Real,
  most: Real,
): void {
  for (let i: usize = 0; i < rows; i++) {
    for (let r = first; r < moving; r++) {
      const before = load<Real>(at(old, 4 * SIZE, r, i))
      let denominator = l1
      for (let s: usize = 0; s < rank; s++)
        denominator += load<Real>(at(old, 4 * SIZE, s, i)) * load<Real>(at(g, gStride, s, r))
      denominator += l2 * before
      let value: Real = 0
      if (denominator > 0) {
        value = (before / denominator) * scale() * load<Real>(at(n, nStride, i, r))
        if (value > 0 && value < scale() * smallest()) value = scale() * smallest()
      }
      store<Real>(at(f, fStride, i, r), min<Real>(value * (1 / scale()), most))
    }
  }
}

/**
 * F ← F ∘ N / (F·G + l1 + l2·F), in place; F and N are rows × rank, G rank × rank. `scratch` holds 4·rank elements: each
 * group of four rows is first copied there, column by column, so that the update may overwrite what its own sums read.
 * Columns from `moving` on stay as they are, and no entry goes above `most`.
 */
export function mu_update(
  rows: usize,
  rank: usize,
  f: usize,
  fStride: usize,
  n: usize,
  nStride: usize,
  g: usize,
  gStride: usize,
  l1: Real,
  l2: Real,
  moving: usize,
  most: Real,
  scratch: usize,
): void {
  const wide = moving & ~(2 * LANES - 1)
  const tiled = moving & ~(LANES - 1)
  const by = v128.splat<Real>(scale())
  const ones = v128.splat<Real>(l1 * scale())
  const twos = v128.splat<Real>(l2)
  const bound = v128.splat<Real>(most)
  for (let row: usize = 0; row < rows; row += 4) {
    const count = min<usize>(4, rows - row)
    const fRow = f + row * fStride
    const nRow = n + row * nStride
    transpose(count, rank, fRow, fStride, scratch, 4 * SIZE)
    const end = scratch + rank * (4 * SIZE)
    for (let p = scratch; p < end; p += 16) v128.store(p, v128.mul<Real>(v128.load(p), by))
    if (count < 4) {
      edge(count, rank, 0, moving, scratch, g, gStride, fRow, fStride, nRow, nStride, l1 * scale(), l2, most)
      continue
    }
    for (let r: usize = 0; r < wide; r += 2 * LANES) {
      const fTile = at(fRow, 0, 0, r)
      const nTile = at(nRow, 0, 0, r)
      tile(rank, scratch, at(g, 0, 0, r), gStride, fTile, fStride, nTile, nStride, ones, twos, bound)
    }
    if (wide < tiled) {
      const fTile = at(fRow, 0, 0, wide)
      const nTile = at(nRow, 0, 0, wide)
      narrow(rank, scratch, at(g, 0, 0, wide), gStride, fTile, fStride, nTile, nStride, ones, twos, bound)
    }
    edge(4, rank, tiled, moving, scratch, g, gStride, fRow, fStride, nRow, nStride, l1 * scale(), l2, most)
  }
}
