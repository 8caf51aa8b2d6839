import { addSum, widen } from './lanes'
import { bounded, counts } from './moves'
import { at, LANES, multiplyAdd, SIZE } from './simd'
import { transpose } from './transpose'

// Rows lie side by side in the lanes of two vectors and coordinates follow each other, so that no lane waits for another.

/** Bytes from one coordinate of a group of rows to the next. */
const SIDE: usize = 32

/** The entry at the minimum along its coordinate; `inverse` is 1 / (G[r,r] + l2), or 0 where the entry stays. */
function moved(f: v128, gradient: v128, inverse: usize, most: v128): v128 {
  const value = v128.sub<Real>(f, v128.mul<Real>(gradient, v128.load_splat<Real>(inverse)))
  return bounded(value, most)
}

/** Moves four coordinates of one vector of rows in turn, given their gradients but for l2; answers what counts of them. */
function descend(
  f: usize,
  inverse: usize,
  g: usize,
  gStride: usize,
  l2: v128,
  most: v128,
  s0: v128,
  s1: v128,
  s2: v128,
  s3: v128,
): v128 {
  const f0 = v128.load(f)
  const g0 = multiplyAdd(s0, l2, f0)
  const n0 = moved(f0, g0, inverse, most)
  const d0 = v128.sub<Real>(n0, f0)
  v128.store(f, n0)

  const f1 = v128.load(f + SIDE)
  const g1 = multiplyAdd(multiplyAdd(s1, d0, v128.load_splat<Real>(g + SIZE)), l2, f1)
  const n1 = moved(f1, g1, inverse + SIZE, most)
  const d1 = v128.sub<Real>(n1, f1)
  v128.store(f + SIDE, n1)

  const f2 = v128.load(f + 2 * SIDE)
  const t2 = multiplyAdd(s2, d0, v128.load_splat<Real>(g + 2 * SIZE))
  const g2 = multiplyAdd(multiplyAdd(t2, d1, v128.load_splat<Real>(g + gStride + 2 * SIZE)), l2, f2)
  const n2 = moved(f2, g2, inverse + 2 * SIZE, most)
  const d2 = v128.sub<Real>(n2, f2)
  v128.store(f + 2 * SIDE, n2)

  const f3 = v128.load(f + 3 * SIDE)
  const t3 = multiplyAdd(s3, d0, v128.load_splat<Real>(g + 3 * SIZE))
  const u3 = multiplyAdd(t3, d1, v128.load_splat<Real>(g + gStride + 3 * SIZE))
  const g3 = multiplyAdd(multiplyAdd(u3, d2, v128.load_splat<Real>(g + 2 * gStride + 3 * SIZE)), l2, f3)
  v128.store(f + 3 * SIDE, moved(f3, g3, inverse + 3 * SIZE, most))

  const counted = v128.add<Real>(counts(f0, g0, most), counts(f1, g1, most))
  return v128.add<Real>(counted, v128.add<Real>(counts(f2, g2, most), counts(f3, g3, most)))
}

/** Coordinates r … r + 3 of a group; `f` and `n` are the group's, `inverse` is that of coordinate 0. */
function four(
  r: usize,
  rank: usize,
  f: usize,
  n: usize,
  g: usize,
  gStride: usize,
  inverse: usize,
  l1: v128,
  l2: v128,
  most: v128,
): v128 {
  const own = n + r * SIDE
  let s00 = v128.sub<Real>(l1, v128.load(own)),
    s01 = v128.sub<Real>(l1, v128.load(own, 16)),
    s10 = v128.sub<Real>(l1, v128.load(own, 32)),
    s11 = v128.sub<Real>(l1, v128.load(own, 48)),
    s20 = v128.sub<Real>(l1, v128.load(own, 64)),
    s21 = v128.sub<Real>(l1, v128.load(own, 80)),
    s30 = v128.sub<Real>(l1, v128.load(own, 96)),
    s31 = v128.sub<Real>(l1, v128.load(own, 112))
  let row = at(g, 0, 0, r)
  let others = f
  const end = f + rank * SIDE
  do {
    const b0 = v128.load(others)
    const b1 = v128.load(others, 16)
    const x0 = v128.load_splat<Real>(row)
    s00 = multiplyAdd(s00, x0, b0)
    s01 = multiplyAdd(s01, x0, b1)
    const x1 = v128.load_splat<Real>(row, sizeof<Real>())
    s10 = multiplyAdd(s10, x1, b0)
    s11 = multiplyAdd(s11, x1, b1)
    const x2 = v128.load_splat<Real>(row, 2 * sizeof<Real>())
    s20 = multiplyAdd(s20, x2, b0)
    s21 = multiplyAdd(s21, x2, b1)
    const x3 = v128.load_splat<Real>(row, 3 * sizeof<Real>())
    s30 = multiplyAdd(s30, x3, b0)
    s31 = multiplyAdd(s31, x3, b1)
    others += SIDE
    row += gStride
  } while (others < end)
  const diagonal = at(g, gStride, r, r)
  const start = at(inverse, 0, 0, r)
  const first = descend(f + r * SIDE, start, diagonal, gStride, l2, most, s00, s10, s20, s30)
  return v128.add<Real>(first, descend(f + r * SIDE + 16, start, diagonal, gStride, l2, most, s01, s11, s21, s31))
}

/** Coordinate r of one vector of rows, where no four are left. */
function one(
  r: usize,
  rank: usize,
  f: usize,
  n: usize,
  g: usize,
  gStride: usize,
  inverse: usize,
  l1: v128,
  l2: v128,
  most: v128,
): v128 {
  const place = f + r * SIDE
  const before = v128.load(place)
  let gradient = v128.sub<Real>(l1, v128.load(n + r * SIDE))
  for (let s: usize = 0; s < rank; s++)
    gradient = multiplyAdd(gradient, v128.load(f + s * SIDE), v128.load_splat<Real>(at(g, gStride, s, r)))
  gradient = multiplyAdd(gradient, l2, before)
  v128.store(place, moved(before, gradient, at(inverse, 0, 0, r), most))
  return counts(before, gradient, most)
}

/**
 * One sweep of coordinate descent over rows of F, in place; F and N are rows × rank, G rank × rank. `scratch` holds 72
 * bytes for each of the rank: F and N of a group of rows, coordinate by coordinate, and the inverses of G's diagonal.
 * `violation`, an f64, grows by the sum of the projected gradient. Coordinates from `moving` on stay.
 */
export function hals_update(
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
  violation: usize,
): void {
  const ft = scratch
  const nt = ft + rank * SIDE
  const inverse = nt + rank * SIDE
  for (let r: usize = 0; r < rank; r++) {
    const bend = load<Real>(at(g, gStride, r, r)) + l2
    store<Real>(at(inverse, 0, 0, r), bend > 0 ? 1 / bend : 0)
  }
  const ones = v128.splat<Real>(l1)
  const twos = v128.splat<Real>(l2)
  const bound = v128.splat<Real>(most)
  const tiled = moving & ~3
  let total = f64x2.splat(0)
  for (let row: usize = 0; row < rows; row += 2 * LANES) {
    const count = min(2 * LANES, rows - row)
    // rows of zeros in the lanes that no row fills stay zero, and count for nothing
    if (count < 2 * LANES) memory.fill(ft, 0, 2 * rank * SIDE)
    transpose(count, rank, f + row * fStride, fStride, ft, SIDE)
    transpose(count, rank, n + row * nStride, nStride, nt, SIDE)
    for (let r: usize = 0; r < tiled; r += 4)
      total = widen(total, four(r, rank, ft, nt, g, gStride, inverse, ones, twos, bound))
    for (let r = tiled; r < moving; r++) {
      total = widen(total, one(r, rank, ft, nt, g, gStride, inverse, ones, twos, bound))
      total = widen(total, one(r, rank, ft + 16, nt + 16, g, gStride, inverse, ones, twos, bound))
    }
    transpose(rank, count, ft, SIDE, f + row * fStride, fStride)
  }
  addSum(violation, total)
}
