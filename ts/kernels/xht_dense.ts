import { fillBuffers, signed } from './fills.js'
import type { KernelSpec } from './spec.js'

/** N = X·Hᵀ for a panel of rows: the numerator of W's update. `stride` lets the panel be a view into a wider matrix. */
export const xht_dense: KernelSpec = {
  name: 'xht_dense',
  formula: 'N[i,r] = Σ_j X[i,j]·Ht[j,r]',
  summary: 'dense panel times Hᵀ',
  source: 'Lee & Seung, NIPS 2000, equation 4 (numerator)',
  dims: ['rows', 'columns', 'rank', 'stride'],
  buffers: [
    { name: 'X', type: 'f32', access: 'in', shape: 'rows × columns, stride', length: d => spanned(d) },
    { name: 'Ht', type: 'f32', access: 'in', shape: 'columns × rank', length: d => d.columns * d.rank },
    { name: 'N', type: 'f32', access: 'out', shape: 'rows × rank', length: d => d.rows * d.rank },
  ],
  exact: true,
  tolerance: { class: 'reduction', depth: d => d.columns },
  problems: [
    { rows: 1, columns: 1, rank: 1, stride: 1 },
    { rows: 0, columns: 5, rank: 3, stride: 5 },
    { rows: 3, columns: 2, rank: 4, stride: 2 },
    { rows: 4, columns: 8, rank: 8, stride: 8 },
    { rows: 5, columns: 7, rank: 3, stride: 9 },
    { rows: 13, columns: 31, rank: 7, stride: 31 },
    { rows: 16, columns: 33, rank: 16, stride: 40 },
    { rows: 17, columns: 64, rank: 17, stride: 64 },
    { rows: 61, columns: 127, rank: 33, stride: 127 },
    { rows: 97, columns: 5, rank: 65, stride: 5 },
  ],
  benchmark: { rows: 2000, columns: 1000, rank: 32, stride: 1000 },
  flops: d => 2 * d.rows * d.columns * d.rank,
  bytes: d => 4 * (d.rows * d.columns + d.columns * d.rank + d.rows * d.rank),
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => signed(length, kind, random))
  },
  reference(dims, { X, Ht, N }) {
    const { rows, columns, rank, stride } = dims
    for (let i = 0; i < rows; i++) {
      for (let r = 0; r < rank; r++) {
        let sum = 0
        for (let j = 0; j < columns; j++) sum += X[i * stride + j] * Ht[j * rank + r]
        N[i * rank + r] = sum
      }
    }
  },
}

/** Elements from the first to the last entry of a strided rows × columns panel. */
export function spanned(dims: Readonly<Record<string, number>>): number {
  return dims.rows === 0 || dims.columns === 0 ? 0 : (dims.rows - 1) * dims.stride + dims.columns
}
