import { fillBuffers, signed } from './fills.js'
import type { KernelSpec } from './spec.js'

/** ⟨a, b⟩, summed in float64 (or in f32 partial sums that are added in float64): the inner products of the loss. */
export const dot: KernelSpec = {
  name: 'dot',
  formula: 'sum = Σ_i a[i]·b[i]',
  summary: 'inner product, for the loss by the Gram identity',
  source: '‖X − WH‖² = ‖X‖² − 2⟨XᵀW, Hᵀ⟩ + ⟨WᵀW, HHᵀ⟩',
  dims: ['length'],
  buffers: [
    { name: 'a', type: 'f32', access: 'in', shape: 'length', length: d => d.length },
    { name: 'b', type: 'f32', access: 'in', shape: 'length', length: d => d.length },
    { name: 'sum', type: 'f64', access: 'out', shape: '1', length: () => 1 },
  ],
  exact: true,
  tolerance: { class: 'reduction', depth: d => d.length },
  problems: [
    { length: 1 },
    { length: 0 },
    { length: 3 },
    { length: 4 },
    { length: 63 },
    { length: 64 },
    { length: 257 },
    { length: 1021 },
    { length: 70001 },
  ],
  benchmark: { length: 1 << 20 },
  flops: d => 2 * d.length,
  bytes: d => 8 * d.length,
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => signed(length, kind, random))
  },
  reference(dims, { a, b, sum }) {
    let total = 0
    for (let i = 0; i < dims.length; i++) total += a[i] * b[i]
    sum[0] = total
  },
}
