import { moveByEntries, squaredError } from './bpp_dense.js'
import { bpp_update } from './bpp_update.js'
import { csrStructure, fillBuffers, nonNegative } from './fills.js'
import type { Dims, KernelSpec } from './spec.js'

/** `bpp_dense` at the listed entries of CSR rows, which alone count. */
export const bpp_csr: KernelSpec = {
  name: 'bpp_csr',
  formula: 'as bpp_dense, the sums over j running over the row’s listed entries',
  summary: 'exact weighted non-negative least squares over a factor panel from CSR rows, Frobenius loss',
  source: 'the normal equations of each row; solved as in ts/kernels/pivoting.ts',
  dims: ['rows', 'columns', 'rank', 'percent', 'nonzeros', 'measure', 'l1', 'l2', 'moving', 'most'],
  buffers: [
    { name: 'indptr', type: 'u32', access: 'in', shape: 'rows + 1', length: d => d.rows + 1 },
    { name: 'indices', type: 'u32', access: 'in', shape: 'nonzeros', length: d => d.nonzeros },
    { name: 'values', type: 'f32', access: 'in', shape: 'nonzeros', length: d => d.nonzeros },
    { name: 'weights', type: 'f32', access: 'in', shape: 'nonzeros', length: d => d.nonzeros },
    { name: 'O', type: 'f32', access: 'in', shape: 'columns × rank', length: d => d.columns * d.rank },
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'loss', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
    { name: 'violation', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
  ],
  exact: false,
  // as for bpp_dense
  tolerance: { class: 'normwise', units: d => 64 * (d.rank + 8) },
  problems: [
    { rows: 1, columns: 1, rank: 1, percent: 100, ...flags(1, 0, 0) },
    { rows: 0, columns: 5, rank: 3, percent: 50, ...flags(1, 0, 0) },
    { rows: 3, columns: 7, rank: 2, percent: 0, ...flags(1, 0, 0) },
    { rows: 5, columns: 8, rank: 8, percent: 40, ...flags(1, 0.5, 0.25) },
    { rows: 31, columns: 167, rank: 7, percent: 40, ...flags(0, 0.25, 0) },
    { rows: 24, columns: 128, rank: 16, percent: 50, ...flags(1, 0, 0.5) },
    { rows: 13, columns: 300, rank: 20, percent: 50, ...flags(1, 0, 0) },
    { rows: 21, columns: 167, rank: 9, percent: 40, ...flags(1, 0, 0), moving: 5 },
    { rows: 17, columns: 170, rank: 7, percent: 40, ...flags(1, 0, 0), most: 0.25 },
  ],
  benchmark: { rows: 2700, columns: 13714, rank: 20, percent: 6.17, ...flags(1, 0, 0) },
  flops: d => d.nonzeros * (d.rank * (d.rank + 1) + 5 * d.rank) + bpp_update.flops(d),
  bytes: d => 4 * (d.rows + 1 + 3 * d.nonzeros + d.columns * d.rank + 2 * d.rows * d.rank),
  fill(dims, kind, random) {
    const { indptr, indices } = csrStructure(dims, random)
    const all = { ...dims, nonzeros: indices.length }
    const arrays = fillBuffers(this.buffers, all, length => nonNegative(length, kind, random))
    arrays.loss[0] = 1
    return { ...arrays, indptr, indices }
  },
  reference(dims, { indptr, indices, values, weights, O, F, loss, violation }) {
    const { rows, rank, measure } = dims
    for (let i = 0; i < rows; i++) {
      const entries = Array.from({ length: indptr[i + 1] - indptr[i] }, (_, n) => {
        const p = indptr[i] + n
        return { x: values[p], v: weights[p], o: O.subarray(indices[p] * rank, (indices[p] + 1) * rank) }
      })
      const f = F.subarray(i * rank, (i + 1) * rank) as Float64Array
      if (measure) loss[0] += squaredError(entries, f)
      violation[0] += moveByEntries(dims, f, entries)
    }
  },
}

function flags(measure: number, l1: number, l2: number): Dims {
  return { measure, l1, l2 }
}
