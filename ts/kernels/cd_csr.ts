import { curvature, divergence, pull, push, steady } from './beta.js'
import { newton } from './cd_dense.js'
import { csrStructure, fillBuffers, nonNegative, positive } from './fills.js'
import { projected } from './hals_update.js'
import { SMALLEST } from './mu_update.js'
import type { Dims, KernelSpec } from './spec.js'

/**
 * `cd_dense` at the listed entries of CSR rows. With `zeros` the unlisted entries are zeros that count (β = 1): their
 * gradient is what the column sums of O say of all entries, and listed entries add −v·x/u alone; `loss` then leaves out the
 * listed u. Without it `sums` is not read.
 */
export const cd_csr: KernelSpec = {
  name: 'cd_csr',
  formula:
    'as cd_dense, the sums over j running over the row’s listed entries; with zeros: g = sums[r] − Σ_p (X/u)·O[j,r] + l1 + l2·F[i,r]',
  summary: 'coordinate descent over a factor panel from CSR rows, any β',
  source: 'Hsieh & Dhillon, KDD 2011, section 4, at the listed entries; curvature: ts/kernels/beta.ts',
  dims: [
    'rows',
    'columns',
    'rank',
    'percent',
    'nonzeros',
    'beta',
    'weighted',
    'measure',
    'zeros',
    'l1',
    'l2',
    'moving',
    'most',
  ],
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
    { name: 'O', type: 'f32', access: 'in', shape: 'columns × rank', length: d => d.columns * d.rank },
    { name: 'sums', type: 'f32', access: 'in', shape: 'rank, where zeros', length: d => (d.zeros ? d.rank : 0) },
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'loss', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
    { name: 'violation', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
  ],
  exact: false,
  // as for cd_dense
  tolerance: { class: 'normwise', units: d => 64 * (d.rank + 8) },
  problems: [
    { rows: 1, columns: 1, rank: 1, percent: 100, ...flags(1, 0, 1, 0, 0) },
    { rows: 0, columns: 5, rank: 3, percent: 50, ...flags(1, 0, 1, 0, 0) },
    { rows: 3, columns: 7, rank: 2, percent: 0, ...flags(1, 0, 1, 1, 0) },
    { rows: 5, columns: 8, rank: 8, percent: 40, ...flags(1, 1, 0, 0.5, 0.25) },
    { rows: 31, columns: 67, rank: 7, percent: 20, ...flags(2, 1, 0, 0.25, 0) },
    { rows: 64, columns: 61, rank: 16, percent: 40, ...flags(1, 0, 1, 0, 0.5) },
    { rows: 13, columns: 300, rank: 20, percent: 50, ...flags(1.5, 1, 0, 0, 0) },
    { rows: 11, columns: 90, rank: 5, percent: 40, ...flags(0.5, 0, 0, 0, 0) },
    { rows: 12, columns: 80, rank: 6, percent: 40, ...flags(3.5, 1, 0, 0, 0.25) },
    { rows: 17, columns: 70, rank: 9, percent: 30, ...flags(0.3, 1, 0, 0.25, 0.5) },
    { rows: 13, columns: 300, rank: 24, percent: 30, ...flags(0, 0, 0, 0, 0) },
    { rows: 31, columns: 67, rank: 9, percent: 30, ...flags(1, 0, 1, 0, 0), moving: 5 },
    { rows: 17, columns: 70, rank: 7, percent: 30, ...flags(2, 1, 0, 0, 0), moving: 7, most: 0.25 },
  ],
  benchmark: { rows: 2700, columns: 13714, rank: 20, percent: 6.17, ...flags(1, 0, 1, 0, 0) },
  flops: d => d.nonzeros * (2 * d.rank + d.rank * 8),
  bytes: d =>
    4 * (d.rows + 1 + (2 + d.weighted) * d.nonzeros + d.columns * d.rank + 2 * d.rows * d.rank + d.zeros * d.rank),
  fill(dims, kind, random) {
    const { indptr, indices } = csrStructure(dims, random)
    const all = { ...dims, nonzeros: indices.length }
    const arrays = fillBuffers(this.buffers, all, (length, name) =>
      name === 'O' || name === 'F' || (name === 'values' && dims.beta <= 0)
        ? positive(length, kind, random)
        : nonNegative(length, kind, random),
    )
    for (let r = 0; dims.zeros && r < dims.rank; r++) {
      arrays.sums[r] = 0
      for (let j = 0; j < dims.columns; j++) arrays.sums[r] += arrays.O[j * dims.rank + r]
    }
    arrays.loss[0] = 1
    return { ...arrays, indptr, indices }
  },
  reference(dims, { indptr, indices, values, weights, O, sums, F, loss, violation }) {
    const { rows, rank, beta, weighted, measure, zeros, l1, l2, smallest = SMALLEST } = dims
    const { moving = rank, most = Number.POSITIVE_INFINITY } = dims
    for (let i = 0; i < rows; i++) {
      const listed = Array.from({ length: indptr[i + 1] - indptr[i] }, (_, n) => {
        const p = indptr[i] + n
        const o = O.subarray(indices[p] * rank, (indices[p] + 1) * rank)
        let u = 0
        for (let r = 0; r < rank; r++) u += F[i * rank + r] * o[r]
        return { x: values[p], v: weighted ? weights[p] : 1, o, u }
      })
      for (const { x, v, u } of measure ? listed : []) {
        if (v !== 0) loss[0] += v * (divergence(x, u, beta) - (zeros ? u : 0))
      }
      for (let r = 0; r < moving; r++) {
        const at = i * rank + r
        let gradient = l1 + l2 * F[at] + (zeros ? sums[r] : 0)
        let bend = l2
        let steepest = 0
        for (const { x, v, o, u } of listed) {
          const model = steady(u, beta)
          gradient += v * ((zeros ? 0 : push(model, beta)) - pull(x, model, beta)) * o[r]
          bend += v * curvature(x, model, beta) * o[r] * o[r]
          if (beta > 2 && v > 0) steepest = Math.max(steepest, o[r] / model)
        }
        violation[0] += Math.abs(projected(gradient, F[at], most))
        const next = newton(F[at], gradient, bend, steepest, beta, smallest, most)
        for (const entry of listed) entry.u += (next - F[at]) * entry.o[r]
        F[at] = next
      }
    }
  },
}

function flags(beta: number, weighted: number, zeros: number, l1: number, l2: number): Dims {
  return { beta, weighted, measure: 1, zeros, l1, l2 }
}
