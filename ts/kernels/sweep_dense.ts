import { fillBuffers, nonNegative } from './fills.js'
import { gram } from './gram.js'
import { mu_update } from './mu_update.js'
import type { KernelSpec } from './spec.js'
import { spanned, xht_dense } from './xht_dense.js'
import { xtw_dense } from './xtw_dense.js'

/**
 * The fused panel of one iteration, X read once: N = X·Hᵀ, the multiplicative update of the panel's rows of W, then
 * A += Xᵀ·W and S += WᵀW with the new rows.
 */
export const sweep_dense: KernelSpec = {
  name: 'sweep_dense',
  formula: 'W ← mu_update(W, X·Ht, G); A += Xᵀ·W; S += WᵀW',
  summary: 'one reading of a dense panel: W updated, H’s products accumulated',
  source: 'alternating order of Lee & Seung, NIPS 2000; row i of W depends on row i of X alone',
  dims: ['rows', 'columns', 'rank', 'stride'],
  buffers: [
    { name: 'X', type: 'f32', access: 'in', shape: 'rows × columns, stride', length: d => spanned(d) },
    { name: 'Ht', type: 'f32', access: 'in', shape: 'columns × rank', length: d => d.columns * d.rank },
    { name: 'G', type: 'f32', access: 'in', shape: 'rank × rank', length: d => d.rank * d.rank },
    { name: 'W', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'A', type: 'f32', access: 'inout', shape: 'columns × rank', length: d => d.columns * d.rank },
    { name: 'S', type: 'f32', access: 'inout', shape: 'rank × rank', length: d => d.rank * d.rank },
  ],
  exact: false,
  // the terms are ≥ 0, so the relative errors of the chain add up: X·Hᵀ, the update, then the sums over the rows, with
  // S taking the error of W twice
  tolerance: { class: 'reduction', depth: d => 2 * (d.columns + d.rank) + d.rows + 8 },
  problems: xht_dense.problems,
  benchmark: xht_dense.benchmark,
  flops: d => xht_dense.flops(d) + mu_update.flops(d) + xtw_dense.flops(d) + gram.flops(d),
  bytes: d => 4 * (d.rows * d.columns + 3 * d.columns * d.rank + 2 * d.rows * d.rank + 3 * d.rank * d.rank),
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
  },
  reference(dims, { X, Ht, G, W, A, S }) {
    const N = new Float64Array(dims.rows * dims.rank)
    xht_dense.reference(dims, { X, Ht, N })
    mu_update.reference(dims, { F: W, N, G })
    xtw_dense.reference(dims, { X, W, A })
    gram.reference(dims, { F: W, G: S })
  },
}
