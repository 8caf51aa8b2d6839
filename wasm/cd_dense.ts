import { curvature, divergence, pull, push, safe } from './beta'
import { addSum, firstLanes, loadLanes, widen } from './lanes'
import { at, LANES, multiplyAdd, SIZE, smallest, sumOfLanes } from './simd'

/** u += delta·o, over whole vectors of u. */
function shift(columns: usize, delta: Real, o: usize, u: usize): void {
  const factor = v128.splat<Real>(delta)
  for (let j: usize = 0; j < columns; j += LANES, o += 16, u += 16)
    v128.store(u, multiplyAdd(v128.load(u), factor, loadLanes(o, columns - j)))
}

/** Where a Newton step ends, projected to [0, ∞); without curvature the loss is linear. */
function newton(value: Real, gradient: Real, bend: Real): Real {
  if (!(bend > 0)) return gradient > 0 ? 0 : value
  const moved = value - gradient / bend
  return moved < smallest() ? 0 : moved
}

/**
 * One row of F, as cd_dense and cd_csr move it: `columns` data, weights (all 1 where `v` is 0) and, at `oStride`, rank rows
 * of O beside them. Where `sums` is not 0 it holds the column sums of all of O, and the model pushes back with those alone.
 * `u` has room for whole vectors of columns. `loss`, unless 0, and `violation` are f64 and grow.
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
  u: usize,
  loss: usize,
  violation: usize,
): void {
  const zero = v128.splat<Real>(0)
  for (let j: usize = 0; j < columns; j += LANES) v128.store(at(u, 0, 0, j), zero)
  for (let r: usize = 0; r < rank; r++) shift(columns, load<Real>(at(f, 0, 0, r)), o + r * oStride, u)
  if (loss != 0) {
    let total = f64x2.splat(0)
    for (let j: usize = 0, start: usize = 0; j < columns; j += LANES, start += 16) {
      const weights = v == 0 ? firstLanes(columns - j) : loadLanes(v + start, columns - j)
      const model = v128.load(u + start)
      const safeModel = safe(model)
      const data = loadLanes(x + start, columns - j)
      const terms = v128.mul<Real>(weights, divergence(data, model, safeModel, pull(safeModel, beta), beta, sums != 0))
      total = widen(total, v128.and(terms, v128.gt<Real>(weights, zero)))
    }
    addSum(loss, total)
  }
  // each pass first moves the model by what the coordinate before has moved
  let delta: Real = 0
  let moved = o
  for (let r: usize = 0; r < rank; r++) {
    const near = o + r * oStride
    const factor = v128.splat<Real>(delta)
    let slope = zero
    let bend = zero
    for (let j: usize = 0, start: usize = 0; j < columns; j += LANES, start += 16) {
      const left = columns - j
      const model = multiplyAdd(v128.load(u + start), factor, loadLanes(moved + start, left))
      v128.store(u + start, model)
      const data = loadLanes(x + start, left)
      const weights = v == 0 ? firstLanes(left) : loadLanes(v + start, left)
      const direction = loadLanes(near + start, left)
      const safeModel = safe(model)
      const pulled = pull(safeModel, beta)
      const pushed = sums == 0 ? push(beta == 2 ? model : safeModel, pulled, beta) : zero
      const weighted = v128.mul<Real>(weights, direction)
      slope = multiplyAdd(slope, v128.sub<Real>(pushed, v128.mul<Real>(data, pulled)), weighted)
      const bent = v128.mul<Real>(curvature(data, safeModel, pulled, beta), direction)
      bend = multiplyAdd(bend, bent, weighted)
    }
    const place = at(f, 0, 0, r)
    const before = load<Real>(place)
    let gradient = l1 + l2 * before + sumOfLanes(slope)
    if (sums != 0) gradient += load<Real>(at(sums, 0, 0, r))
    const projected = before > 0 ? gradient : min<Real>(0, gradient)
    store<f64>(violation, load<f64>(violation) + <f64>abs<Real>(projected))
    const value = newton(before, gradient, sumOfLanes(bend) + l2)
    moved = near
    delta = value - before
    store<Real>(place, value)
  }
}

/**
 * One sweep of coordinate descent over rows of F for any β; X and V are rows × columns, O is rank × columns, F rows × rank.
 * Where `v` is 0, all weights are 1. `scratch` holds the columns' number of elements, rounded up to whole vectors. `loss`
 * (0 for none) and `violation` are f64 and grow.
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
  scratch: usize,
  loss: usize,
  violation: usize,
): void {
  for (let i: usize = 0; i < rows; i++) {
    const data = x + i * xStride
    const weights: usize = v == 0 ? 0 : v + i * vStride
    descend(columns, rank, beta, data, weights, o, oStride, 0, f + i * fStride, l1, l2, scratch, loss, violation)
  }
}
