import { divergence, POWER_ROUNDINGS, pull, push, sensitivity } from './beta.js'
import { fillModel, MODEL_BUFFERS } from './model.js'
import type { Dims, KernelSpec } from './spec.js'

/**
 * The products of a dense panel for any β in one pass, for devices whose threads share memory: the model of some entries, what
 * they contribute, and at once what that adds to the rows of W's products, or with `turned` to those of Hᵀ's. X is read once, and
 * nothing of its size is written. Rows are read four values at a time: rank and stride are multiples of 4, X and V have `stride`
 * values in every row.
 */
export const beta_xht_dense: KernelSpec = {
  name: 'beta_xht_dense',
  formula:
    'U = W·H; N += (V·X·U^(β−2))·Hᵀ; P += (V·U^(β−1))·Hᵀ; turned: N += (V·X·U^(β−2))ᵀ·W and so on; loss += Σ V·d_β(X | U)',
  summary: 'dense panel: gradient of either factor and loss without an array of its size, any β',
  source: 'Févotte & Idier, Neural Computation 2011, equation 4.1',
  dims: ['rows', 'columns', 'rank', 'stride', 'beta', 'weighted', 'push', 'measure', 'turned'],
  buffers: [
    ...MODEL_BUFFERS,
    { name: 'N', type: 'f32', access: 'inout', shape: 'rows or columns × rank', length: owned },
    {
      name: 'P',
      type: 'f32',
      access: 'inout',
      shape: 'rows or columns × rank, where push',
      length: d => (d.push ? owned(d) : 0),
    },
    { name: 'loss', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
  ],
  exact: false,
  // u carries the roundings of its sum, times the power's sensitivity; all other terms are ≥ 0
  tolerance: {
    class: 'normwise',
    units: d => sensitivity(d.beta) * (d.rank + 4) + Math.sqrt(Math.max(d.rows, d.columns)) + POWER_ROUNDINGS,
  },
  problems: [
    { rows: 1, columns: 1, rank: 4, stride: 4, ...flags(1, 0, 0, 1, 0) },
    { rows: 0, columns: 5, rank: 4, stride: 8, ...flags(1, 1, 1, 1, 0) },
    { rows: 3, columns: 7, rank: 4, stride: 8, ...flags(1, 0, 0, 1, 1) },
    { rows: 31, columns: 33, rank: 12, stride: 40, ...flags(1, 1, 1, 1, 0) },
    { rows: 85, columns: 29, rank: 12, stride: 32, ...flags(0, 1, 1, 1, 1) },
    { rows: 32, columns: 64, rank: 32, stride: 64, ...flags(1, 0, 0, 1, 0) },
    { rows: 33, columns: 65, rank: 32, stride: 68, ...flags(0.5, 0, 1, 0, 1) },
    { rows: 97, columns: 61, rank: 20, stride: 64, ...flags(2, 1, 1, 1, 0) },
    { rows: 15, columns: 130, rank: 64, stride: 132, ...flags(1.5, 0, 1, 1, 0) },
    { rows: 70, columns: 37, rank: 36, stride: 40, ...flags(3, 1, 1, 1, 1) },
  ],
  benchmark: { rows: 2000, columns: 1000, rank: 32, stride: 1000, ...flags(1, 0, 0, 0, 0) },
  flops: d => d.rows * d.columns * ((4 + (d.push ? 2 : 0)) * d.rank + 1 + (d.push ? 1 : 0) + (d.measure ? 4 : 0)),
  bytes: d => 4 * (d.rows * d.columns * (1 + d.weighted) + (d.rows + d.columns) * d.rank + 2 * (1 + d.push) * owned(d)),
  fill(dims, kind, random) {
    return fillModel(this.buffers, dims, kind, random)
  },
  reference(dims, { W, Ht, X, V, N, P, loss }) {
    const { rows, columns, rank, stride, beta, turned } = dims
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const x = X[i * stride + j]
        const v = dims.weighted ? V[i * stride + j] : 1
        if (v === 0) continue
        let u = 0
        for (let r = 0; r < rank; r++) u += W[i * rank + r] * Ht[j * rank + r]
        const into = (turned ? j : i) * rank
        for (let r = 0; r < rank; r++) {
          const other = turned ? W[i * rank + r] : Ht[j * rank + r]
          N[into + r] += v * pull(x, u, beta) * other
          if (dims.push) P[into + r] += v * push(u, beta) * other
        }
        if (dims.measure) loss[0] += v * divergence(x, u, beta)
      }
    }
  },
}

/** Values of a product. */
function owned(d: Dims): number {
  return (d.turned ? d.columns : d.rows) * d.rank
}

function flags(beta: number, weighted: number, push: number, measure: number, turned: number): Dims {
  return { beta, weighted, push, measure, turned }
}
