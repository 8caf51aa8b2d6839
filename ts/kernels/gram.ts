import { fillBuffers, signed } from './fills.js'
import type { KernelSpec } from './spec.js'

/** G += Fᵀ·F for a panel of a tall factor (W, or H transposed): H·Hᵀ and WᵀW, accumulated over panels. */
export const gram: KernelSpec = {
  name: 'gram',
  formula: 'G[r,s] += Σ_i F[i,r]·F[i,s]',
  summary: 'Gram matrix of a tall factor, accumulated',
  source: 'Lee & Seung, NIPS 2000, equation 4 (denominator)',
  dims: ['rows', 'rank'],
  buffers: [
    { name: 'F', type: 'f32', access: 'in', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'G', type: 'f32', access: 'inout', shape: 'rank × rank', length: d => d.rank * d.rank },
  ],
  exact: true,
  tolerance: { class: 'reduction', depth: d => d.rows + 1 },
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
  flops: d => 2 * d.rows * d.rank * d.rank,
  bytes: d => 4 * (d.rows * d.rank + 2 * d.rank * d.rank),
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => signed(length, kind, random))
  },
  reference(dims, { F, G }) {
    const { rows, rank } = dims
    for (let r = 0; r < rank; r++) {
      for (let s = 0; s < rank; s++) {
        let sum = G[r * rank + s]
        for (let i = 0; i < rows; i++) sum += F[i * rank + r] * F[i * rank + s]
        G[r * rank + s] = sum
      }
    }
  },
}
