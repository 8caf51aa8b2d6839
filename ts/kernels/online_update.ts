import { fillBuffers, nonNegative } from './fills.js'
import { floored, SMALLEST } from './mu_update.js'
import type { KernelSpec } from './spec.js'

/**
 * The multiplicative update of a factor from the parts of a gradient that batch after batch has left: A and B keep a share
 * `keep` of what they held, take up the batch's numerator, times the factor as the batch found it, and its denominator, and
 * the factor becomes their quotient. With `keep` = 0 it is `mu_ratio`. With `shared` = 1 P has one row for all. Where B is
 * zero the entry becomes zero. Results below 2⁻⁶³, `moving` and `most` are treated as in `mu_update`; components that stay
 * leave their A and B alone.
 */
export const online_update: KernelSpec = {
  name: 'online_update',
  formula:
    'A[i,r] ← keep·A[i,r] + F[i,r]^(1/gamma)·N[i,r]; B[i,r] ← keep·B[i,r] + P[i,r] + l1 + l2·F[i,r]; F[i,r] ← (A[i,r] / B[i,r])^gamma',
  summary: 'multiplicative update of a factor panel from batches with forgetting, any β',
  source:
    'Lefèvre, Bach & Févotte, WASPAA 2011, algorithm 1; as in scikit-learn’s MiniBatchNMF (_multiplicative_update_h with A, B and rho)',
  dims: ['rows', 'rank', 'gamma', 'keep', 'l1', 'l2', 'shared', 'moving', 'most'],
  buffers: [
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'A', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'B', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
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
  // sums of non-negative terms, a quotient, and up to two powers
  tolerance: { class: 'elementwise', ulps: d => (d.gamma === 1 ? 8 : 160) },
  problems: [
    { rows: 1, rank: 1, gamma: 1, keep: 0.5, l1: 0, l2: 0, shared: 0 },
    { rows: 0, rank: 3, gamma: 1, keep: 0.5, l1: 0, l2: 0, shared: 1 },
    { rows: 3, rank: 4, gamma: 1, keep: 0, l1: 0, l2: 0, shared: 1 },
    { rows: 4, rank: 8, gamma: 0.5, keep: 0.75, l1: 0.5, l2: 0.25, shared: 0 },
    { rows: 127, rank: 17, gamma: 1, keep: 0.875, l1: 0, l2: 0, shared: 0 },
    { rows: 64, rank: 65, gamma: 0.5, keep: 1, l1: 0, l2: 0, shared: 1 },
    { rows: 29, rank: 9, gamma: 1, keep: 0.5, l1: 0, l2: 0, shared: 1, moving: 6 },
    { rows: 21, rank: 18, gamma: 1, keep: 0.5, l1: 0, l2: 0, shared: 0, moving: 18, most: 0.25 },
  ],
  benchmark: { rows: 20000, rank: 32, gamma: 1, keep: 0.75, l1: 0, l2: 0, shared: 0 },
  flops: d => 9 * d.rows * d.rank,
  bytes: d => 4 * (7 + (d.shared ? 0 : 1)) * d.rows * d.rank,
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
  },
  reference(dims, { F, A, B, N, P }) {
    const { rows, rank, gamma, keep, l1, l2, shared, smallest = SMALLEST } = dims
    const { moving = rank, most = Number.POSITIVE_INFINITY } = dims
    for (let i = 0; i < rows; i++) {
      for (let r = 0; r < moving; r++) {
        const at = i * rank + r
        A[at] = keep * A[at] + F[at] ** (1 / gamma) * N[at]
        B[at] = keep * B[at] + P[shared ? r : at] + l1 + l2 * F[at]
        F[at] = B[at] > 0 ? floored((A[at] / B[at]) ** gamma, smallest, most) : 0
      }
    }
  },
}
