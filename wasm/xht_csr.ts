import { at, multiplyAdd } from './simd'

// One row of N in strips of 32, 16 and 8 columns, whose sums stay in registers over all entries of the row of X.

function strip32(entry: usize, last: usize, value: usize, h: usize, hStride: usize, n: usize, add: bool): void {
  let s0 = f32x4.splat(0),
    s1 = s0,
    s2 = s0,
    s3 = s0,
    s4 = s0,
    s5 = s0,
    s6 = s0,
    s7 = s0
  for (; entry < last; entry += 4, value += 4) {
    const x = v128.load_splat<f32>(value)
    const row = h + <usize>load<u32>(entry) * hStride
    s0 = multiplyAdd(s0, x, v128.load(row))
    s1 = multiplyAdd(s1, x, v128.load(row, 16))
    s2 = multiplyAdd(s2, x, v128.load(row, 32))
    s3 = multiplyAdd(s3, x, v128.load(row, 48))
    s4 = multiplyAdd(s4, x, v128.load(row, 64))
    s5 = multiplyAdd(s5, x, v128.load(row, 80))
    s6 = multiplyAdd(s6, x, v128.load(row, 96))
    s7 = multiplyAdd(s7, x, v128.load(row, 112))
  }
  put8(n, add, s0, s1)
  put8(n + 32, add, s2, s3)
  put8(n + 64, add, s4, s5)
  put8(n + 96, add, s6, s7)
}

function strip16(entry: usize, last: usize, value: usize, h: usize, hStride: usize, n: usize, add: bool): void {
  let s0 = f32x4.splat(0),
    s1 = s0,
    s2 = s0,
    s3 = s0
  for (; entry < last; entry += 4, value += 4) {
    const x = v128.load_splat<f32>(value)
    const row = h + <usize>load<u32>(entry) * hStride
    s0 = multiplyAdd(s0, x, v128.load(row))
    s1 = multiplyAdd(s1, x, v128.load(row, 16))
    s2 = multiplyAdd(s2, x, v128.load(row, 32))
    s3 = multiplyAdd(s3, x, v128.load(row, 48))
  }
  put8(n, add, s0, s1)
  put8(n + 32, add, s2, s3)
}

function strip8(entry: usize, last: usize, value: usize, h: usize, hStride: usize, n: usize, add: bool): void {
  let s0 = f32x4.splat(0),
    s1 = s0
  for (; entry < last; entry += 4, value += 4) {
    const x = v128.load_splat<f32>(value)
    const row = h + <usize>load<u32>(entry) * hStride
    s0 = multiplyAdd(s0, x, v128.load(row))
    s1 = multiplyAdd(s1, x, v128.load(row, 16))
  }
  put8(n, add, s0, s1)
}

function put8(n: usize, add: bool, s0: v128, s1: v128): void {
  v128.store(n, add ? f32x4.add(v128.load(n), s0) : s0)
  v128.store(n, add ? f32x4.add(v128.load(n, 16), s1) : s1, 16)
}

/** Columns of N that no whole strip covers. */
function edge(
  ranks: usize,
  entry: usize,
  last: usize,
  value: usize,
  h: usize,
  hStride: usize,
  n: usize,
  add: bool,
): void {
  for (let r: usize = 0; r < ranks; r++) {
    let sum: f32 = 0
    for (let e = entry, v = value; e < last; e += 4, v += 4)
      sum += load<f32>(v) * load<f32>(at(h, hStride, <usize>load<u32>(e), r))
    const place = at(n, 0, 0, r)
    store<f32>(place, add ? load<f32>(place) + sum : sum)
  }
}

/**
 * N = X·Hᵀ, or N += X·Hᵀ where `add` is not 0, for CSR rows of X; Ht is columns × rank, N rows × rank. Row i has the
 * entries indptr[i] ≤ p < indptr[i + 1].
 */
export function xht_csr(
  rows: usize,
  rank: usize,
  indptr: usize,
  indices: usize,
  values: usize,
  ht: usize,
  htStride: usize,
  n: usize,
  nStride: usize,
  add: i32,
): void {
  const onTop = add != 0
  for (let i: usize = 0; i < rows; i++) {
    const first = (<usize>load<u32>(indptr + (i << 2))) << 2
    const last = indices + ((<usize>load<u32>(indptr + (i << 2), 4)) << 2)
    const entry = indices + first
    const value = values + first
    const row = n + i * nStride
    let r: usize = 0
    for (; r + 32 <= rank; r += 32) strip32(entry, last, value, at(ht, 0, 0, r), htStride, at(row, 0, 0, r), onTop)
    if (r + 16 <= rank) {
      strip16(entry, last, value, at(ht, 0, 0, r), htStride, at(row, 0, 0, r), onTop)
      r += 16
    }
    if (r + 8 <= rank) {
      strip8(entry, last, value, at(ht, 0, 0, r), htStride, at(row, 0, 0, r), onTop)
      r += 8
    }
    edge(rank - r, entry, last, value, at(ht, 0, 0, r), htStride, at(row, 0, 0, r), onTop)
  }
}
