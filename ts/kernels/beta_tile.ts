import { curvature, divergence, POWER_ROUNDINGS, pull, push, sensitivity } from './beta.js'
import { fillModel, MODEL_BUFFERS } from './model.js'
import type { Dims, KernelSpec } from './spec.js'

/**
 * `wh_dense` and `beta_terms` in one pass, for devices whose threads have registers enough for a tile of W·H: X is read once and
 * the model is never written. Rows are read four values at a time: rank and stride are multiples of 4, X and V have `stride`
 * values in every row, and Q, P and C are zero from `columns` on.
 */
export const beta_tile: KernelSpec = {
  name: 'beta_tile',
  formula: 'U = W·H; Q = V·X·U^(β−2); P = V·U^(β−1); C = V·([β−1]₊·U^(β−2) + [2−β]₊·X·U^(β−3)); loss += Σ V·d_β(X | U)',
  summary: 'gradient terms, curvature and loss of one tile from the factors, any β',
  source: 'Févotte & Idier, Neural Computation 2011, equations 2 and 4.1',
  dims: ['rows', 'columns', 'rank', 'stride', 'beta', 'weighted', 'push', 'bend', 'measure'],
  buffers: [
    ...MODEL_BUFFERS,
    { name: 'Q', type: 'f32', access: 'out', shape: 'rows × stride', length: d => d.rows * d.stride },
    {
      name: 'P',
      type: 'f32',
      access: 'out',
      shape: 'rows × stride, where push',
      length: d => (d.push ? d.rows * d.stride : 0),
    },
    {
      name: 'C',
      type: 'f32',
      access: 'out',
      shape: 'rows × stride, where bend',
      length: d => (d.bend ? d.rows * d.stride : 0),
    },
    { name: 'loss', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
  ],
  exact: false,
  // u carries the roundings of its sum, times the power's sensitivity; all other terms are ≥ 0
  tolerance: { class: 'normwise', units: d => sensitivity(d.beta) * (d.rank + 4) + POWER_ROUNDINGS },
  problems: [
    { rows: 1, columns: 1, rank: 4, stride: 4, ...flags(1, 0, 0, 0, 1) },
    { rows: 0, columns: 5, rank: 4, stride: 8, ...flags(1, 1, 1, 1, 1) },
    { rows: 3, columns: 7, rank: 4, stride: 8, ...flags(1, 0, 0, 0, 1) },
    { rows: 31, columns: 33, rank: 8, stride: 40, ...flags(1, 1, 1, 1, 1) },
    { rows: 32, columns: 32, rank: 12, stride: 32, ...flags(2, 1, 1, 1, 1) },
    { rows: 33, columns: 17, rank: 4, stride: 20, ...flags(2, 1, 1, 0, 0) },
    { rows: 35, columns: 31, rank: 20, stride: 32, ...flags(0, 0, 1, 0, 1) },
    { rows: 6, columns: 31, rank: 8, stride: 36, ...flags(0, 1, 1, 1, 0) },
    { rows: 65, columns: 65, rank: 36, stride: 68, ...flags(0.5, 0, 1, 1, 1) },
    { rows: 9, columns: 300, rank: 64, stride: 300, ...flags(1.5, 0, 1, 0, 1) },
    { rows: 97, columns: 61, rank: 8, stride: 64, ...flags(3, 1, 1, 1, 1) },
    { rows: 7, columns: 61, rank: 16, stride: 64, ...flags(-1, 0, 1, 1, 1) },
    { rows: 7, columns: 129, rank: 28, stride: 132, ...flags(2.7, 0, 1, 1, 1) },
  ],
  benchmark: { rows: 2000, columns: 1000, rank: 32, stride: 1000, ...flags(1, 0, 0, 0, 0) },
  flops: d => d.rows * d.columns * (2 * d.rank + 1 + (d.push ? 1 : 0) + (d.bend ? 3 : 0) + (d.measure ? 4 : 0)),
  bytes: d => 4 * (d.rows * d.columns * (2 + d.weighted + d.push + d.bend) + (d.rows + d.columns) * d.rank),
  fill(dims, kind, random) {
    return fillModel(this.buffers, dims, kind, random)
  },
  reference(dims, { W, Ht, X, V, Q, P, C, loss }) {
    const { rows, columns, rank, stride, beta } = dims
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < stride; j++) {
        const at = i * stride + j
        const v = j >= columns ? 0 : dims.weighted ? V[at] : 1
        let u = 0
        for (let r = 0; j < columns && r < rank; r++) u += W[i * rank + r] * Ht[j * rank + r]
        Q[at] = v === 0 ? 0 : v * pull(X[at], u, beta)
        if (dims.push) P[at] = v === 0 ? 0 : v * push(u, beta)
        if (dims.bend) C[at] = v === 0 ? 0 : v * curvature(X[at], u, beta)
        if (dims.measure && v !== 0) loss[0] += v * divergence(X[at], u, beta)
      }
    }
  },
}

function flags(beta: number, weighted: number, push: number, bend: number, measure: number): Dims {
  return { beta, weighted, push, bend, measure }
}
