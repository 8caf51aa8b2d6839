import { fillBuffers, signed } from './fills.js'
import type { KernelSpec } from './spec.js'
import { spanned, xht_dense } from './xht_dense.js'

/** A += Xᵀ·W for a panel of rows: the numerator of H's update, accumulated over panels. */
export const xtw_dense: KernelSpec = {
  name: 'xtw_dense',
  formula: 'A[j,r] += Σ_i X[i,j]·W[i,r]',
  summary: 'transposed dense panel times W, accumulated',
  source: 'Lee & Seung, NIPS 2000, equation 4 (numerator)',
  dims: ['rows', 'columns', 'rank', 'stride'],
  buffers: [
    { name: 'X', type: 'f32', access: 'in', shape: 'rows × columns, stride', length: d => spanned(d) },
    { name: 'W', type: 'f32', access: 'in', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'A', type: 'f32', access: 'inout', shape: 'columns × rank', length: d => d.columns * d.rank },
  ],
  exact: true,
  tolerance: { class: 'reduction', depth: d => d.rows + 1 },
  problems: xht_dense.problems,
  benchmark: xht_dense.benchmark,
  flops: d => 2 * d.rows * d.columns * d.rank,
  bytes: d => 4 * (d.rows * d.columns + 2 * d.columns * d.rank + d.rows * d.rank),
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => signed(length, kind, random))
  },
  reference(dims, { X, W, A }) {
    const { rows, columns, rank, stride } = dims
    for (let j = 0; j < columns; j++) {
      for (let r = 0; r < rank; r++) {
        let sum = A[j * rank + r]
        for (let i = 0; i < rows; i++) sum += X[i * stride + j] * W[i * rank + r]
        A[j * rank + r] = sum
      }
    }
  },
}
