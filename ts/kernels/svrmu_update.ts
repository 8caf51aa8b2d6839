import { fillBuffers, nonNegative } from './fills.js'
import { floored, SMALLEST } from './mu_update.js'
import type { KernelSpec } from './spec.js'

/**
 * The variance-reduced multiplicative update of H from a batch of `count` of the `total` rows of X, for a panel of rows of
 * F = Hᵀ, in place. W0 and F0 are the factors as a snapshot keeps them, W and F as they are; N and M are the batch's products
 * Xᵀ·W and Xᵀ·W0, G and K its Gram matrices WᵀW and W0ᵀW0; A and S are Xᵀ·W0 and W0ᵀW0 over all rows. The halves of the
 * gradient are means over rows, so that l1 and l2 count by 1/total. `ratio` is the share of the update that is taken, in
 * (0, 1]. Floor, `moving` and `most` are those of `mu_update`; where the denominator is zero the entry becomes zero.
 */
export const svrmu_update: KernelSpec = {
  name: 'svrmu_update',
  formula:
    'n = (Σ_s F0[i,s]·K[s,r] + N[i,r])/count + A[i,r]/total; d = (Σ_s F[i,s]·G[s,r] + M[i,r])/count + (Σ_s F0[i,s]·S[s,r] + l1 + l2·F[i,r])/total; F[i,r] ← (1 − ratio)·F[i,r] + ratio·(F[i,r]/d)·n',
  summary: 'variance-reduced multiplicative update of H from a batch of rows',
  source: 'Kasai, ICASSP 2018 (SVRMU), with rows for columns',
  dims: ['rows', 'rank', 'count', 'total', 'ratio', 'l1', 'l2', 'moving', 'most'],
  buffers: [
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    ...['N', 'M', 'F0', 'A'].map(
      name =>
        ({
          name,
          type: 'f32',
          access: 'in',
          shape: 'rows × rank',
          length: d => d.rows * d.rank,
        }) as const satisfies KernelSpec['buffers'][number],
    ),
    ...['G', 'K', 'S'].map(
      name =>
        ({
          name,
          type: 'f32',
          access: 'in',
          shape: 'rank × rank',
          length: d => d.rank * d.rank,
        }) as const satisfies KernelSpec['buffers'][number],
    ),
  ],
  exact: false,
  // all terms are ≥ 0: two sums of rank products, two of the halves, quotients and a mean
  tolerance: { class: 'elementwise', ulps: d => 2 * d.rank + 16 },
  problems: [
    { rows: 1, rank: 1, count: 2, total: 4, ratio: 1, l1: 0, l2: 0 },
    { rows: 0, rank: 3, count: 2, total: 4, ratio: 1, l1: 0, l2: 0 },
    { rows: 3, rank: 4, count: 1, total: 1, ratio: 0.5, l1: 0, l2: 0 },
    { rows: 4, rank: 8, count: 16, total: 100, ratio: 1, l1: 0.5, l2: 0.25 },
    { rows: 127, rank: 17, count: 7, total: 61, ratio: 0.75, l1: 0, l2: 0 },
    { rows: 61, rank: 33, count: 64, total: 1024, ratio: 1, l1: 0, l2: 2 },
    { rows: 29, rank: 9, count: 8, total: 32, ratio: 1, l1: 0, l2: 0, moving: 6 },
    { rows: 21, rank: 18, count: 8, total: 32, ratio: 0.5, l1: 0, l2: 0, moving: 18, most: 0.25 },
  ],
  benchmark: { rows: 2000, rank: 32, count: 1024, total: 60000, ratio: 1, l1: 0, l2: 0 },
  flops: d => 6 * d.rows * d.rank * d.rank + 12 * d.rows * d.rank,
  bytes: d => 4 * (6 * d.rows * d.rank + 3 * d.rank * d.rank),
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
  },
  reference(dims, { F, N, M, F0, A, G, K, S }) {
    const { rows, rank, count, total, ratio, l1, l2 } = dims
    const { smallest = SMALLEST, moving = rank, most = Number.POSITIVE_INFINITY } = dims
    const row = new Float64Array(rank)
    for (let i = 0; i < rows; i++) {
      for (let r = 0; r < rank; r++) row[r] = F[i * rank + r]
      for (let r = 0; r < moving; r++) {
        const at = i * rank + r
        let [own, kept, all] = [0, 0, 0]
        for (let s = 0; s < rank; s++) {
          own += row[s] * G[s * rank + r]
          kept += F0[i * rank + s] * K[s * rank + r]
          all += F0[i * rank + s] * S[s * rank + r]
        }
        const numerator = (kept + N[at]) / count + A[at] / total
        const denominator = (own + M[at]) / count + (all + l1 + l2 * row[r]) / total
        const moved = denominator > 0 ? (1 - ratio) * row[r] + ratio * (row[r] / denominator) * numerator : 0
        F[at] = floored(moved, smallest, most)
      }
    }
  },
}
