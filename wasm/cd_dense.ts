import { curvature, divergence, pull, push, safe, steady } from './beta'
import { addSum, firstLanes, loadLanes, widen } from './lanes'
import { power } from './powers'
import { at, LANES, largestOfLanes, multiplyAdd, SIZE, smallest, sumOfLanes } from './simd'

// A row's model is kept in f64, and its products are rounded on their own: what one coordinate has put in comes out again
// when it moves to zero, where a rest of an f32 sum would pull many times as hard as the data.

/** u += delta·o in LANES columns; answers u as the element type has it. */
function moved(u: usize, delta: v128, o: v128): v128 {
  const low = f64x2.add(v128.load(u), f64x2.mul(delta, sizeof<Real>() == 8 ? o : f64x2.promote_low_f32x4(o)))
  v128.store(u, low)
  if (sizeof<Real>() == 8) return low
  const upper = f64x2.promote_low_f32x4(v128.shuffle<f64>(o, o, 1, 1))
  const high = f64x2.add(v128.load(u, 16), f64x2.mul(delta, upper))
  v128.store(u, high, 16)
  return v128.shuffle<f64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2)
}

/** u as the element type has it. */
function rounded(u: usize): v128 {
  if (sizeof<Real>() == 8) return v128.load(u)
  const high = f32x4.demote_f64x2_zero(v128.load(u, 16))
  return v128.shuffle<f64>(f32x4.demote_f64x2_zero(v128.load(u)), high, 0, 2)
}

function powerOf(x: Real, p: Real): Real {
  return v128.extract_lane<Real>(power(v128.splat<Real>(x), p), 0)
}

/**
 * Where a step ends, projected to [0, most]: Newton's, or nearer, before the loss can rise, as ts/kernels/cd_dense.ts derives
 * it. Without curvature the loss is linear.
 */
function stepped(value: Real, gradient: Real, bend: Real, steepest: Real, beta: Real, most: Real): Real {
  if (!(bend > 0)) return gradient > 0 ? 0 : value
  let next = value - gradient / bend
  if (beta < 2 && gradient > 0) next = value * powerOf(1 + ((2 - beta) * gradient) / (bend * value), 1 / (beta - 2))
  if (beta > 2 && gradient < 0 && steepest > 0) {
    const growth: Real = ((beta - 1) * -gradient * steepest) / bend
    next = value + (powerOf(1 + growth, 1 / (beta - 1)) - 1) / steepest
  }
  return next < smallest() ? 0 : min<Real>(next, most)
}

/**
 * One row of F, as cd_dense and cd_csr move it: `columns` data, weights (all 1 where `v` is 0) and, at `oStride`, rank rows
 * of O beside them. Where `sums` is not 0 it holds the column sums of all of O, and the model pushes back with those alone.
 * `u` has room for the columns in f64, rounded up to whole vectors of elements. `loss`, unless 0, and `violation` are f64 and grow.
 */
export function descend(
  columns: usize,
  rank: usize,
  beta: Real,
  x: usize,
  v: usize,
  o: usize,
  oStride: usize,
  sums: usize,
  f: usize,
  l1: Real,
  l2: Real,
  moving: usize,
  most: Real,
  u: usize,
  loss: usize,
  violation: usize,
): void {
  const zero = v128.splat<Real>(0)
  const modelEnd = u + 8 * ((columns + LANES - 1) & ~(LANES - 1))
  for (let place = u; place < modelEnd; place += 16) v128.store(place, zero)
  for (let r: usize = 0; r < rank; r++) {
    const factor = f64x2.splat(<f64>load<Real>(at(f, 0, 0, r)))
    let place = u
    for (let j: usize = 0; j < columns; j += LANES, place += 8 * LANES)
      moved(place, factor, loadLanes(at(o, oStride, r, j), columns - j))
  }
  if (loss != 0) {
    let total = f64x2.splat(0)
    for (let j: usize = 0, start: usize = 0; j < columns; j += LANES, start += 16) {
      const weights = v == 0 ? firstLanes(columns - j) : loadLanes(v + start, columns - j)
      const model = rounded(u + 8 * j)
      const safeModel = safe(model, beta)
      const data = loadLanes(x + start, columns - j)
      const terms = v128.mul<Real>(weights, divergence(data, model, safeModel, pull(safeModel, beta), beta, sums != 0))
      total = widen(total, v128.and(terms, v128.gt<Real>(weights, zero)))
    }
    addSum(loss, total)
  }
  // each pass first moves the model by what the coordinate before has moved
  let delta: f64 = 0
  let before = o
  for (let r: usize = 0; r < moving; r++) {
    const near = o + r * oStride
    const factor = f64x2.splat(delta)
    let slope = zero
    let bend = zero
    let steep = zero
    for (let j: usize = 0, start: usize = 0; j < columns; j += LANES, start += 16) {
      const left = columns - j
      const model = moved(u + 8 * j, factor, loadLanes(before + start, left))
      const data = loadLanes(x + start, left)
      const weights = v == 0 ? firstLanes(left) : loadLanes(v + start, left)
      const direction = loadLanes(near + start, left)
      const safeModel = steady(model)
      const pulled = pull(safeModel, beta)
      const pushed = sums == 0 ? push(beta == 2 ? model : safeModel, pulled, beta) : zero
      const weighted = v128.mul<Real>(weights, direction)
      slope = multiplyAdd(slope, v128.sub<Real>(pushed, v128.mul<Real>(data, pulled)), weighted)
      const bent = v128.mul<Real>(curvature(data, safeModel, pulled, beta), direction)
      bend = multiplyAdd(bend, bent, weighted)
      if (beta > 2) {
        const ratio = v128.div<Real>(direction, safeModel)
        steep = v128.pmax<Real>(steep, v128.and(ratio, v128.gt<Real>(weighted, zero)))
      }
    }
    const place = at(f, 0, 0, r)
    const old = load<Real>(place)
    let gradient = l1 + l2 * old + sumOfLanes(slope)
    if (sums != 0) gradient += load<Real>(at(sums, 0, 0, r))
    const projected = old <= 0 ? min<Real>(0, gradient) : old >= most ? max<Real>(0, gradient) : gradient
    store<f64>(violation, load<f64>(violation) + <f64>abs<Real>(projected))
    const value = stepped(old, gradient, sumOfLanes(bend) + l2, largestOfLanes(steep), beta, most)
    before = near
    delta = <f64>value - <f64>old
    store<Real>(place, value)
  }
}

/**
 * One sweep of coordinate descent over rows of F for any β; X and V are rows × columns, O is rank × columns, F rows × rank.
 * Where `v` is 0, all weights are 1. `scratch` holds the columns' number of f64, rounded up to whole vectors of
 * elements. `loss` (0 for none) and `violation` are f64 and grow. Columns from `moving` on stay as they are, and no entry goes
 * above `most`.
 */
export function cd_dense(
  rows: usize,
  columns: usize,
  rank: usize,
  beta: Real,
  x: usize,
  xStride: usize,
  v: usize,
  vStride: usize,
  o: usize,
  oStride: usize,
  f: usize,
  fStride: usize,
  l1: Real,
  l2: Real,
  moving: usize,
  most: Real,
  scratch: usize,
  loss: usize,
  violation: usize,
): void {
  for (let i: usize = 0; i < rows; i++) {
    const data = x + i * xStride
    const weights: usize = v == 0 ? 0 : v + i * vStride
    const row = f + i * fStride
    descend(columns, rank, beta, data, weights, o, oStride, 0, row, l1, l2, moving, most, scratch, loss, violation)
  }
}
