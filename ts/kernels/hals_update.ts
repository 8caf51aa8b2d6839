import { fillBuffers, fillGramPanel, nonNegative } from './fills.js'
import { SMALLEST } from './mu_update.js'
import type { KernelSpec } from './spec.js'

/**
 * One sweep of coordinate descent over a panel of rows of a factor, in place: the coordinates r = 0, 1, … of a row in
 * order, each set to its minimum over [0, ∞) with the others as they then are. Rows do not depend on each other, so this
 * is scikit-learn's order too. Where G[r,r] + l2 is zero the entry stays as it is. Results below 2⁻⁶³ (2⁻⁵¹¹ in float64)
 * become zero. `violation` grows by Σ |projected gradient|, each taken before its entry moves. `moving` and `most` are those
 * of `mu_update`.
 */
export const hals_update: KernelSpec = {
  name: 'hals_update',
  formula:
    'for r = 0, 1, …: g = Σ_s F[i,s]·G[s,r] − N[i,r] + l1 + l2·F[i,r]; F[i,r] ← min(most, max(0, F[i,r] − g / (G[r,r] + l2))); violation += |F[i,r] ≤ 0 ? min(0, g) : F[i,r] ≥ most ? max(0, g) : g|',
  summary: 'coordinate descent (HALS) over a factor panel, Frobenius loss',
  source:
    'Cichocki & Phan, IEICE Trans. Fundamentals 2009, algorithm 2; order and violation as in scikit-learn’s _update_cdnmf_fast',
  dims: ['rows', 'rank', 'l1', 'l2', 'moving', 'most'],
  buffers: [
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'N', type: 'f32', access: 'in', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'G', type: 'f32', access: 'in', shape: 'rank × rank', length: d => d.rank * d.rank },
    { name: 'violation', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
  ],
  exact: false,
  // the gradient is a difference, and an error of one coordinate enters all that follow
  tolerance: { class: 'normwise', units: d => 16 * (d.rank + 4) },
  problems: [
    { rows: 1, rank: 1, l1: 0, l2: 0 },
    { rows: 0, rank: 3, l1: 0, l2: 0 },
    { rows: 3, rank: 4, l1: 0, l2: 0 },
    { rows: 4, rank: 8, l1: 0.5, l2: 0.25 },
    { rows: 7, rank: 5, l1: 0, l2: 0 },
    { rows: 16, rank: 16, l1: 0, l2: 2 },
    { rows: 127, rank: 17, l1: 3, l2: 0 },
    { rows: 301, rank: 33, l1: 0, l2: 0 },
    { rows: 65, rank: 65, l1: 0, l2: 0 },
    { rows: 29, rank: 9, l1: 0, l2: 0, moving: 6 },
    { rows: 37, rank: 18, l1: 0.5, l2: 0, moving: 0 },
    { rows: 21, rank: 7, l1: 0, l2: 0.5, moving: 7, most: 0.25 },
  ],
  benchmark: { rows: 2000, rank: 32, l1: 0, l2: 0 },
  flops: d => 2 * d.rows * d.rank * d.rank + 4 * d.rows * d.rank,
  bytes: d => 4 * (3 * d.rows * d.rank + d.rank * d.rank),
  fill(dims, kind, random) {
    const arrays = fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
    fillGramPanel(dims, arrays, dims.rank > 2 ? 2 : undefined)
    return arrays
  },
  reference(dims, { F, N, G, violation }) {
    const { rows, rank, l1, l2, smallest = SMALLEST, moving = rank, most = Number.POSITIVE_INFINITY } = dims
    for (let i = 0; i < rows; i++) {
      for (let r = 0; r < moving; r++) {
        const at = i * rank + r
        let gradient = l1 + l2 * F[at] - N[at]
        for (let s = 0; s < rank; s++) gradient += F[i * rank + s] * G[s * rank + r]
        violation[0] += Math.abs(projected(gradient, F[at], most))
        const bend = G[r * rank + r] + l2
        if (bend > 0) F[at] = bounded(F[at] - gradient / bend, smallest, most)
      }
    }
  },
}

/** The part of a gradient that points into [0, most]: what is left of it at a bound. */
export function projected(gradient: number, value: number, most: number): number {
  if (value <= 0) return Math.min(0, gradient)
  return value >= most ? Math.max(0, gradient) : gradient
}

/** An entry that was moved by its gradient, projected to [0, most]. */
export function bounded(moved: number, smallest: number, most: number): number {
  return moved < smallest ? 0 : Math.min(moved, most)
}
