import { fillBuffers, nonNegative } from './fills.js'
import { bounded } from './hals_update.js'
import { SMALLEST } from './mu_update.js'
import type { KernelSpec } from './spec.js'

/**
 * Moves entries of a factor on in the direction that its last update took, by `weight` times that step, and remembers
 * where the update had ended: P is F as the update before left it, and becomes F as this one did. Results below 2⁻⁶³
 * (2⁻⁵¹¹ in float64) become zero; none goes above `most` (default: ∞). Entries that did not move stay as they are, whatever
 * these bounds.
 */
export const extrapolate: KernelSpec = {
  name: 'extrapolate',
  formula: 'f = F[i]; s = weight·(f − P[i]); F[i] ← s = 0 ? f : min(most, max(0, f + s)); P[i] ← f',
  summary: 'extrapolation of a factor along its last step',
  source: 'Ang & Gillis, Neural Computation 2019, algorithm 3',
  dims: ['length', 'weight', 'most'],
  buffers: [
    { name: 'F', type: 'f32', access: 'inout', shape: 'length', length: d => d.length },
    { name: 'P', type: 'f32', access: 'inout', shape: 'length', length: d => d.length },
  ],
  exact: false,
  // the sum may cancel
  tolerance: { class: 'normwise', units: () => 4 },
  problems: [
    { length: 1, weight: 0.5 },
    { length: 0, weight: 0.5 },
    { length: 15, weight: 0 },
    { length: 16, weight: 0.75 },
    { length: 127, weight: 1 },
    { length: 1025, weight: 0.5, most: 0.75 },
    { length: 33, weight: 0, most: 0.25 },
  ],
  benchmark: { length: 1 << 20, weight: 0.5 },
  flops: d => 3 * d.length,
  bytes: d => 4 * 4 * d.length,
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
  },
  reference(dims, { F, P }) {
    const { length, weight, smallest = SMALLEST, most = Number.POSITIVE_INFINITY } = dims
    for (let i = 0; i < length; i++) {
      const f = F[i]
      const step = weight * (f - P[i])
      if (step !== 0) F[i] = bounded(f + step, smallest, most)
      P[i] = f
    }
  },
}
