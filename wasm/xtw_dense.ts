import { at, LANES, multiplyAdd } from './simd'

/** Rows whose products are summed in registers, and columns of X that share their rows of W in the cache. */
const ROWS: usize = 48
const COLUMNS: usize = 32

/** A += four columns of X, transposed, by two vectors of columns of W; a function of its own so that V8 can swap in its optimised code mid-call. */
function tile(rows: usize, x: usize, xStride: usize, w: usize, wStride: usize, a: usize, aStride: usize): void {
  let s00 = v128.splat<Real>(0),
    s01 = s00,
    s10 = s00,
    s11 = s00,
    s20 = s00,
    s21 = s00,
    s30 = s00,
    s31 = s00
  const end = w + rows * wStride
  do {
    const b0 = v128.load(w)
    const b1 = v128.load(w, 16)
    const x0 = v128.load_splat<Real>(x)
    s00 = multiplyAdd(s00, x0, b0)
    s01 = multiplyAdd(s01, x0, b1)
    const x1 = v128.load_splat<Real>(x, sizeof<Real>())
    s10 = multiplyAdd(s10, x1, b0)
    s11 = multiplyAdd(s11, x1, b1)
    const x2 = v128.load_splat<Real>(x, 2 * sizeof<Real>())
    s20 = multiplyAdd(s20, x2, b0)
    s21 = multiplyAdd(s21, x2, b1)
    const x3 = v128.load_splat<Real>(x, 3 * sizeof<Real>())
    s30 = multiplyAdd(s30, x3, b0)
    s31 = multiplyAdd(s31, x3, b1)
    x += xStride
    w += wStride
  } while (w < end)
  addRow(a, s00, s01)
  addRow(a + aStride, s10, s11)
  addRow(a + 2 * aStride, s20, s21)
  addRow(a + 3 * aStride, s30, s31)
}

function addRow(a: usize, s0: v128, s1: v128): void {
  v128.store(a, v128.add<Real>(v128.load(a), s0))
  v128.store(a, v128.add<Real>(v128.load(a, 16), s1), 16)
}

// Where four columns of W are left, f32 alone: columns of X in the lanes, and sums that have to be turned.

/** A += two vectors of columns of X, transposed, by four columns of W. */
function turned8(rows: usize, x: usize, xStride: usize, w: usize, wStride: usize, a: usize, aStride: usize): void {
  let s00 = v128.splat<Real>(0),
    s01 = s00,
    s10 = s00,
    s11 = s00,
    s20 = s00,
    s21 = s00,
    s30 = s00,
    s31 = s00
  const end = x + rows * xStride
  do {
    const b0 = v128.load(x)
    const b1 = v128.load(x, 16)
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
    x += xStride
    w += wStride
  } while (x < end)
  addTurned(a, aStride, s00, s10, s20, s30)
  addTurned(a + 4 * aStride, aStride, s01, s11, s21, s31)
}

/** The same for the last vector of columns of X. */
function turned4(rows: usize, x: usize, xStride: usize, w: usize, wStride: usize, a: usize, aStride: usize): void {
  let s0 = v128.splat<Real>(0),
    s1 = s0,
    s2 = s0,
    s3 = s0
  const end = x + rows * xStride
  do {
    const b = v128.load(x)
    s0 = multiplyAdd(s0, v128.load_splat<Real>(w), b)
    s1 = multiplyAdd(s1, v128.load_splat<Real>(w, sizeof<Real>()), b)
    s2 = multiplyAdd(s2, v128.load_splat<Real>(w, 2 * sizeof<Real>()), b)
    s3 = multiplyAdd(s3, v128.load_splat<Real>(w, 3 * sizeof<Real>()), b)
    x += xStride
    w += wStride
  } while (x < end)
  addTurned(a, aStride, s0, s1, s2, s3)
}

/** Adds the square of these four rows, transposed. */
function addTurned(a: usize, aStride: usize, r0: v128, r1: v128, r2: v128, r3: v128): void {
  const p = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5)
  const q = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5)
  const s = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7)
  const t = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7)
  v128.store(a, v128.add<Real>(v128.load(a), v128.shuffle<f64>(p, q, 0, 2)))
  a += aStride
  v128.store(a, v128.add<Real>(v128.load(a), v128.shuffle<f64>(p, q, 1, 3)))
  a += aStride
  v128.store(a, v128.add<Real>(v128.load(a), v128.shuffle<f64>(s, t, 0, 2)))
  a += aStride
  v128.store(a, v128.add<Real>(v128.load(a), v128.shuffle<f64>(s, t, 1, 3)))
}

/** Entries that no whole tile covers. */
function edge(
  rows: usize,
  columns: usize,
  ranks: usize,
  x: usize,
  xStride: usize,
  w: usize,
  wStride: usize,
  a: usize,
  aStride: usize,
): void {
  for (let j: usize = 0; j < columns; j++) {
    for (let r: usize = 0; r < ranks; r++) {
      let sum: Real = 0
      for (let i: usize = 0; i < rows; i++) sum += load<Real>(at(x, xStride, i, j)) * load<Real>(at(w, wStride, i, r))
      const place = at(a, aStride, j, r)
      store<Real>(place, load<Real>(place) + sum)
    }
  }
}

/** A += Xᵀ·W; X is rows × columns, W rows × rank, A columns × rank. */
export function xtw_dense(
  rows: usize,
  columns: usize,
  rank: usize,
  x: usize,
  xStride: usize,
  w: usize,
  wStride: usize,
  a: usize,
  aStride: usize,
): void {
  const tiledColumns = columns & ~3
  const wideRank = rank & ~(2 * LANES - 1)
  const tiledRank = rank & ~3
  for (let row: usize = 0; row < rows; row += ROWS) {
    const count = min(ROWS, rows - row)
    const xRow = x + row * xStride
    const wRow = w + row * wStride
    for (let first: usize = 0; first < tiledColumns; first += COLUMNS) {
      const last = min(first + COLUMNS, tiledColumns)
      for (let r: usize = 0; r < wideRank; r += 2 * LANES) {
        for (let j = first; j < last; j += 4)
          tile(count, at(xRow, 0, 0, j), xStride, at(wRow, 0, 0, r), wStride, at(a, aStride, j, r), aStride)
      }
      if (wideRank < tiledRank) {
        const w4 = at(wRow, 0, 0, wideRank)
        let j = first
        for (; j + 8 <= last; j += 8)
          turned8(count, at(xRow, 0, 0, j), xStride, w4, wStride, at(a, aStride, j, wideRank), aStride)
        if (j < last) turned4(count, at(xRow, 0, 0, j), xStride, w4, wStride, at(a, aStride, j, wideRank), aStride)
      }
    }
    edge(
      count,
      columns,
      rank - tiledRank,
      xRow,
      xStride,
      at(wRow, 0, 0, tiledRank),
      wStride,
      at(a, 0, 0, tiledRank),
      aStride,
    )
    edge(
      count,
      columns - tiledColumns,
      tiledRank,
      at(xRow, 0, 0, tiledColumns),
      xStride,
      wRow,
      wStride,
      at(a, aStride, tiledColumns, 0),
      aStride,
    )
  }
}
