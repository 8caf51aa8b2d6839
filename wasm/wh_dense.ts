import { at, LANES, multiplyAdd, SIZE } from './simd'
import { transpose } from './transpose'

/** Four rows by two vectors of columns; `w` holds the four rows of W, column by column. */
function tile(rank: usize, w: usize, h: usize, hStride: usize, u: usize, uStride: usize, rows: usize): void {
  let s00 = v128.splat<Real>(0),
    s01 = s00,
    s10 = s00,
    s11 = s00,
    s20 = s00,
    s21 = s00,
    s30 = s00,
    s31 = s00
  const end = w + rank * (4 * SIZE)
  do {
    const b0 = v128.load(h)
    const b1 = v128.load(h, 16)
    const w0 = v128.load_splat<Real>(w)
    s00 = multiplyAdd(s00, w0, b0)
    s01 = multiplyAdd(s01, w0, b1)
    const w1 = v128.load_splat<Real>(w, sizeof<Real>())
    s10 = multiplyAdd(s10, w1, b0)
    s11 = multiplyAdd(s11, w1, b1)
    const w2 = v128.load_splat<Real>(w, 2 * sizeof<Real>())
    s20 = multiplyAdd(s20, w2, b0)
    s21 = multiplyAdd(s21, w2, b1)
    const w3 = v128.load_splat<Real>(w, 3 * sizeof<Real>())
    s30 = multiplyAdd(s30, w3, b0)
    s31 = multiplyAdd(s31, w3, b1)
    w += 4 * SIZE
    h += hStride
  } while (w < end)
  put(u, s00, s01)
  if (rows > 1) put(u + uStride, s10, s11)
  if (rows > 2) put(u + 2 * uStride, s20, s21)
  if (rows > 3) put(u + 3 * uStride, s30, s31)
}

function put(u: usize, s0: v128, s1: v128): void {
  v128.store(u, s0)
  v128.store(u, s1, 16)
}

/** Columns that no whole tile covers. */
function edge(
  rank: usize,
  w: usize,
  h: usize,
  hStride: usize,
  u: usize,
  uStride: usize,
  rows: usize,
  columns: usize,
): void {
  for (let i: usize = 0; i < rows; i++) {
    for (let j: usize = 0; j < columns; j++) {
      let sum: Real = 0
      for (let r: usize = 0; r < rank; r++) sum += load<Real>(at(w, 4 * SIZE, r, i)) * load<Real>(at(h, hStride, r, j))
      store<Real>(at(u, uStride, i, j), sum)
    }
  }
}

/**
 * U = W·H; W is rows × rank, H rank × columns, U rows × columns. `scratch` holds rows·rank elements, rows rounded up to a
 * multiple of 4: the rows of W in fours, each four column by column.
 */
export function wh_dense(
  rows: usize,
  columns: usize,
  rank: usize,
  w: usize,
  wStride: usize,
  h: usize,
  hStride: usize,
  u: usize,
  uStride: usize,
  scratch: usize,
): void {
  for (let i: usize = 0; i < rows; i += 4)
    transpose(min<usize>(4, rows - i), rank, w + i * wStride, wStride, at(scratch, rank * SIZE, i, 0), 4 * SIZE)
  const tiledColumns = columns & ~(2 * LANES - 1)
  // the columns of H stay in the first-level cache while all rows of W pass by
  for (let j: usize = 0; j < tiledColumns; j += 2 * LANES) {
    for (let i: usize = 0; i < rows; i += 4)
      tile(rank, at(scratch, rank * SIZE, i, 0), at(h, 0, 0, j), hStride, at(u, uStride, i, j), uStride, rows - i)
  }
  for (let i: usize = 0; i < rows; i += 4) {
    const w4 = at(scratch, rank * SIZE, i, 0)
    const h4 = at(h, 0, 0, tiledColumns)
    edge(
      rank,
      w4,
      h4,
      hStride,
      at(u, uStride, i, tiledColumns),
      uStride,
      min<usize>(4, rows - i),
      columns - tiledColumns,
    )
  }
}
