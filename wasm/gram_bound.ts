import { at, SIZE } from './simd'

/** Power iterations; see ts/kernels/gram_bound.ts. */
const ITERATIONS: i32 = 30
/** 2⁻⁴⁰, the share of the largest below which no entry of the iterate falls. */
const LEAST: f64 = 9.094947017729282e-13

/** Two entries as f64. */
function two(address: usize): v128 {
  if (sizeof<Real>() == 8) return v128.load(address)
  return f64x2.promote_low_f32x4(v128.load64_zero(address))
}

/** product ← G·v, by columns of the symmetric G: eight sums in registers, then two, then one. */
function multiply(rank: usize, g: usize, gStride: usize, v: usize, product: usize): void {
  const end = v + (rank << 3)
  let column: usize = 0
  for (; column + 8 <= rank; column += 8) {
    let s0 = f64x2.splat(0),
      s1 = s0,
      s2 = s0,
      s3 = s0
    for (let from = v, row = at(g, 0, 0, column); from < end; from += 8, row += gStride) {
      const x = v128.load64_splat(from)
      s0 = f64x2.add(s0, f64x2.mul(x, two(row)))
      s1 = f64x2.add(s1, f64x2.mul(x, two(row + 2 * SIZE)))
      s2 = f64x2.add(s2, f64x2.mul(x, two(row + 4 * SIZE)))
      s3 = f64x2.add(s3, f64x2.mul(x, two(row + 6 * SIZE)))
    }
    const to = product + (column << 3)
    v128.store(to, s0)
    v128.store(to, s1, 16)
    v128.store(to, s2, 32)
    v128.store(to, s3, 48)
  }
  for (; column + 2 <= rank; column += 2) {
    let sum = f64x2.splat(0)
    for (let from = v, row = at(g, 0, 0, column); from < end; from += 8, row += gStride)
      sum = f64x2.add(sum, f64x2.mul(v128.load64_splat(from), two(row)))
    v128.store(product + (column << 3), sum)
  }
  if (column < rank) {
    let sum: f64 = 0
    for (let from = v, row = at(g, 0, 0, column); from < end; from += 8, row += gStride)
      sum += load<f64>(from) * <f64>load<Real>(row)
    store<f64>(product + (column << 3), sum)
  }
}

function largestOf(length: usize, list: usize): f64 {
  let largest: f64 = 0
  for (let i: usize = 0; i < length; i++) largest = max<f64>(largest, load<f64>(list + (i << 3)))
  return largest
}

/**
 * A bound from above of the largest eigenvalue of G, symmetric and non-negative, rank × rank; in f64 whatever G is stored in.
 * `scratch` holds 2·rank f64: the iterate and its product with G.
 */
export function gram_bound(rank: usize, g: usize, gStride: usize, scratch: usize): f64 {
  const v = scratch
  const product = v + (rank << 3)
  const bytes = rank << 3
  for (let i: usize = 0; i < bytes; i += 8) store<f64>(v + i, 1)
  for (let iteration = 0; iteration < ITERATIONS; iteration++) {
    multiply(rank, g, gStride, v, product)
    const largest = largestOf(rank, product)
    if (largest == 0) return 0
    for (let i: usize = 0; i < bytes; i += 8) store<f64>(v + i, max<f64>(load<f64>(product + i) / largest, LEAST))
  }
  multiply(rank, g, gStride, v, product)
  for (let i: usize = 0; i < bytes; i += 8) store<f64>(product + i, load<f64>(product + i) / load<f64>(v + i))
  return largestOf(rank, product)
}
