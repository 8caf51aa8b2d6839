import { at, multiplyAdd } from './simd'
import { transpose } from './transpose'

/** 2⁻⁶³: two entries above it have a normal product. */
const SMALLEST: f32 = 1.0842021724855044e-19

/** Eight columns of four rows. `old` holds the rows before the update, column by column, four entries each. */
function tile(
  rank: usize,
  old: usize,
  g: usize,
  gStride: usize,
  f: usize,
  fStride: usize,
  n: usize,
  nStride: usize,
): void {
  let s00 = f32x4.splat(0),
    s01 = s00,
    s10 = s00,
    s11 = s00,
    s20 = s00,
    s21 = s00,
    s30 = s00,
    s31 = s00
  const end = old + (rank << 4)
  do {
    const b0 = v128.load(g)
    const b1 = v128.load(g, 16)
    const f0 = v128.load_splat<f32>(old)
    s00 = multiplyAdd(s00, f0, b0)
    s01 = multiplyAdd(s01, f0, b1)
    const f1 = v128.load_splat<f32>(old, 4)
    s10 = multiplyAdd(s10, f1, b0)
    s11 = multiplyAdd(s11, f1, b1)
    const f2 = v128.load_splat<f32>(old, 8)
    s20 = multiplyAdd(s20, f2, b0)
    s21 = multiplyAdd(s21, f2, b1)
    const f3 = v128.load_splat<f32>(old, 12)
    s30 = multiplyAdd(s30, f3, b0)
    s31 = multiplyAdd(s31, f3, b1)
    old += 16
    g += gStride
  } while (old < end)
  updateRow(f, n, s00, s01)
  updateRow(f + fStride, n + nStride, s10, s11)
  updateRow(f + 2 * fStride, n + 2 * nStride, s20, s21)
  updateRow(f + 3 * fStride, n + 3 * nStride, s30, s31)
}

function updateRow(f: usize, n: usize, d0: v128, d1: v128): void {
  v128.store(f, updated(v128.load(f), v128.load(n), d0))
  v128.store(f, updated(v128.load(f, 16), v128.load(n, 16), d1), 16)
}

function updated(f: v128, n: v128, denominator: v128): v128 {
  const value = f32x4.mul(f32x4.div(f, denominator), n)
  const alive = v128.and(value, f32x4.gt(denominator, f32x4.splat(0)))
  return v128.andnot(alive, f32x4.lt(value, f32x4.splat(SMALLEST)))
}

/** Entries that no whole tile covers; `old` as for the tile. */
function edge(
  rows: usize,
  rank: usize,
  first: usize,
  old: usize,
  g: usize,
  gStride: usize,
  f: usize,
  fStride: usize,
  n: usize,
  nStride: usize,
): void {
  for (let i: usize = 0; i < rows; i++) {
    for (let r = first; r < rank; r++) {
      let denominator: f32 = 0
      for (let s: usize = 0; s < rank; s++)
        denominator += load<f32>(at(old, 16, s, i)) * load<f32>(at(g, gStride, s, r))
      const value = (load<f32>(at(old, 16, r, i)) / denominator) * load<f32>(at(n, nStride, i, r))
      store<f32>(at(f, fStride, i, r), denominator > 0 && !(value < SMALLEST) ? value : 0)
    }
  }
}

/**
 * F ← F ∘ N / (F·G), in place; F and N are rows × rank, G rank × rank. `scratch` holds 16·rank bytes: each group of four
 * rows is first copied there, column by column, so that the update may overwrite what its own sums read.
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
  scratch: usize,
): void {
  const tiledRank = rank & ~7
  for (let row: usize = 0; row < rows; row += 4) {
    const count = min<usize>(4, rows - row)
    const fRow = f + row * fStride
    const nRow = n + row * nStride
    transpose(count, rank, fRow, fStride, scratch, 16)
    if (count < 4) {
      edge(count, rank, 0, scratch, g, gStride, fRow, fStride, nRow, nStride)
      continue
    }
    for (let r: usize = 0; r < tiledRank; r += 8) {
      tile(rank, scratch, at(g, 0, 0, r), gStride, at(fRow, 0, 0, r), fStride, at(nRow, 0, 0, r), nStride)
    }
    edge(4, rank, tiledRank, scratch, g, gStride, fRow, fStride, nRow, nStride)
  }
}
