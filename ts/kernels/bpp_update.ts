import { fillBuffers, fillGramPanel, nonNegative } from './fills.js'
import { projected } from './hals_update.js'
import { SMALLEST } from './mu_update.js'
import type { KernelSpec } from './spec.js'

/**
 * Each row of a factor at its minimum over [0, ∞), by block principal pivoting: the entries above zero make a passive set,
 * the others are zero; the set's linear system is solved, and entries that break the optimality conditions change sides,
 * all at once while their number falls, else the last of them alone, until none does. Rows do not depend on each other.
 * Solved in float64 whatever the factors are. A component that depends on those before it (its pivot is below 2⁻²⁴ of
 * its diagonal entry) is zero. Rows that come to no end within 5·rank + 20 exchanges, which rounding alone can cause, keep
 * the positive part of the last solution. Results below 2⁻⁶³ (2⁻⁵¹¹ in float64) become zero. `violation` grows by Σ
 * |projected gradient| before the row moves. The components from `moving` on stay as they are, and the others reckon with
 * them.
 */
export const bpp_update: KernelSpec = {
  name: 'bpp_update',
  formula: 'F[i] ← argmin_{f ≥ 0} ½·fᵀ(G + l2·I)f − (N[i] − l1)ᵀf; violation += Σ_r |F[i,r] > 0 ? g_r : min(0, g_r)|',
  summary: 'exact non-negative least squares over a factor panel (block principal pivoting), Frobenius loss',
  source: 'Kim & Park, SIAM J. Sci. Comput. 33 (2011), algorithm 2, row by row',
  dims: ['rows', 'rank', 'l1', 'l2', 'moving'],
  buffers: [
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'N', type: 'f32', access: 'in', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'G', type: 'f32', access: 'in', shape: 'rank × rank', length: d => d.rank * d.rank },
    { name: 'violation', type: 'f64', access: 'inout', shape: '1', length: () => 1 },
  ],
  exact: false,
  // solved in float64, stored in the factors' type; the violation's terms are differences
  tolerance: { class: 'normwise', units: d => 16 * (d.rank + 4) },
  problems: [
    { rows: 1, rank: 1, l1: 0, l2: 0 },
    { rows: 0, rank: 3, l1: 0, l2: 0 },
    { rows: 3, rank: 4, l1: 0, l2: 0 },
    { rows: 4, rank: 8, l1: 0.5, l2: 0.25 },
    { rows: 16, rank: 16, l1: 0, l2: 2 },
    { rows: 127, rank: 17, l1: 3, l2: 0 },
    { rows: 65, rank: 33, l1: 0, l2: 0 },
    { rows: 29, rank: 9, l1: 0, l2: 0, moving: 6 },
  ],
  benchmark: { rows: 2000, rank: 32, l1: 0, l2: 0 },
  // one solution of a passive set of half the components, and the gradient before and after
  flops: d => d.rows * (d.rank ** 3 / 24 + d.rank ** 2 / 2 + 4 * d.rank ** 2),
  bytes: d => 4 * (3 * d.rows * d.rank + d.rank * d.rank),
  fill(dims, kind, random) {
    const arrays = fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
    fillGramPanel(dims, arrays)
    return arrays
  },
  reference(dims, { F, N, G, violation }) {
    const { rows, rank, l1, l2, smallest = SMALLEST, moving = rank } = dims
    for (let i = 0; i < rows; i++) {
      const f = F.subarray(i * rank, (i + 1) * rank) as Float64Array
      const wanted = Float64Array.from({ length: moving }, (_, r) => {
        let sum = N[i * rank + r] - l1
        for (let s = moving; s < rank; s++) sum -= f[s] * G[s * rank + r]
        return sum
      })
      const bend = (r: number, s: number) => G[r * rank + s] + (r === s ? l2 : 0)
      for (let r = 0; r < moving; r++) {
        violation[0] += Math.abs(projected(gradientAt(r, f, wanted, bend), f[r], Number.POSITIVE_INFINITY))
      }
      const solution = pivot(
        wanted,
        bend,
        Array.from(f.subarray(0, moving), value => value > 0),
      )
      for (let r = 0; r < moving; r++) f[r] = solution[r] < smallest ? 0 : solution[r]
    }
  },
}

type Bend = (r: number, s: number) => number

function gradientAt(r: number, f: Float64Array, wanted: Float64Array, bend: Bend): number {
  let gradient = -wanted[r]
  for (let s = 0; s < wanted.length; s++) gradient += bend(r, s) * f[s]
  return gradient
}

/** argmin_{f ≥ 0} ½·fᵀBf − wantedᵀf, from the passive set `passive`, which it changes. */
function pivot(wanted: Float64Array, bend: Bend, passive: boolean[]): Float64Array {
  const moving = wanted.length
  let size = 0
  for (const value of wanted) size = Math.max(size, Math.abs(value))
  const slack = 2 ** -40 * size
  let fewest = moving + 1
  let chances = 3
  for (let exchange = 0; ; exchange++) {
    const f = solve(wanted, bend, passive)
    const breaking: number[] = []
    for (let r = 0; r < moving; r++) {
      if (passive[r] ? f[r] < 0 : gradientAt(r, f, wanted, bend) < -slack) breaking.push(r)
    }
    if (breaking.length === 0 || exchange >= 5 * moving + 20) return f
    let changing = breaking
    if (breaking.length < fewest) {
      fewest = breaking.length
      chances = 3
    } else if (chances > 0) {
      chances--
    } else {
      changing = breaking.slice(-1)
    }
    for (const r of changing) passive[r] = !passive[r]
  }
}

/** Bf = wanted on the passive set, zero elsewhere; by Cholesky, in the order of the components. */
function solve(wanted: Float64Array, bend: Bend, passive: readonly boolean[]): Float64Array {
  const f = new Float64Array(wanted.length)
  const L: Float64Array[] = []
  const kept: number[] = []
  const z: number[] = []
  for (const [r, isPassive] of passive.entries()) {
    if (!isPassive) continue
    const row = new Float64Array(kept.length + 1)
    let pivotSquare = bend(r, r)
    for (const [a, s] of kept.entries()) {
      let sum = bend(r, s)
      for (let b = 0; b < a; b++) sum -= row[b] * L[a][b]
      row[a] = sum / L[a][a]
      pivotSquare -= row[a] ** 2
    }
    if (!(pivotSquare > 2 ** -24 * bend(r, r))) continue
    row[kept.length] = Math.sqrt(pivotSquare)
    let right = wanted[r]
    for (const [a, value] of z.entries()) right -= row[a] * value
    z.push(right / row[kept.length])
    kept.push(r)
    L.push(row)
  }
  for (let a = kept.length - 1; a >= 0; a--) {
    let sum = z[a]
    for (let b = a + 1; b < kept.length; b++) sum -= L[b][a] * f[kept[b]]
    f[kept[a]] = sum / L[a][a]
  }
  return f
}
