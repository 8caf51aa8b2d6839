import { at, LANES, multiplyAdd, SIZE } from './simd'

// One row of N in a strip of so many vectors, whose sums stay in registers over all entries of the row of X.

function strip8(entry: usize, last: usize, value: usize, h: usize, hStride: usize, n: usize, add: bool): void {
  let s0 = v128.splat<Real>(0),
    s1 = s0,
    s2 = s0,
    s3 = s0,
    s4 = s0,
    s5 = s0,
    s6 = s0,
    s7 = s0
  for (; entry < last; entry += 4, value += SIZE) {
    const x = v128.load_splat<Real>(value)
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
  put2(n, add, s0, s1)
  put2(n + 32, add, s2, s3)
  put2(n + 64, add, s4, s5)
  put2(n + 96, add, s6, s7)
}

function strip4(entry: usize, last: usize, value: usize, h: usize, hStride: usize, n: usize, add: bool): void {
  let s0 = v128.splat<Real>(0),
    s1 = s0,
    s2 = s0,
    s3 = s0
  for (; entry < last; entry += 4, value += SIZE) {
    const x = v128.load_splat<Real>(value)
    const row = h + <usize>load<u32>(entry) * hStride
    s0 = multiplyAdd(s0, x, v128.load(row))
    s1 = multiplyAdd(s1, x, v128.load(row, 16))
    s2 = multiplyAdd(s2, x, v128.load(row, 32))
    s3 = multiplyAdd(s3, x, v128.load(row, 48))
  }
  put2(n, add, s0, s1)
  put2(n + 32, add, s2, s3)
}

function strip2(entry: usize, last: usize, value: usize, h: usize, hStride: usize, n: usize, add: bool): void {
  let s0 = v128.splat<Real>(0),
    s1 = s0
  for (; entry < last; entry += 4, value += SIZE) {
    const x = v128.load_splat<Real>(value)
    const row = h + <usize>load<u32>(entry) * hStride
    s0 = multiplyAdd(s0, x, v128.load(row))
    s1 = multiplyAdd(s1, x, v128.load(row, 16))
  }
  put2(n, add, s0, s1)
}

function strip1(entry: usize, last: usize, value: usize, h: usize, hStride: usize, n: usize, add: bool): void {
  let s0 = v128.splat<Real>(0)
  for (; entry < last; entry += 4, value += SIZE) {
    const x = v128.load_splat<Real>(value)
    const row = h + <usize>load<u32>(entry) * hStride
    s0 = multiplyAdd(s0, x, v128.load(row))
  }
  put(n, add, s0)
}

function put(n: usize, add: bool, s: v128): void {
  v128.store(n, add ? v128.add<Real>(v128.load(n), s) : s)
}

function put2(n: usize, add: bool, s0: v128, s1: v128): void {
  put(n, add, s0)
  put(n + 16, add, s1)
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
    let sum: Real = 0
    for (let e = entry, v = value; e < last; e += 4, v += SIZE)
      sum += load<Real>(v) * load<Real>(at(h, hStride, <usize>load<u32>(e), r))
    const place = at(n, 0, 0, r)
    store<Real>(place, add ? load<Real>(place) + sum : sum)
  }
}

/**
 * N = X·Hᵀ, or N += X·Hᵀ where `add` is not 0, for CSR rows of X; Ht is columns × rank, N rows × rank. Row i has the
 * entries starts[i] ≤ p < ends[i], which of whole rows are the row pointers and those one further on.
 */
export function xht_csr(
  rows: usize,
  rank: usize,
  starts: usize,
  ends: usize,
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
    const first = <usize>load<u32>(starts + (i << 2))
    const last = indices + ((<usize>load<u32>(ends + (i << 2))) << 2)
    const entry = indices + (first << 2)
    const value = at(values, 0, 0, first)
    const row = n + i * nStride
    let r: usize = 0
    for (; r + 8 * LANES <= rank; r += 8 * LANES)
      strip8(entry, last, value, at(ht, 0, 0, r), htStride, at(row, 0, 0, r), onTop)
    if (r + 4 * LANES <= rank) {
      strip4(entry, last, value, at(ht, 0, 0, r), htStride, at(row, 0, 0, r), onTop)
      r += 4 * LANES
    }
    if (r + 2 * LANES <= rank) {
      strip2(entry, last, value, at(ht, 0, 0, r), htStride, at(row, 0, 0, r), onTop)
      r += 2 * LANES
    }
    if (r + LANES <= rank) {
      strip1(entry, last, value, at(ht, 0, 0, r), htStride, at(row, 0, 0, r), onTop)
      r += LANES
    }
    edge(rank - r, entry, last, value, at(ht, 0, 0, r), htStride, at(row, 0, 0, r), onTop)
  }
}
