import { fillBuffers, fillGramPanel, nonNegative } from './fills.js'
import { moveToMinimum } from './pivoting.js'
import type { KernelSpec } from './spec.js'

/**
 * Each row of a factor at its minimum over [0, most], by block principal pivoting: ts/kernels/pivoting.ts says how, and what
 * becomes of singular systems. Rows do not depend on each other. Solved in float64 whatever the factors are. Results below
 * 2⁻⁶³ (2⁻⁵¹¹ in float64) become zero. `violation` grows by Σ |projected gradient| before the row moves. `moving` and `most` are
 * those of `mu_update`.
 */
export const bpp_update: KernelSpec = {
  name: 'bpp_update',
  formula:
    'violation += Σ_r |F[i,r] ≤ 0 ? min(0, g_r) : F[i,r] ≥ most ? max(0, g_r) : g_r|; F[i] ← argmin_{0 ≤ f ≤ most} ½·fᵀ(G + l2·I)f − (N[i] − l1)ᵀf',
  summary: 'exact non-negative least squares over a factor panel (block principal pivoting), Frobenius loss',
  source:
    'Kim & Park, SIAM J. Sci. Comput. 33 (2011), algorithm 2, row by row; upper bounds: Júdice & Pires, JOTA 74 (1992)',
  dims: ['rows', 'rank', 'l1', 'l2', 'moving', 'most'],
  buffers: [
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'N', type: 'f32', access: 'in', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'G', type: 'f32', access: 'in', shape: 'rank × rank', length: d => d.rank * d.rank },
    { name: 'violation', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
  ],
  exact: false,
  // solved in float64, stored in the factors' type; the violation's terms are differences
  tolerance: { class: 'normwise', units: d => 16 * (d.rank + 4) },
  problems: [
    { rows: 1, rank: 1, l1: 0, l2: 0 },
    { rows: 0, rank: 3, l1: 0, l2: 0 },
    { rows: 3, rank: 4, l1: 0, l2: 0 },
    { rows: 4, rank: 8, l1: 0.5, l2: 0.25 },
    { rows: 16, rank: 16, l1: 0, l2: 2 },
    { rows: 127, rank: 17, l1: 3, l2: 0 },
    { rows: 65, rank: 33, l1: 0, l2: 0 },
    { rows: 29, rank: 9, l1: 0, l2: 0, moving: 6 },
    { rows: 21, rank: 7, l1: 0, l2: 0.5, most: 0.25 },
    { rows: 34, rank: 19, l1: 0.5, l2: 0, moving: 17, most: 0.5 },
  ],
  benchmark: { rows: 2000, rank: 32, l1: 0, l2: 0 },
  // one solution of a passive set of half the components, and the gradient before and after
  flops: d => d.rows * (d.rank ** 3 / 24 + d.rank ** 2 / 2 + 4 * d.rank ** 2),
  bytes: d => 4 * (3 * d.rows * d.rank + d.rank * d.rank),
  fill(dims, kind, random) {
    const arrays = fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
    fillGramPanel(dims, arrays)
    return arrays
  },
  reference(dims, { F, N, G, violation }) {
    const { rows, rank } = dims
    for (let i = 0; i < rows; i++) {
      const [f, n] = [F, N].map(list => list.subarray(i * rank, (i + 1) * rank) as Float64Array)
      violation[0] += moveToMinimum(dims, f, n, G as Float64Array)
    }
  },
}
