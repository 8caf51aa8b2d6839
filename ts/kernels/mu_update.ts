import { fillBuffers, nonNegative } from './fills.js'
import type { KernelSpec } from './spec.js'

/**
 * 2⁻⁶³: two entries above it have a product among f32's normal numbers. Below those lie the subnormals, which cost a
 * hundred cycles each where no flag flushes them, and multiplicative updates send many entries there.
 */
export const SMALLEST: number = 2 ** -63

/** The same for float64: 2⁻⁵¹¹. */
export const SMALLEST_F64: number = 2 ** -511

/** An updated entry as the multiplicative rules store it: one that came to lie below the smallest stays able to rise. */
export function floored(value: number, smallest: number, most: number): number {
  return value > 0 && value < smallest ? smallest : Math.min(value, most)
}

/**
 * The multiplicative update of a panel of rows of a factor, in place. N holds the products with X, G the Gram matrix of
 * the other factor; l1 and l2 are the factor's penalties. Where the denominator is zero the entry becomes zero: then either
 * the entry was zero or the other factor's component is dead, and the numerator is zero too. Results between 0 and 2⁻⁶³
 * (2⁻⁵¹¹ in float64) become that bound: set to zero they could never rise again, as they do in exact arithmetic. The
 * division comes first, as its quotient is at most 1 / G[r,r], while N over a tiny denominator overflows.
 *
 * As in every rule, the first `moving` components of a row move (default: all) while the others are read alone, and no entry
 * goes above `most` (default: ∞).
 */
export const mu_update: KernelSpec = {
  name: 'mu_update',
  formula: 'F[i,r] ← (F[i,r] / (Σ_s F[i,s]·G[s,r] + l1 + l2·F[i,r])) · N[i,r]',
  summary: 'multiplicative update of a factor panel, Frobenius loss',
  source: 'Lee & Seung, NIPS 2000, equation 4; floor: Gillis & Glineur, Neural Computation 2012, section 2.1',
  dims: ['rows', 'rank', 'l1', 'l2', 'moving', 'most'],
  buffers: [
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'N', type: 'f32', access: 'in', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'G', type: 'f32', access: 'in', shape: 'rank × rank', length: d => d.rank * d.rank },
  ],
  exact: false,
  // all terms are ≥ 0: every product and sum of the denominator rounds once, the quotient and the last product too
  tolerance: { class: 'elementwise', ulps: d => d.rank + 7 },
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
  flops: d => 2 * d.rows * d.rank * d.rank + 2 * d.rows * d.rank,
  bytes: d => 4 * (3 * d.rows * d.rank + d.rank * d.rank),
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
  },
  reference(dims, { F, N, G }) {
    const { rows, rank, l1, l2, smallest = SMALLEST, moving = rank, most = Number.POSITIVE_INFINITY } = dims
    const row = new Float64Array(rank)
    for (let i = 0; i < rows; i++) {
      for (let r = 0; r < rank; r++) row[r] = F[i * rank + r]
      for (let r = 0; r < moving; r++) {
        let denominator = l1 + l2 * row[r]
        for (let s = 0; s < rank; s++) denominator += row[s] * G[s * rank + r]
        const at = i * rank + r
        F[at] = denominator > 0 ? floored((row[r] / denominator) * N[at], smallest, most) : 0
      }
    }
  },
}
