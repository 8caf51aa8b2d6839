import { csrStructure, fillBuffers, signed } from './fills.js'
import type { KernelSpec } from './spec.js'

/**
 * N = X·Hᵀ for a panel of CSR rows. The same kernel on the CSC arrays gives Xᵀ·W, by gathering: no two rows write to
 * one place, so nothing needs atomics and the order of every sum is fixed.
 */
export const xht_csr: KernelSpec = {
  name: 'xht_csr',
  formula: 'N[i,r] = Σ_p values[p]·Ht[indices[p],r], indptr[i] ≤ p < indptr[i+1]',
  summary: 'CSR panel times Hᵀ; on the CSC arrays, Xᵀ times W',
  source: 'Lee & Seung, NIPS 2000, equation 4 (numerator), at the non-zeros',
  dims: ['rows', 'columns', 'rank', 'percent', 'nonzeros'],
  buffers: [
    { name: 'indptr', type: 'u32', access: 'in', shape: 'rows + 1', length: d => d.rows + 1 },
    { name: 'indices', type: 'u32', access: 'in', shape: 'nonzeros', length: d => d.nonzeros },
    { name: 'values', type: 'f32', access: 'in', shape: 'nonzeros', length: d => d.nonzeros },
    { name: 'Ht', type: 'f32', access: 'in', shape: 'columns × rank', length: d => d.columns * d.rank },
    { name: 'N', type: 'f32', access: 'out', shape: 'rows × rank', length: d => d.rows * d.rank },
  ],
  exact: true,
  tolerance: { class: 'reduction', depth: d => d.columns },
  // `nonzeros` follows from the structure that `fill` draws; the harness asks `fill` first
  problems: [
    { rows: 1, columns: 1, rank: 1, percent: 100 },
    { rows: 0, columns: 5, rank: 3, percent: 50 },
    { rows: 3, columns: 7, rank: 2, percent: 0 },
    { rows: 5, columns: 8, rank: 8, percent: 40 },
    { rows: 31, columns: 17, rank: 7, percent: 20 },
    { rows: 64, columns: 61, rank: 16, percent: 10 },
    { rows: 97, columns: 129, rank: 33, percent: 5 },
    { rows: 13, columns: 300, rank: 65, percent: 50 },
  ],
  benchmark: { rows: 10000, columns: 5000, rank: 32, percent: 1 },
  flops: d => 2 * d.nonzeros * d.rank,
  bytes: d => 4 * (d.rows + 1 + 2 * d.nonzeros + d.columns * d.rank + d.rows * d.rank),
  fill(dims, kind, random) {
    const { indptr, indices } = csrStructure(dims, random)
    const all = { ...dims, nonzeros: indices.length }
    const arrays = fillBuffers(this.buffers, all, length => signed(length, kind, random))
    return { ...arrays, indptr, indices }
  },
  reference(dims, { indptr, indices, values, Ht, N }) {
    const { rows, rank } = dims
    for (let i = 0; i < rows; i++) {
      for (let r = 0; r < rank; r++) {
        let sum = 0
        for (let p = indptr[i]; p < indptr[i + 1]; p++) sum += values[p] * Ht[indices[p] * rank + r]
        N[i * rank + r] = sum
      }
    }
  },
}
