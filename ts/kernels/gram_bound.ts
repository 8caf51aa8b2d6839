import { BOUND_ITERATIONS, gramBound } from '../core/gram-bound.js'
import { fillBuffers, nonNegative } from './fills.js'
import type { KernelSpec } from './spec.js'

/**
 * A bound from above of the largest eigenvalue of a non-negative symmetric matrix, such as the Gram matrix of a factor:
 * for every positive v it is at most max (Gv)ᵢ / vᵢ (Collatz and Wielandt), and v comes from power iterations on 1, 1, 1, …
 * So, unlike the Rayleigh quotient of the same v, it can be trusted before the iterations have converged. In float64,
 * whatever G is stored in; 0 where G is all zeros.
 */
export const gram_bound: KernelSpec = {
  name: 'gram_bound',
  formula: 'v ← 1; 30 times: v ← max(G·v / max(G·v), 2⁻⁴⁰); bound = max_i (G·v)_i / v_i',
  summary: 'bound of the largest eigenvalue of a Gram matrix',
  source: 'Collatz 1942; Wielandt 1950: for non-negative G and positive v',
  dims: ['rank'],
  buffers: [
    { name: 'G', type: 'f32', access: 'in', shape: 'rank × rank', length: d => d.rank * d.rank },
    { name: 'bound', type: 'f64', access: 'out', shape: '1', length: () => 1 },
  ],
  exact: false,
  // in float64: only roundings of its own, far below one of float32
  tolerance: { class: 'elementwise', ulps: d => 64 * (d.rank + 2) },
  problems: [1, 2, 3, 5, 8, 16, 17, 33, 65].map(rank => ({ rank })),
  benchmark: { rank: 32 },
  flops: d => (BOUND_ITERATIONS + 1) * 2 * d.rank * d.rank,
  bytes: d => 4 * d.rank * d.rank,
  fill(dims, kind, random) {
    const { rank } = dims
    const arrays = fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
    const { G } = arrays
    for (let r = 0; r < rank; r++) for (let s = 0; s < r; s++) G[r * rank + s] = G[s * rank + r]
    return arrays
  },
  reference({ rank }, { G, bound }) {
    bound[0] = gramBound(G as Float64Array, rank)
  },
}
