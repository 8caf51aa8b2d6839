import { curvature, divergence, pull, push, steady, updateExponent } from './beta.js'
import { fillBuffers, nonNegative, positive } from './fills.js'
import { bounded, projected } from './hals_update.js'
import { SMALLEST } from './mu_update.js'
import type { KernelSpec } from './spec.js'
import { spanned } from './xht_dense.js'

/**
 * One sweep of coordinate descent over a panel of rows of a factor for any β, in place: the coordinates of a row in order,
 * each moved by one Newton step on the convex part of the loss and projected to [0, ∞), the row's model u kept up to date.
 * For β = 2 with weights each step reaches the coordinate's minimum. A coordinate without curvature becomes zero where the
 * loss rises with it (for β ≤ 1 all entries that it reaches are zeros), and stays otherwise. Below β = 1 steps downwards
 * are shorter, see `newton`, and no step raises the loss plus its penalties in exact arithmetic, as long as u stays above
 * `LEAST_MODEL`. Results below 2⁻⁶³ (2⁻⁵¹¹ in float64) become zero. `loss` grows by the divergence as it was before the
 * sweep, where `measure` says so.
 */
export const cd_dense: KernelSpec = {
  name: 'cd_dense',
  formula:
    'u = F[i]·O; for r = 0, 1, …: g = Σ_j V·(u^(β−1) − X·u^(β−2))·O[r,j] + l1 + l2·F[i,r]; h = Σ_j V·curvature(X, u)·O[r,j]² + l2; f = max(0, F[i,r] − g/h), or where β < 1 and g > 0: F[i,r]·(1 + (2−β)·g/(h·F[i,r]))^(−1/(2−β)), or where h = 0: g > 0 ? 0 : F[i,r]; f ← min(most, f); u += (f − F[i,r])·O[r]; F[i,r] ← f; violation += |F[i,r] ≤ 0 ? min(0, g) : F[i,r] ≥ most ? max(0, g) : g|',
  summary: 'coordinate descent over a factor panel from a dense panel of X, any β',
  source:
    'Hsieh & Dhillon, KDD 2011, section 4 (Newton steps, Kullback–Leibler); curvature: ts/kernels/beta.ts; β < 1: Jensen’s inequality as in Févotte & Idier, Neural Computation 2011, section 4.1',
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
        for (let j = 0; j < columns; j++) {
          const x = X[i * stride + j]
          const o = O[r * columns + j]
          const model = steady(u[j], beta)
          gradient += weight(j) * (push(model, beta) - pull(x, model, beta)) * o
          bend += weight(j) * curvature(x, model, beta) * o * o
        }
        violation[0] += Math.abs(projected(gradient, F[at], most))
        const next = newton(F[at], gradient, bend, beta, smallest, most)
        for (let j = 0; j < columns; j++) u[j] += (next - F[at]) * O[r * columns + j]
        F[at] = next
      }
    }
  },
}

/**
 * Where a step from `value` ends, on [0, ∞): Newton's on the convex part of the loss, whose slope is `gradient` and whose
 * curvature, penalties included, is `bend`.
 *
 * For β < 1 the convex part's derivative is concave in the coordinate and the other part's falls: a Newton step upwards
 * ends before the loss can rise again. Downwards it would go too far, often to zero, where x·u^(β−1) has no bound; it stops
 * where the derivative must still be positive. At t·f, 0 < t ≤ 1, each u has become u·(1 − ρ + ρ·t) with ρ = f·o/u ≤ 1, and
 * (1 − ρ + ρ·t)^(β−2) ≤ 1 − ρ + ρ·t^(β−2), as y^(β−2) is convex. With R = Σ v·x·u^(β−2)·o·ρ = f·h/(2−β) the derivative at
 * t·f is thus at least g − R·(t^(β−2) − 1), which is 0 at t = (1 + g/R)^(−1/(2−β)). Of a penalty the derivative loses
 * l2·f·(1 − t) ≤ l2·f·(t^(β−2) − 1)/(2−β): the same holds with l2 in h. The majorisation is that of Févotte & Idier (section
 * 4.1), who take all ρ as 1 and come to the multiplicative update; by what h says of the ρ, small steps are Newton's.
 */
export function newton(
  value: number,
  gradient: number,
  bend: number,
  beta: number,
  smallest: number,
  most: number,
): number {
  if (!(bend > 0)) return gradient > 0 ? 0 : value
  const moved =
    beta < 1 && gradient > 0
      ? value * (1 + ((2 - beta) * gradient) / (bend * value)) ** -updateExponent(beta)
      : value - gradient / bend
  return bounded(moved, smallest, most)
}

function flags(beta: number, weighted: number, l1: number, l2: number): Readonly<Record<string, number>> {
  return { beta, weighted, measure: 1, l1, l2 }
}
