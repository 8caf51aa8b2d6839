import { curvature, divergence, POWER_ROUNDINGS, pull, push, sensitivity } from './beta.js'
import { csrStructure, fillBuffers, nonNegative, positive } from './fills.js'
import type { Dims, KernelSpec } from './spec.js'

/**
 * The products of a panel of CSR rows for any β, at the listed entries alone: the model u of an entry, then what it adds
 * to the row. Nothing is kept per entry. On the arrays of the transpose, with the factors exchanged, the same kernel serves
 * the columns. With `zeros` the unlisted entries are zeros that count (β = 1): then `push` is 0, and `loss` leaves out the
 * listed u, as the sum of the whole model is known from the factors' column sums.
 */
export const beta_xht_csr: KernelSpec = {
  name: 'beta_xht_csr',
  formula:
    'u_p = Σ_r F[i,r]·O[j,r] with j = indices[p]; N[i] += Σ_p v·x·u^(β−2)·O[j]; P[i] += Σ_p v·u^(β−1)·O[j]; L[i] += Σ_p v·curvature(x, u)·norms[j]; loss += Σ_p v·d_β(x | u)',
  summary: 'CSR panel at its listed entries: gradient terms, curvature and loss, any β',
  source: 'Févotte & Idier, Neural Computation 2011, equation 4.1, at the listed entries',
  dims: ['rows', 'columns', 'rank', 'percent', 'nonzeros', 'beta', 'weighted', 'push', 'bend', 'measure', 'zeros'],
  buffers: [
    { name: 'indptr', type: 'u32', access: 'in', shape: 'rows + 1', length: d => d.rows + 1 },
    { name: 'indices', type: 'u32', access: 'in', shape: 'nonzeros', length: d => d.nonzeros },
    { name: 'values', type: 'f32', access: 'in', shape: 'nonzeros', length: d => d.nonzeros },
    {
      name: 'weights',
      type: 'f32',
      access: 'in',
      shape: 'nonzeros, where weighted',
      length: d => (d.weighted ? d.nonzeros : 0),
    },
    { name: 'F', type: 'f32', access: 'in', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'O', type: 'f32', access: 'in', shape: 'columns × rank', length: d => d.columns * d.rank },
    { name: 'norms', type: 'f32', access: 'in', shape: 'columns, where bend', length: d => (d.bend ? d.columns : 0) },
    { name: 'N', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    {
      name: 'P',
      type: 'f32',
      access: 'inout',
      shape: 'rows × rank, where push',
      length: d => (d.push ? d.rows * d.rank : 0),
    },
    { name: 'L', type: 'f32', access: 'inout', shape: 'rows, where bend', length: d => (d.bend ? d.rows : 0) },
    { name: 'loss', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
  ],
  exact: false,
  // u carries the roundings of its sum, times the power's sensitivity; all other terms are ≥ 0
  tolerance: {
    class: 'normwise',
    units: d => sensitivity(d.beta) * (d.rank + 4) + Math.sqrt(d.columns) + POWER_ROUNDINGS,
  },
  problems: [
    { rows: 1, columns: 1, rank: 1, percent: 100, ...flags(1, 0, 0, 0, 1) },
    { rows: 0, columns: 5, rank: 3, percent: 50, ...flags(1, 0, 0, 0, 1) },
    { rows: 3, columns: 7, rank: 2, percent: 0, ...flags(1, 1, 1, 1, 0) },
    { rows: 5, columns: 8, rank: 8, percent: 40, ...flags(1, 0, 0, 0, 1) },
    { rows: 31, columns: 17, rank: 7, percent: 20, ...flags(2, 1, 1, 1, 0) },
    { rows: 64, columns: 61, rank: 16, percent: 10, ...flags(1, 1, 1, 0, 0) },
    { rows: 64, columns: 61, rank: 20, percent: 30, ...flags(1, 0, 0, 1, 1) },
    { rows: 97, columns: 129, rank: 33, percent: 5, ...flags(0, 1, 1, 1, 0) },
    { rows: 13, columns: 300, rank: 65, percent: 50, ...flags(1.5, 0, 1, 0, 0) },
    { rows: 13, columns: 300, rank: 24, percent: 50, ...flags(3, 1, 1, 1, 0) },
    { rows: 13, columns: 100, rank: 48, percent: 30, ...flags(2, 0, 1, 0, 0) },
  ],
  benchmark: { rows: 2700, columns: 13714, rank: 20, percent: 6.17, ...flags(1, 0, 0, 0, 1) },
  flops: d => d.nonzeros * (2 + 4 * d.rank + (d.push ? 2 * d.rank : 0)),
  bytes: d =>
    4 * (d.rows + 1 + (2 + d.weighted) * d.nonzeros + d.columns * d.rank + (2 + d.push) * d.rows * d.rank + d.rows),
  fill(dims, kind, random) {
    const { indptr, indices } = csrStructure(dims, random)
    const all = { ...dims, nonzeros: indices.length }
    const arrays = fillBuffers(this.buffers, all, (length, name) =>
      name === 'F' || name === 'O' || (name === 'values' && dims.beta <= 0)
        ? positive(length, kind, random)
        : nonNegative(length, kind, random),
    )
    arrays.loss[0] = 1
    return { ...arrays, indptr, indices }
  },
  reference(dims, { indptr, indices, values, weights, F, O, norms, N, P, L, loss }) {
    const { rows, rank, beta, weighted, push: pushes, bend, measure, zeros } = dims
    for (let i = 0; i < rows; i++) {
      for (let p = indptr[i]; p < indptr[i + 1]; p++) {
        const j = indices[p]
        const x = values[p]
        const v = weighted ? weights[p] : 1
        let u = 0
        for (let r = 0; r < rank; r++) u += F[i * rank + r] * O[j * rank + r]
        const q = v * pull(x, u, beta)
        for (let r = 0; r < rank; r++) N[i * rank + r] += q * O[j * rank + r]
        if (pushes) for (let r = 0; r < rank; r++) P[i * rank + r] += v * push(u, beta) * O[j * rank + r]
        if (bend) L[i] += v * curvature(x, u, beta) * norms[j]
        if (measure && v !== 0) loss[0] += v * (divergence(x, u, beta) - (zeros ? u : 0))
      }
    }
  },
}

function flags(beta: number, weighted: number, push: number, bend: number, zeros: number): Dims {
  return { beta, weighted, push, bend, measure: 1, zeros }
}
