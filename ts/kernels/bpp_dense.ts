import { bpp_update } from './bpp_update.js'
import { fillBuffers, nonNegative } from './fills.js'
import { moveToMinimum } from './pivoting.js'
import type { Dims, KernelSpec } from './spec.js'
import { spanned } from './xht_dense.js'

/**
 * Each row of a factor at its weighted least squares minimum over [0, most]. With weights every row has a Gram matrix and a
 * right-hand side of its own, which are formed for it in float64, and solved as in `bpp_update`. What a row has no weight for
 * becomes zero: components that O has at none of its entries, and all of a row without weights. `loss` grows by ½·Σ V·(X − F·Oᵀ)²
 * as it was before, where `measure` says so.
 */
export const bpp_dense: KernelSpec = {
  name: 'bpp_dense',
  formula:
    'G = Σ_j V[i,j]·O[j]·O[j]ᵀ; n = Σ_j V[i,j]·X[i,j]·O[j]; F[i] and violation as bpp_update has them; loss += ½·Σ_j V[i,j]·(X[i,j] − F[i]·O[j])², before',
  summary: 'exact weighted non-negative least squares over a factor panel from a dense panel of X, Frobenius loss',
  source: 'the normal equations of each row; solved as in ts/kernels/pivoting.ts',
  dims: ['rows', 'columns', 'rank', 'stride', 'measure', 'l1', 'l2', 'moving', 'most'],
  buffers: [
    { name: 'X', type: 'f32', access: 'in', shape: 'rows × columns, stride', length: d => spanned(d) },
    { name: 'V', type: 'f32', access: 'in', shape: 'rows × columns, stride', length: d => spanned(d) },
    { name: 'O', type: 'f32', access: 'in', shape: 'columns × rank', length: d => d.columns * d.rank },
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'loss', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
    { name: 'violation', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
  ],
  exact: false,
  // formed and solved in float64, stored in the factors' type; in float64 the rows' systems have conditions of some thousands
  tolerance: { class: 'normwise', units: d => 64 * (d.rank + 8) },
  problems: [
    { rows: 1, columns: 1, rank: 1, stride: 1, ...flags(1, 0, 0) },
    { rows: 0, columns: 5, rank: 3, stride: 5, ...flags(1, 0, 0) },
    { rows: 3, columns: 0, rank: 2, stride: 0, ...flags(1, 0, 0) },
    { rows: 3, columns: 9, rank: 2, stride: 9, ...flags(1, 0, 0) },
    { rows: 5, columns: 33, rank: 8, stride: 40, ...flags(1, 0.5, 0.25) },
    { rows: 4, columns: 63, rank: 5, stride: 63, ...flags(0, 0, 0) },
    { rows: 7, columns: 64, rank: 7, stride: 64, ...flags(1, 0.5, 0) },
    { rows: 9, columns: 65, rank: 17, stride: 65, ...flags(1, 0, 0) },
    { rows: 6, columns: 259, rank: 33, stride: 260, ...flags(1, 0, 0.5) },
    { rows: 5, columns: 3, rank: 6, stride: 3, ...flags(1, 0.25, 0.5) },
    { rows: 9, columns: 65, rank: 9, stride: 65, ...flags(1, 0, 0), moving: 5 },
    { rows: 8, columns: 70, rank: 7, stride: 70, ...flags(1, 0, 0), most: 0.25 },
    { rows: 8, columns: 131, rank: 18, stride: 131, ...flags(1, 0.5, 0), moving: 17, most: 0.125 },
  ],
  benchmark: { rows: 84, columns: 1000, rank: 20, stride: 1000, ...flags(1, 0, 0) },
  // half the Gram matrix, its scaled rows, the right-hand side and the model, and what bpp_update does with them
  flops: d => d.rows * d.columns * (d.rank * (d.rank + 1) + 5 * d.rank) + bpp_update.flops(d),
  bytes: d => 4 * (2 * d.rows * d.columns + d.rank * d.columns + 2 * d.rows * d.rank),
  fill(dims, kind, random) {
    const arrays = fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
    arrays.loss[0] = 1
    // a row that nothing weighs
    if (dims.rows > 1) arrays.V.fill(0, 0, dims.columns)
    return arrays
  },
  reference(dims, { X, V, O, F, loss, violation }) {
    const { rows, columns, rank, stride, measure } = dims
    for (let i = 0; i < rows; i++) {
      const entries = Array.from({ length: columns }, (_, j) => ({
        x: X[i * stride + j],
        v: V[i * stride + j],
        o: O.subarray(j * rank, (j + 1) * rank),
      }))
      const f = F.subarray(i * rank, (i + 1) * rank) as Float64Array
      if (measure) loss[0] += squaredError(entries, f)
      violation[0] += moveByEntries(dims, f, entries)
    }
  },
}

/** An entry of X with its weight, and its row of the other factor. */
export interface WeighedEntry {
  readonly x: number
  readonly v: number
  readonly o: ArrayLike<number>
}

/** ½·Σ v·(x − f·o)² */
export function squaredError(entries: readonly WeighedEntry[], f: Float64Array): number {
  let sum = 0
  for (const { x, v, o } of entries) {
    let model = 0
    for (let r = 0; r < f.length; r++) model += f[r] * o[r]
    if (v !== 0) sum += 0.5 * v * (x - model) ** 2
  }
  return sum
}

/** Forms the normal equations of a row, and moves it to their minimum; answers its violation. */
export function moveByEntries(dims: Dims, f: Float64Array, entries: readonly WeighedEntry[]): number {
  const { rank } = dims
  const n = new Float64Array(rank)
  const G = new Float64Array(rank * rank)
  for (const { x, v, o } of entries) {
    for (let r = 0; v !== 0 && r < rank; r++) {
      n[r] += v * x * o[r]
      for (let s = 0; s < rank; s++) G[r * rank + s] += v * o[r] * o[s]
    }
  }
  return moveToMinimum(dims, f, n, G)
}

function flags(measure: number, l1: number, l2: number): Dims {
  return { measure, l1, l2 }
}
