import { fillBuffers, nonNegative } from './fills.js'
import { floored, SMALLEST } from './mu_update.js'
import type { KernelSpec } from './spec.js'

/**
 * The multiplicative update from both halves of the gradient, as every loss but the unweighted Frobenius one needs it.
 * With `shared` = 1 P has one row for all: the column sums of the other factor, for Kullback–Leibler. Zero denominators,
 * results below 2⁻⁶³, `moving` and `most` are treated as in `mu_update`.
 */
export const mu_ratio: KernelSpec = {
  name: 'mu_ratio',
  formula: 'F[i,r] ← F[i,r] · (N[i,r] / (P[i,r] + l1 + l2·F[i,r]))^gamma',
  summary: 'multiplicative update of a factor panel from numerator and denominator, any β',
  source: 'Févotte & Idier, Neural Computation 2011, equation 4.1; gamma: table 2',
  dims: ['rows', 'rank', 'gamma', 'l1', 'l2', 'shared', 'moving', 'most'],
  buffers: [
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'N', type: 'f32', access: 'in', shape: 'rows × rank', length: d => d.rows * d.rank },
    {
      name: 'P',
      type: 'f32',
      access: 'in',
      shape: 'rows × rank, or rank where shared',
      length: d => (d.shared ? d.rank : d.rows * d.rank),
    },
  ],
  exact: false,
  // a product, two sums, a quotient and a product; a power takes the quotient's error times gamma ≤ 1
  tolerance: { class: 'elementwise', ulps: d => (d.gamma === 1 ? 6 : 24) },
  problems: [
    { rows: 1, rank: 1, gamma: 1, l1: 0, l2: 0, shared: 0 },
    { rows: 0, rank: 3, gamma: 1, l1: 0, l2: 0, shared: 1 },
    { rows: 3, rank: 4, gamma: 1, l1: 0, l2: 0, shared: 1 },
    { rows: 4, rank: 8, gamma: 0.5, l1: 0.5, l2: 0.25, shared: 0 },
    { rows: 7, rank: 5, gamma: 1, l1: 2, l2: 0, shared: 1 },
    { rows: 127, rank: 17, gamma: 2 / 3, l1: 0, l2: 0, shared: 0 },
    { rows: 301, rank: 33, gamma: 1, l1: 0, l2: 1, shared: 0 },
    { rows: 64, rank: 65, gamma: 0.25, l1: 0, l2: 0, shared: 1 },
    { rows: 29, rank: 9, gamma: 1, l1: 0, l2: 0, shared: 1, moving: 6 },
    { rows: 21, rank: 18, gamma: 0.5, l1: 0, l2: 0, shared: 0, moving: 18, most: 0.25 },
  ],
  benchmark: { rows: 20000, rank: 32, gamma: 1, l1: 0, l2: 0, shared: 0 },
  flops: d => 5 * d.rows * d.rank,
  bytes: d => 4 * (3 + (d.shared ? 0 : 1)) * d.rows * d.rank,
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
  },
  reference(dims, { F, N, P }) {
    const { rows, rank, gamma, l1, l2, shared, smallest = SMALLEST } = dims
    const { moving = rank, most = Number.POSITIVE_INFINITY } = dims
    for (let i = 0; i < rows; i++) {
      for (let r = 0; r < moving; r++) {
        const at = i * rank + r
        const denominator = P[shared ? r : at] + l1 + l2 * F[at]
        F[at] = denominator > 0 ? floored(F[at] * (N[at] / denominator) ** gamma, smallest, most) : 0
      }
    }
  },
}
