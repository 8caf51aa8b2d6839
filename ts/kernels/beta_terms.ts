import { curvature, divergence, POWER_ROUNDINGS, pull, push } from './beta.js'
import { fillBuffers, nonNegative, positive } from './fills.js'
import type { KernelSpec } from './spec.js'
import { spanned } from './xht_dense.js'

/**
 * What a tile of X and its model U contribute to the gradient, entry by entry: U becomes Q, P and C are written where their
 * flags say so, and `loss` grows where its flag does. V are weights (flag `weighted`), in rows of X's stride.
 */
export const beta_terms: KernelSpec = {
  name: 'beta_terms',
  formula:
    'Q = V·X·U^(β−2) (in U’s place); P = V·U^(β−1); C = V·([β−1]₊·U^(β−2) + [2−β]₊·X·U^(β−3)); loss += Σ V·d_β(X | U)',
  summary: 'gradient terms, curvature and loss of one tile, any β',
  source: 'Févotte & Idier, Neural Computation 2011, equations 2 and 4.1',
  dims: ['rows', 'columns', 'stride', 'beta', 'weighted', 'push', 'bend', 'measure'],
  buffers: [
    { name: 'X', type: 'f32', access: 'in', shape: 'rows × columns, stride', length: d => spanned(d) },
    {
      name: 'V',
      type: 'f32',
      access: 'in',
      shape: 'rows × columns, stride, where weighted',
      length: d => (d.weighted ? spanned(d) : 0),
    },
    { name: 'U', type: 'f32', access: 'inout', shape: 'rows × columns', length: d => d.rows * d.columns },
    {
      name: 'P',
      type: 'f32',
      access: 'out',
      shape: 'rows × columns, where push',
      length: d => (d.push ? d.rows * d.columns : 0),
    },
    {
      name: 'C',
      type: 'f32',
      access: 'out',
      shape: 'rows × columns, where bend',
      length: d => (d.bend ? d.rows * d.columns : 0),
    },
    { name: 'loss', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
  ],
  exact: false,
  // each power of u may carry its roundings; the divergence is a difference of terms not much larger than itself: see `fill`
  tolerance: { class: 'normwise', units: () => POWER_ROUNDINGS },
  problems: [
    { rows: 1, columns: 1, stride: 1, beta: 1, weighted: 0, push: 0, bend: 0, measure: 1 },
    { rows: 0, columns: 5, stride: 5, beta: 1, weighted: 1, push: 1, bend: 1, measure: 1 },
    { rows: 3, columns: 7, stride: 7, beta: 1, weighted: 0, push: 0, bend: 0, measure: 1 },
    { rows: 5, columns: 33, stride: 40, beta: 1, weighted: 1, push: 1, bend: 1, measure: 1 },
    { rows: 4, columns: 16, stride: 16, beta: 2, weighted: 1, push: 1, bend: 1, measure: 1 },
    { rows: 4, columns: 17, stride: 17, beta: 2, weighted: 1, push: 1, bend: 0, measure: 0 },
    { rows: 6, columns: 31, stride: 31, beta: 0, weighted: 0, push: 1, bend: 0, measure: 1 },
    { rows: 6, columns: 31, stride: 33, beta: 0, weighted: 1, push: 1, bend: 1, measure: 0 },
    { rows: 9, columns: 65, stride: 65, beta: 0.5, weighted: 0, push: 1, bend: 1, measure: 1 },
    { rows: 9, columns: 64, stride: 64, beta: 1.5, weighted: 0, push: 1, bend: 0, measure: 1 },
    { rows: 7, columns: 61, stride: 61, beta: 3, weighted: 1, push: 1, bend: 1, measure: 1 },
    { rows: 7, columns: 61, stride: 61, beta: -1, weighted: 0, push: 1, bend: 1, measure: 1 },
    { rows: 7, columns: 129, stride: 129, beta: 2.7, weighted: 0, push: 1, bend: 1, measure: 1 },
  ],
  benchmark: { rows: 84, columns: 512, stride: 512, beta: 1, weighted: 0, push: 0, bend: 0, measure: 0 },
  flops: d => d.rows * d.columns * (1 + (d.push ? 1 : 0) + (d.bend ? 3 : 0) + (d.measure ? 4 : 0)),
  bytes: d => 4 * d.rows * d.columns * (3 + d.weighted + d.push + d.bend),
  fill(dims, kind, random) {
    // β ≤ 0 wants X above 0. U lies above most of X: near u = 0 one power drowns all others, near u = x the loss vanishes
    const arrays = fillBuffers(this.buffers, dims, (length, name) =>
      name === 'U' || (name === 'X' && dims.beta <= 0)
        ? positive(length, kind, random)
        : nonNegative(length, kind, random),
    )
    const { U, loss } = arrays
    for (let i = 0; i < U.length; i++) U[i] += kind === 'exact' ? 3 : 1
    loss[0] = 1
    return arrays
  },
  reference(dims, { X, V, U, P, C, loss }) {
    const { rows, columns, stride, beta, weighted, push: pushes, bend, measure } = dims
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const x = X[i * stride + j]
        const v = weighted ? V[i * stride + j] : 1
        const at = i * columns + j
        const u = U[at]
        U[at] = v * pull(x, u, beta)
        if (pushes) P[at] = v * push(u, beta)
        if (bend) C[at] = v * curvature(x, u, beta)
        if (measure && v !== 0) loss[0] += v * divergence(x, u, beta)
      }
    }
  },
}
