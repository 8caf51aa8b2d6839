import { fillBuffers, signed } from './fills.js'
import type { KernelSpec } from './spec.js'
import { spanned, xht_dense } from './xht_dense.js'

/** U = W·H for one tile of X: as wide as a cache allows, so that W·H as a whole never exists. */
export const wh_dense: KernelSpec = {
  name: 'wh_dense',
  formula: 'U[i,j] = Σ_r W[i,r]·H[r,j]',
  summary: 'model of one dense tile',
  source: 'the matrix product itself',
  dims: ['rows', 'columns', 'rank', 'stride'],
  buffers: [
    { name: 'W', type: 'f32', access: 'in', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'H', type: 'f32', access: 'in', shape: 'rank × columns, stride', length: d => spannedModel(d) },
    { name: 'U', type: 'f32', access: 'out', shape: 'rows × columns', length: d => d.rows * d.columns },
  ],
  exact: true,
  tolerance: { class: 'reduction', depth: d => d.rank },
  problems: xht_dense.problems,
  benchmark: { rows: 84, columns: 512, rank: 32, stride: 512 },
  flops: d => 2 * d.rows * d.columns * d.rank,
  bytes: d => 4 * (d.rows * d.columns + d.columns * d.rank + d.rows * d.rank),
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => signed(length, kind, random))
  },
  reference(dims, { W, H, U }) {
    const { rows, columns, rank, stride } = dims
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum = 0
        for (let r = 0; r < rank; r++) sum += W[i * rank + r] * H[r * stride + j]
        U[i * columns + j] = sum
      }
    }
  },
}

function spannedModel(d: Readonly<Record<string, number>>): number {
  return spanned({ rows: d.rank, columns: d.columns, stride: d.stride })
}
