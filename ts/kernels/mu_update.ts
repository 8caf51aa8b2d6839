import { fillBuffers, nonNegative } from './fills.js'
import type { KernelSpec } from './spec.js'

/**
 * 2⁻⁶³: two entries above it have a product among f32's normal numbers. Below those lie the subnormals, which cost a
 * hundred cycles each where no flag flushes them, and multiplicative updates send many entries there.
 */
export const SMALLEST: number = 2 ** -63

/**
 * The multiplicative update of a panel of rows of a factor, in place. N holds the products with X, G the Gram matrix of
 * the other factor. Where the denominator is zero the entry becomes zero: then either the entry was zero or the other
 * factor's component is dead, and the numerator is zero too. Results below 2⁻⁶³ become zero. The division comes first, as
 * its quotient is at most 1 / G[r,r], while N over a tiny denominator overflows.
 */
export const mu_update: KernelSpec = {
  name: 'mu_update',
  formula: 'F[i,r] ← (F[i,r] / Σ_s F[i,s]·G[s,r]) · N[i,r]',
  summary: 'multiplicative update of a factor panel, Frobenius loss',
  source: 'Lee & Seung, NIPS 2000, equation 4',
  dims: ['rows', 'rank'],
  buffers: [
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'N', type: 'f32', access: 'in', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'G', type: 'f32', access: 'in', shape: 'rank × rank', length: d => d.rank * d.rank },
  ],
  exact: false,
  // all terms are ≥ 0: every product and sum of the denominator rounds once, the quotient and the last product too
  tolerance: { class: 'elementwise', ulps: d => d.rank + 4 },
  problems: [
    { rows: 1, rank: 1 },
    { rows: 0, rank: 3 },
    { rows: 3, rank: 4 },
    { rows: 4, rank: 8 },
    { rows: 7, rank: 5 },
    { rows: 16, rank: 16 },
    { rows: 127, rank: 17 },
    { rows: 301, rank: 33 },
    { rows: 65, rank: 65 },
  ],
  benchmark: { rows: 2000, rank: 32 },
  flops: d => 2 * d.rows * d.rank * d.rank + 2 * d.rows * d.rank,
  bytes: d => 4 * (3 * d.rows * d.rank + d.rank * d.rank),
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
  },
  reference(dims, { F, N, G }) {
    // float64 has room below, which its fits may use
    const { smallest = SMALLEST } = dims
    const row = new Float64Array(dims.rank)
    for (let i = 0; i < dims.rows; i++) {
      for (let r = 0; r < dims.rank; r++) row[r] = F[i * dims.rank + r]
      for (let r = 0; r < dims.rank; r++) {
        let denominator = 0
        for (let s = 0; s < dims.rank; s++) denominator += row[s] * G[s * dims.rank + r]
        const at = i * dims.rank + r
        const updated = denominator > 0 ? (row[r] / denominator) * N[at] : 0
        F[at] = updated < smallest ? 0 : updated
      }
    }
  },
}
