import { curvature, divergence, pull, push, steady } from './beta.js'
import { fillBuffers, nonNegative, positive } from './fills.js'
import { bounded, projected } from './hals_update.js'
import { SMALLEST } from './mu_update.js'
import type { KernelSpec } from './spec.js'
import { spanned } from './xht_dense.js'

/**
 * One sweep of coordinate descent over a panel of rows of a factor for any β, in place: the coordinates of a row in order,
 * each moved by one Newton step on the convex part of the loss and projected to [0, ∞), the row's model u kept up to date.
 * For β = 2 with weights each step reaches the coordinate's minimum. A coordinate without curvature becomes zero where the
 * loss rises with it (for β ≤ 1 all entries that it reaches are zeros), and stays otherwise. Below β = 2 steps downwards
 * are shorter than Newton's, above it those upwards, see `newton`, and no step raises the loss plus its penalties in exact
 * arithmetic, as long as u stays above `LEAST_MODEL`. Results below 2⁻⁶³ (2⁻⁵¹¹ in float64) become zero. `loss` grows by the
 * divergence as it was before the sweep, where `measure` says so.
 */
export const cd_dense: KernelSpec = {
  name: 'cd_dense',
  formula:
    'u = F[i]·O; for r = 0, 1, …: g = Σ_j V·(u^(β−1) − X·u^(β−2))·O[r,j] + l1 + l2·F[i,r]; h = Σ_j V·curvature(X, u)·O[r,j]² + l2; s = max_j O[r,j]/u where V > 0; f = max(0, F[i,r] − g/h), or where β < 2 and g > 0: F[i,r]·(1 + (2−β)·g/(h·F[i,r]))^(−1/(2−β)), or where β > 2 and g < 0: F[i,r] + ((1 − (β−1)·g·s/h)^(1/(β−1)) − 1)/s, or where h = 0: g > 0 ? 0 : F[i,r]; f ← min(most, f); u += (f − F[i,r])·O[r]; F[i,r] ← f; violation += |F[i,r] ≤ 0 ? min(0, g) : F[i,r] ≥ most ? max(0, g) : g|',
  summary: 'coordinate descent over a factor panel from a dense panel of X, any β',
  source:
    'Hsieh & Dhillon, KDD 2011, section 4 (Newton steps, Kullback–Leibler); curvature: ts/kernels/beta.ts; where steps end: Jensen’s inequality as in Févotte & Idier, Neural Computation 2011, section 4.1',
  dims: ['rows', 'columns', 'rank', 'stride', 'beta', 'weighted', 'measure', 'l1', 'l2', 'moving', 'most'],
  buffers: [
    { name: 'X', type: 'f32', access: 'in', shape: 'rows × columns, stride', length: d => spanned(d) },
    {
      name: 'V',
      type: 'f32',
      access: 'in',
      shape: 'rows × columns, stride, where weighted',
      length: d => (d.weighted ? spanned(d) : 0),
    },
    { name: 'O', type: 'f32', access: 'in', shape: 'rank × columns', length: d => d.rank * d.columns },
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'loss', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
    { name: 'violation', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
  ],
  exact: false,
  // gradients are differences, and an error of one coordinate enters the model that all later ones see
  tolerance: { class: 'normwise', units: d => 64 * (d.rank + 8) },
  problems: [
    { rows: 1, columns: 1, rank: 1, stride: 1, ...flags(1, 0, 0, 0) },
    { rows: 0, columns: 5, rank: 3, stride: 5, ...flags(1, 1, 0, 0) },
    { rows: 3, columns: 7, rank: 2, stride: 7, ...flags(1, 0, 0, 0) },
    { rows: 5, columns: 33, rank: 8, stride: 40, ...flags(1, 1, 0.5, 0.25) },
    { rows: 4, columns: 64, rank: 5, stride: 64, ...flags(2, 1, 0, 0) },
    { rows: 9, columns: 65, rank: 17, stride: 65, ...flags(2, 1, 0.25, 0) },
    { rows: 6, columns: 61, rank: 4, stride: 61, ...flags(0, 0, 0, 0) },
    { rows: 6, columns: 129, rank: 7, stride: 130, ...flags(0.5, 1, 0, 0.5) },
    { rows: 5, columns: 35, rank: 3, stride: 37, ...flags(0.3, 0, 0.5, 0) },
    { rows: 4, columns: 31, rank: 6, stride: 31, ...flags(-0.5, 1, 0, 0) },
    { rows: 7, columns: 127, rank: 16, stride: 127, ...flags(1.5, 0, 0, 0) },
    { rows: 7, columns: 96, rank: 6, stride: 96, ...flags(3, 0, 0, 0) },
    { rows: 5, columns: 67, rank: 5, stride: 67, ...flags(2.6, 1, 0, 0.25) },
    { rows: 9, columns: 65, rank: 9, stride: 65, ...flags(1, 0, 0, 0), moving: 5 },
    { rows: 6, columns: 70, rank: 7, stride: 70, ...flags(2, 1, 0, 0), moving: 7, most: 0.25 },
  ],
  benchmark: { rows: 84, columns: 1000, rank: 20, stride: 1000, ...flags(1, 0, 0, 0) },
  flops: d => d.rows * d.columns * (2 * d.rank + d.rank * 8),
  bytes: d => 4 * (d.rows * d.columns * (1 + d.weighted) + d.rank * d.columns + 2 * d.rows * d.rank),
  fill(dims, kind, random) {
    const arrays = fillBuffers(this.buffers, dims, (length, name) =>
      name === 'O' || name === 'F' || (name === 'X' && dims.beta <= 0)
        ? positive(length, kind, random)
        : nonNegative(length, kind, random),
    )
    arrays.loss[0] = 1
    // a row of zeros, which has no curvature for β ≤ 1
    if (dims.beta > 0 && dims.rows > 1) arrays.X.fill(0, 0, dims.columns)
    return arrays
  },
  reference(dims, { X, V, O, F, loss, violation }) {
    const { rows, columns, rank, stride, beta, weighted, measure, l1, l2, smallest = SMALLEST } = dims
    const { moving = rank, most = Number.POSITIVE_INFINITY } = dims
    const u = new Float64Array(columns)
    for (let i = 0; i < rows; i++) {
      const weight = (j: number) => (weighted ? V[i * stride + j] : 1)
      u.fill(0)
      for (let r = 0; r < rank; r++) for (let j = 0; j < columns; j++) u[j] += F[i * rank + r] * O[r * columns + j]
      for (let j = 0; measure && j < columns; j++) {
        if (weight(j) !== 0) loss[0] += weight(j) * divergence(X[i * stride + j], u[j], beta)
      }
      for (let r = 0; r < moving; r++) {
        const at = i * rank + r
        let gradient = l1 + l2 * F[at]
        let bend = l2
        let steepest = 0
        for (let j = 0; j < columns; j++) {
          const x = X[i * stride + j]
          const o = O[r * columns + j]
          const model = steady(u[j], beta)
          gradient += weight(j) * (push(model, beta) - pull(x, model, beta)) * o
          bend += weight(j) * curvature(x, model, beta) * o * o
          if (beta > 2 && weight(j) > 0) steepest = Math.max(steepest, o / model)
        }
        violation[0] += Math.abs(projected(gradient, F[at], most))
        const next = newton(F[at], gradient, bend, steepest, beta, smallest, most)
        for (let j = 0; j < columns; j++) u[j] += (next - F[at]) * O[r * columns + j]
        F[at] = next
      }
    }
  },
}

/**
 * Where a step from `value` = f ends, on [0, ∞): Newton's on the convex part of the loss, whose slope is `gradient` = g and
 * whose curvature, penalties included, is `bend` = h, unless that may lead too far. `steepest` is s, the largest o/u of an
 * entry that counts, and is read for β > 2 and g < 0 alone.
 *
 * A step leads nowhere up while the convex part's derivative has changed by no more than |g| on the way: the slope of the
 * concave rest falls upwards and rises downwards, which both help.
 *
 * β < 2: that derivative is concave in the coordinate, so upwards it changes by no more than h times the step, and Newton's
 * is good. Downwards Newton's would go too far, often to zero, where x·u^(β−1) may have no bound. At t·f, 0 < t ≤ 1, each u
 * has become y·u with y = 1 − ρ + ρ·t and ρ = f·o/u ≤ 1, and y^(β−2) ≤ 1 − ρ + ρ·t^(β−2), as y^(β−2) is convex: what the
 * data pull with has grown by no more than x·u^(β−2)·ρ·(t^(β−2) − 1). The model's u^(β−1), where β > 1, and a penalty's l2·f
 * have lost no more than their own shares of h say, as (1 − y^q)/q ≤ (y^(β−2) − 1)/(2−β) for q ≥ β−2. So the derivative has
 * changed by no more than f·h·(t^(β−2) − 1)/(2−β), which is g at t = (1 + (2−β)·g/(h·f))^(−1/(2−β)). The majorisation is that
 * of Févotte & Idier (section 4.1), who for β < 1 take all ρ as 1 and come to the multiplicative update; by what h says of
 * the ρ, small steps are Newton's, and steps to a minimum at 0 get there as fast as Newton's to others.
 *
 * β > 2: that derivative is convex in the coordinate, and downwards Newton's step is good. Upwards by δ u^(β−1) grows by
 * u^(β−1)·((1 + δ·o/u)^(β−1) − 1), which is no more than o·u^(β−2)·((1 + δ·s)^(β−1) − 1)/s, as chords of a convex function
 * grow steeper, and l2·δ no more than l2·((1 + δ·s)^(β−1) − 1)/((β−1)·s). So the derivative has changed by no more than
 * h·((1 + δ·s)^(β−1) − 1)/((β−1)·s), which is |g| at δ = ((1 + (β−1)·|g|·s/h)^(1/(β−1)) − 1)/s. The bounds for β > 1 are ours.
 */
export function newton(
  value: number,
  gradient: number,
  bend: number,
  steepest: number,
  beta: number,
  smallest: number,
  most: number,
): number {
  if (!(bend > 0)) return gradient > 0 ? 0 : value
  let moved = value - gradient / bend
  if (beta < 2 && gradient > 0) moved = value * (1 + ((2 - beta) * gradient) / (bend * value)) ** (1 / (beta - 2))
  // where o/u comes to nothing, all powers of u are straight lines
  if (beta > 2 && gradient < 0 && steepest > 0) {
    const growth = ((1 - beta) * gradient * steepest) / bend
    moved = value + Math.expm1(Math.log1p(growth) / (beta - 1)) / steepest
  }
  return bounded(moved, smallest, most)
}

function flags(beta: number, weighted: number, l1: number, l2: number): Readonly<Record<string, number>> {
  return { beta, weighted, measure: 1, l1, l2 }
}
