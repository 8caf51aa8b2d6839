import { sumsOfLanes } from './lanes'
import { at, LANES, multiplyAdd, SIZE } from './simd'

/** Columns summed before their part goes to N: keeps a block of H in the second-level cache, and rounding errors small. */
const BLOCK: usize = 1024

/** Four rows of X by two rows of H, a vector of columns a step: eight sums, six loads and a product fit V8's registers. */
function tile(
  columns: usize,
  x: usize,
  xStride: usize,
  h: usize,
  hStride: usize,
  n: usize,
  nStride: usize,
  add: bool,
): void {
  let x0 = x,
    x1 = x + xStride,
    x2 = x1 + xStride,
    x3 = x2 + xStride
  let h0 = h,
    h1 = h + hStride
  let s00 = v128.splat<Real>(0),
    s01 = s00,
    s10 = s00,
    s11 = s00,
    s20 = s00,
    s21 = s00,
    s30 = s00,
    s31 = s00
  const end = x + columns * SIZE
  do {
    const b0 = v128.load(h0)
    const b1 = v128.load(h1)
    const a0 = v128.load(x0)
    s00 = multiplyAdd(s00, a0, b0)
    s01 = multiplyAdd(s01, a0, b1)
    const a1 = v128.load(x1)
    s10 = multiplyAdd(s10, a1, b0)
    s11 = multiplyAdd(s11, a1, b1)
    const a2 = v128.load(x2)
    s20 = multiplyAdd(s20, a2, b0)
    s21 = multiplyAdd(s21, a2, b1)
    const a3 = v128.load(x3)
    s30 = multiplyAdd(s30, a3, b0)
    s31 = multiplyAdd(s31, a3, b1)
    x0 += 16
    x1 += 16
    x2 += 16
    x3 += 16
    h0 += 16
    h1 += 16
  } while (x0 < end)
  putRows(n, nStride, add, s00, s01, s10, s11)
  putRows(n + 2 * nStride, nStride, add, s20, s21, s30, s31)
}

/** The sums over the lanes to two entries of two rows. */
function putRows(n: usize, nStride: usize, add: bool, s00: v128, s01: v128, s10: v128, s11: v128): void {
  const next = n + nStride
  if (sizeof<Real>() == 8) {
    const t0 = sumsOfLanes(s00, s01, s00, s01)
    const t1 = sumsOfLanes(s10, s11, s10, s11)
    v128.store(n, add ? v128.add<Real>(v128.load(n), t0) : t0)
    v128.store(next, add ? v128.add<Real>(v128.load(next), t1) : t1)
    return
  }
  let t = sumsOfLanes(s00, s01, s10, s11)
  if (add) t = v128.add<Real>(v128.load64_lane(next, v128.load64_zero(n), 1), t)
  v128.store64_lane(n, t, 0)
  v128.store64_lane(next, t, 1)
}

/** Entries that no whole tile covers. */
function edge(
  rows: usize,
  columns: usize,
  ranks: usize,
  x: usize,
  xStride: usize,
  h: usize,
  hStride: usize,
  n: usize,
  nStride: usize,
  add: bool,
): void {
  for (let i: usize = 0; i < rows; i++) {
    for (let r: usize = 0; r < ranks; r++) {
      const place = at(n, nStride, i, r)
      let sum: Real = add ? load<Real>(place) : 0
      for (let j: usize = 0; j < columns; j++)
        sum += load<Real>(at(x, xStride, i, j)) * load<Real>(at(h, hStride, r, j))
      store<Real>(place, sum)
    }
  }
}

/**
 * N = X·Hᵀ, or N += X·Hᵀ where `add` is not 0. X is rows × columns, N rows × rank, and H comes as rank × columns: rows
 * of X and of H are then read in step, and nothing has to be packed.
 */
export function xht_dense(
  rows: usize,
  columns: usize,
  rank: usize,
  x: usize,
  xStride: usize,
  h: usize,
  hStride: usize,
  n: usize,
  nStride: usize,
  add: i32,
): void {
  const tiledRows = rows & ~3
  const tiledColumns = columns & ~(LANES - 1)
  const tiledRank = rank & ~1
  for (let first: usize = 0; first < tiledColumns; first += BLOCK) {
    const count = min(BLOCK, tiledColumns - first)
    const onTop = add != 0 || first > 0
    for (let i: usize = 0; i < tiledRows; i += 4) {
      for (let r: usize = 0; r < tiledRank; r += 2) {
        tile(
          count,
          at(x, xStride, i, first),
          xStride,
          at(h, hStride, r, first),
          hStride,
          at(n, nStride, i, r),
          nStride,
          onTop,
        )
      }
    }
  }
  const restColumns = columns - tiledColumns
  if (restColumns > 0 || tiledColumns == 0) {
    const onTop = add != 0 || tiledColumns > 0
    edge(
      tiledRows,
      restColumns,
      tiledRank,
      at(x, 0, 0, tiledColumns),
      xStride,
      at(h, 0, 0, tiledColumns),
      hStride,
      n,
      nStride,
      onTop,
    )
  }
  edge(
    tiledRows,
    columns,
    rank - tiledRank,
    x,
    xStride,
    at(h, hStride, tiledRank, 0),
    hStride,
    at(n, 0, 0, tiledRank),
    nStride,
    add != 0,
  )
  edge(
    rows - tiledRows,
    columns,
    rank,
    at(x, xStride, tiledRows, 0),
    xStride,
    h,
    hStride,
    at(n, nStride, tiledRows, 0),
    nStride,
    add != 0,
  )
}
