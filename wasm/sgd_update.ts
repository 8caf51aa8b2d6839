import { mix, mixed } from './hash'
import { firstLanes, loadLanes, storeLanes, widenProducts } from './lanes'
import { at, LANES, multiplyAdd, SIZE, smallest } from './simd'
import { wh_dense } from './wh_dense'

/** Rows whose products with G are formed at once, before any of them moves. */
const ROWS: usize = 32

/** √3 / 65536, which gives the noise variance 1; see ts/kernels/sgd_update.ts. */
const NOISE_UNIT: f64 = 2.6428997918226276e-5

/** Noise for LANES entries from the words of the first one's two hashes on, times 1 / NOISE_UNIT. */
function noiseOf(word: u32): v128 {
  const even = mix(i32x4.add(i32x4.splat(word), i32x4(0, 2, 4, 6)))
  const odd = mix(i32x4.add(i32x4.splat(word), i32x4(1, 3, 5, 7)))
  const lower = i32x4.splat(0xffff)
  const first = i32x4.add(v128.and(even, lower), i32x4.shr_u(even, 16))
  const second = i32x4.add(v128.and(odd, lower), i32x4.shr_u(odd, 16))
  const sum = i32x4.sub(i32x4.add(first, second), i32x4.splat(131070))
  return sizeof<Real>() == 8 ? f64x2.convert_low_i32x4_s(sum) : f32x4.convert_i32x4_s(sum)
}

/** Entries after a step, projected to [0, most] and no further than `limit` from before; what is not a number stays so. */
function moved(before: v128, step: v128, limit: v128, most: v128): v128 {
  const free = v128.sub<Real>(before, step)
  const within = v128.andnot(v128.pmin<Real>(free, most), v128.lt<Real>(free, v128.splat<Real>(smallest())))
  const change = v128.sub<Real>(within, before)
  const cut = v128.pmin<Real>(v128.pmax<Real>(change, v128.neg<Real>(limit)), limit)
  return v128.bitselect(v128.add<Real>(before, cut), within, v128.gt<Real>(v128.abs<Real>(change), limit))
}

/**
 * g = scale·(F·G − N) + l1 + l2·F + noise; F ← max(0, F − rate·g), cut to `most`, no entry moving further than `limit`. All are
 * rows × rank, G rank × rank. `first` is the number of the first row, `seed` and `draw` say which noise. Where `d` is not 0, D
 * at the stride of F becomes g, and the f64 at `sums` grow by Σ g² and Σ g·D with the D before; else by Σ g² alone. Columns
 * from `moving` on stay as they are, and count for nothing. `scratch` holds 64·rank elements.
 */
export function sgd_update(
  rows: usize,
  rank: usize,
  f: usize,
  fStride: usize,
  n: usize,
  nStride: usize,
  g: usize,
  gStride: usize,
  d: usize,
  rate: Real,
  scale: Real,
  l1: Real,
  l2: Real,
  noise: Real,
  seed: u32,
  draw: u32,
  first: u32,
  limit: Real,
  moving: usize,
  most: Real,
  scratch: usize,
  sums: usize,
): void {
  const key = mixed(mixed(seed) + draw) + first
  const length = v128.splat<Real>(rate)
  const share = v128.splat<Real>(scale)
  const ones = v128.splat<Real>(l1)
  const twos = v128.splat<Real>(l2)
  const strength = v128.splat<Real>(<Real>(<f64>noise * NOISE_UNIT))
  const furthest = v128.splat<Real>(limit)
  const bound = v128.splat<Real>(most)
  const stride = rank * SIZE
  let squares = f64x2.splat(0)
  let products = f64x2.splat(0)
  for (let block: usize = 0; block < rows; block += ROWS) {
    const count = min<usize>(ROWS, rows - block)
    const fBlock = at(f, fStride, block, 0)
    wh_dense(count, rank, rank, fBlock, fStride, g, gStride, scratch, stride, at(scratch, stride, ROWS, 0))
    for (let i: usize = 0; i < count; i++) {
      const row = block + i
      let word = mixed(key + <u32>row)
      let place = row * fStride
      let pull = at(n, nStride, row, 0)
      let push = at(scratch, stride, i, 0)
      for (let r: usize = 0; r < moving; r += LANES, place += 16, pull += 16, push += 16, word += <u32>(2 * LANES)) {
        const left = moving - r
        const before = loadLanes(f + place, left)
        const difference = v128.sub<Real>(loadLanes(push, left), loadLanes(pull, left))
        let gradient = multiplyAdd(multiplyAdd(ones, twos, before), share, difference)
        if (noise > 0) gradient = multiplyAdd(gradient, strength, noiseOf(word))
        // penalties and noise are there in the lanes beyond the last component too
        if (left < LANES) gradient = v128.mul<Real>(gradient, firstLanes(left))
        squares = widenProducts(squares, gradient, gradient)
        if (d != 0) {
          products = widenProducts(products, gradient, loadLanes(d + place, left))
          storeLanes(d + place, gradient, left)
        }
        storeLanes(f + place, moved(before, v128.mul<Real>(length, gradient), furthest, bound), left)
      }
    }
  }
  store<f64>(sums, load<f64>(sums) + (f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1)))
  store<f64>(sums + 8, load<f64>(sums + 8) + (f64x2.extract_lane(products, 0) + f64x2.extract_lane(products, 1)))
}
