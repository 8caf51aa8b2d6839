import { curvature, divergence, pull, push, safe } from './beta'
import { addSum, firstLanes, loadLanes, sumsOfLanes, widen } from './lanes'
import { LANES, multiplyAdd, SIZE } from './simd'

// Entries are worked on LANES at a time, one a lane: so that they share one division, one logarithm, and the shuffles that
// sum over the lanes of their products. Of f64 entries there are two, and what concerns the third and fourth disappears.

/** The start of the row of O that an entry's column names. */
function rowOf(o: usize, oStride: usize, entry: usize): usize {
  return o + <usize>load<u32>(entry) * oStride
}

/** Element `offset` bytes into each of the rows, one a lane. */
function across(o0: usize, o1: usize, o2: usize, o3: usize, offset: usize): v128 {
  if (sizeof<Real>() == 8) return v128.load64_lane(o1 + offset, v128.load64_zero(o0 + offset), 1)
  const half = v128.load32_lane(o1 + offset, v128.load32_zero(o0 + offset), 1)
  return v128.load32_lane(o3 + offset, v128.load32_lane(o2 + offset, half, 2), 3)
}

/** u of LANES entries. */
function models(rank: usize, f: usize, o0: usize, o1: usize, o2: usize, o3: usize): v128 {
  let s0 = v128.splat<Real>(0),
    s1 = s0,
    s2 = s0,
    s3 = s0
  const end = f + rank * SIZE
  const tiled = f + (rank & ~(LANES - 1)) * SIZE
  for (; f < tiled; f += 16, o0 += 16, o1 += 16, o2 += 16, o3 += 16) {
    const row = v128.load(f)
    s0 = multiplyAdd(s0, row, v128.load(o0))
    s1 = multiplyAdd(s1, row, v128.load(o1))
    if (sizeof<Real>() == 4) {
      s2 = multiplyAdd(s2, row, v128.load(o2))
      s3 = multiplyAdd(s3, row, v128.load(o3))
    }
  }
  let sums = sumsOfLanes(s0, s1, s2, s3)
  for (let offset: usize = 0; f + offset < end; offset += SIZE)
    sums = multiplyAdd(sums, v128.load_splat<Real>(f + offset), across(o0, o1, o2, o3, offset))
  return sums
}

/** A row of N or P += Σ q·O[j] over LANES entries. */
function addRows(rank: usize, q: v128, o0: usize, o1: usize, o2: usize, o3: usize, n: usize): void {
  const q0 = sizeof<Real>() == 8 ? v128.shuffle<f64>(q, q, 0, 0) : v128.shuffle<f32>(q, q, 0, 0, 0, 0)
  const q1 = sizeof<Real>() == 8 ? v128.shuffle<f64>(q, q, 1, 1) : v128.shuffle<f32>(q, q, 1, 1, 1, 1)
  const q2 = v128.shuffle<f32>(q, q, 2, 2, 2, 2)
  const q3 = v128.shuffle<f32>(q, q, 3, 3, 3, 3)
  const end = n + rank * SIZE
  const tiled = n + (rank & ~(LANES - 1)) * SIZE
  for (; n < tiled; n += 16, o0 += 16, o1 += 16, o2 += 16, o3 += 16) {
    // the sum of the four comes first: only one addition then waits for what the entries before have stored
    let sum = multiplyAdd(v128.mul<Real>(q0, v128.load(o0)), q1, v128.load(o1))
    if (sizeof<Real>() == 4) {
      sum = multiplyAdd(sum, q2, v128.load(o2))
      sum = multiplyAdd(sum, q3, v128.load(o3))
    }
    v128.store(n, v128.add<Real>(v128.load(n), sum))
  }
  const zero = v128.splat<Real>(0)
  for (let offset: usize = 0; n + offset < end; offset += SIZE) {
    const sum = sumsOfLanes(v128.mul<Real>(q, across(o0, o1, o2, o3, offset)), zero, zero, zero)
    store<Real>(n + offset, load<Real>(n + offset) + v128.extract_lane<Real>(sum, 0))
  }
}

/**
 * One row: adds to its rows of N, P and L where they are not 0, and answers `total` grown by the entries' divergence.
 * The last entries come with their last one repeated, which has neither data nor weight.
 */
function row(
  rank: usize,
  beta: Real,
  entry: usize,
  last: usize,
  value: usize,
  weight: usize,
  f: usize,
  o: usize,
  oStride: usize,
  norms: usize,
  n: usize,
  p: usize,
  l: usize,
  zeros: bool,
  measure: bool,
  total: v128,
): v128 {
  const none = v128.splat<Real>(0)
  for (; entry < last; entry += LANES * 4, value += 16) {
    const left = (last - entry) >> 2
    const e1 = left > 1 ? entry + 4 : entry
    const e2 = left > 2 ? entry + 8 : e1
    const e3 = left > 3 ? entry + 12 : e2
    const o0 = rowOf(o, oStride, entry)
    const o1 = rowOf(o, oStride, e1)
    const o2 = rowOf(o, oStride, e2)
    const o3 = rowOf(o, oStride, e3)
    const data = loadLanes(value, left)
    const weights = weight == 0 ? firstLanes(left) : loadLanes(weight, left)
    const model = models(rank, f, o0, o1, o2, o3)
    const safeModel = safe(model, beta)
    const pulled = pull(safeModel, beta)
    if (n != 0) addRows(rank, v128.mul<Real>(weights, v128.mul<Real>(data, pulled)), o0, o1, o2, o3, n)
    if (p != 0) {
      const pushed = push(beta == 2 ? model : safeModel, pulled, beta)
      addRows(rank, v128.mul<Real>(weights, pushed), o0, o1, o2, o3, p)
    }
    if (l != 0) {
      const near = across(
        rowOf(norms, SIZE, entry),
        rowOf(norms, SIZE, e1),
        rowOf(norms, SIZE, e2),
        rowOf(norms, SIZE, e3),
        0,
      )
      const bends = v128.mul<Real>(weights, v128.mul<Real>(curvature(data, safeModel, pulled, beta), near))
      store<Real>(l, load<Real>(l) + v128.extract_lane<Real>(sumsOfLanes(bends, none, none, none), 0))
    }
    if (measure) {
      const terms = v128.mul<Real>(weights, divergence(data, model, safeModel, pulled, beta, zeros))
      total = widen(total, v128.and(terms, v128.gt<Real>(weights, none)))
    }
    if (weight != 0) weight += 16
  }
  return total
}

/**
 * The products of CSR rows of X for any β, at the entries starts[i] ≤ p < ends[i]: where their addresses are not 0, N += Σ v·x·u^(β−2)·O[j],
 * P += Σ v·u^(β−1)·O[j] (at N's stride), L += Σ v·curvature·norms[j], and `loss`, an f64, grows by Σ v·d(x | u),
 * without the u of β = 1 where `zeros` is not 0. F, N and P are rows × rank, O is columns × rank. Where `weights` is 0, all
 * are 1.
 */
export function beta_xht_csr(
  rows: usize,
  rank: usize,
  beta: Real,
  starts: usize,
  ends: usize,
  indices: usize,
  values: usize,
  weights: usize,
  f: usize,
  fStride: usize,
  o: usize,
  oStride: usize,
  norms: usize,
  n: usize,
  p: usize,
  nStride: usize,
  l: usize,
  loss: usize,
  zeros: i32,
): void {
  let total = f64x2.splat(0)
  for (let i: usize = 0; i < rows; i++) {
    const first = <usize>load<u32>(starts + (i << 2))
    const last = <usize>load<u32>(ends + (i << 2))
    total = row(
      rank,
      beta,
      indices + (first << 2),
      indices + (last << 2),
      values + first * SIZE,
      weights == 0 ? 0 : weights + first * SIZE,
      f + i * fStride,
      o,
      oStride,
      norms,
      n == 0 ? 0 : n + i * nStride,
      p == 0 ? 0 : p + i * nStride,
      l == 0 ? 0 : l + i * SIZE,
      zeros != 0,
      loss != 0,
      total,
    )
  }
  if (loss != 0) addSum(loss, total)
}
