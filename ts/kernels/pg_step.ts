import { fillBuffers, nonNegative } from './fills.js'
import { bounded, projected } from './hals_update.js'
import { SMALLEST } from './mu_update.js'
import type { KernelSpec } from './spec.js'

/**
 * A projected gradient step of a panel of rows of a factor, in place. N and P are the halves of the gradient; L[i] bounds
 * the loss's curvature along row i, and the step is `step` / (L[i] + l2). With `shared` bit 0, P has one row for all; with
 * bit 1, L has one value for all. Where L[i] + l2 is zero the loss is linear: an entry that it rises with becomes zero, the
 * others stay.
 *
 * L is a trace, which is at least the largest eigenvalue: of H·Hᵀ for the unweighted Frobenius loss, and otherwise
 * Σ_j v·curvature(x, u)·‖O_j‖² with O_j the rows of the other factor (for W: the columns of H). For β = 2 a step below 2
 * cannot raise the loss; elsewhere the curvature changes along the step, and no such promise is made.
 */
export const pg_step: KernelSpec = {
  name: 'pg_step',
  formula:
    'g = P[i,r] − N[i,r] + l1 + l2·F[i,r]; F[i,r] ← max(0, F[i,r] − step/(L[i] + l2)·g), or where L[i] + l2 = 0: g > 0 ? 0 : F[i,r]; violation += |F[i,r] ≤ 0 ? min(0, g) : F[i,r] ≥ most ? max(0, g) : g|',
  summary: 'projected gradient step of a factor panel, any β',
  source: 'Lin, Neural Computation 2007, equation 13, with a step from the curvature instead of a line search',
  dims: ['rows', 'rank', 'step', 'l1', 'l2', 'shared', 'moving', 'most'],
  buffers: [
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'N', type: 'f32', access: 'in', shape: 'rows × rank', length: d => d.rows * d.rank },
    {
      name: 'P',
      type: 'f32',
      access: 'in',
      shape: 'rows × rank, or rank where shared & 1',
      length: d => (d.shared & 1 ? d.rank : d.rows * d.rank),
    },
    {
      name: 'L',
      type: 'f32',
      access: 'in',
      shape: 'rows, or 1 where shared & 2',
      length: d => (d.shared & 2 ? 1 : d.rows),
    },
    { name: 'violation', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
  ],
  exact: false,
  // a difference: each entry may lose digits, the panel does not
  tolerance: { class: 'normwise', units: () => 16 },
  problems: [
    { rows: 1, rank: 1, step: 1, l1: 0, l2: 0, shared: 0 },
    { rows: 0, rank: 3, step: 1, l1: 0, l2: 0, shared: 3 },
    { rows: 3, rank: 4, step: 0.5, l1: 0, l2: 0, shared: 1 },
    { rows: 4, rank: 8, step: 1, l1: 0.5, l2: 0.25, shared: 2 },
    { rows: 7, rank: 5, step: 1.5, l1: 2, l2: 0, shared: 3 },
    { rows: 127, rank: 17, step: 1, l1: 0, l2: 0, shared: 0 },
    { rows: 301, rank: 33, step: 1, l1: 0, l2: 1, shared: 2 },
    { rows: 29, rank: 9, step: 1, l1: 0, l2: 0, shared: 2, moving: 6 },
    { rows: 21, rank: 18, step: 1, l1: 0, l2: 0, shared: 1, moving: 18, most: 0.25 },
  ],
  benchmark: { rows: 20000, rank: 32, step: 1, l1: 0, l2: 0, shared: 2 },
  flops: d => 6 * d.rows * d.rank,
  bytes: d => 4 * (3 + (d.shared & 1 ? 0 : 1)) * d.rows * d.rank,
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
  },
  reference(dims, { F, N, P, L, violation }) {
    const { rows, rank, step, l1, l2, shared, smallest = SMALLEST } = dims
    const { moving = rank, most = Number.POSITIVE_INFINITY } = dims
    for (let i = 0; i < rows; i++) {
      const bend = L[shared & 2 ? 0 : i] + l2
      for (let r = 0; r < moving; r++) {
        const at = i * rank + r
        const gradient = P[shared & 1 ? r : at] - N[at] + l1 + l2 * F[at]
        violation[0] += Math.abs(projected(gradient, F[at], most))
        if (bend > 0) {
          F[at] = bounded(F[at] - (step / bend) * gradient, smallest, most)
        } else if (gradient > 0) {
          F[at] = 0
        }
      }
    }
  },
}
