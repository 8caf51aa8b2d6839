import { fillBuffers, fillGramPanel, nonNegative } from './fills.js'
import { bounded } from './hals_update.js'
import { mix } from './holdout.js'
import { SMALLEST } from './mu_update.js'
import type { KernelSpec } from './spec.js'
import { clamp } from './vector_kernel.js'

const NOISE_UNIT = Math.sqrt(3) / 65536

/**
 * Noise for entry `r` of a row: the sum of four uniform numbers of 16 bits from two hashes, shifted and scaled to mean 0 and
 * variance 1; so it is near normal, within ±2√3, and the same on every backend and for every cut of the rows.
 */
export function noiseOf(rowKey: number, r: number): number {
  const [a, b] = [mix(rowKey + 2 * r), mix(rowKey + 2 * r + 1)]
  return NOISE_UNIT * ((a & 0xffff) + (a >>> 16) + (b & 0xffff) + (b >>> 16) - 131070)
}

/**
 * A projected step against a noisy gradient, for a panel of rows of a factor, in place; the gradient of a row is taken with
 * the row as it was. N holds the products with X of a batch and G the Gram matrix of the other factor over the batch, and
 * `scale` makes them stand for all of X (rows of X over rows of the batch when H moves, 1 when W does). After the projection
 * to [0, most] no entry moves by more than `limit`. `first` is the number of the panel's first row, `seed` and `draw` say
 * which noise; `noise` is its standard deviation.
 *
 * With `remember` = 1, D holds the gradient of the step before and becomes this one's; the sums grow by Σ g² and Σ g·D, the
 * second with the D before (0 where not remembered). `moving` and `most` are those of `mu_update`; entries that do not move
 * count in no sum.
 */
export const sgd_update: KernelSpec = {
  name: 'sgd_update',
  formula:
    'g = scale·(Σ_s F[i,s]·G[s,r] − N[i,r]) + l1 + l2·F[i,r] + noise·z(seed, draw, first + i, r); m = min(most, max(0, F[i,r] − rate·g)); sums += (g², g·D[i,r]); D[i,r] ← g; F[i,r] ← F[i,r] + clamp(m − F[i,r], ±limit)',
  summary: 'projected stochastic gradient step of a factor panel, Frobenius loss',
  source:
    'Robbins & Monro, Ann. Math. Statist. 1951, projected; element-wise limit of the move: see docs/schedulers.md',
  dims: [
    ...['rows', 'rank', 'rate', 'scale', 'l1', 'l2', 'noise', 'seed', 'draw', 'first', 'limit', 'remember'],
    ...['moving', 'most'],
  ],
  buffers: [
    { name: 'F', type: 'f32', access: 'inout', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'N', type: 'f32', access: 'in', shape: 'rows × rank', length: d => d.rows * d.rank },
    { name: 'G', type: 'f32', access: 'in', shape: 'rank × rank', length: d => d.rank * d.rank },
    {
      name: 'D',
      type: 'f32',
      access: 'inout',
      shape: 'rows × rank where remember, else 0',
      length: d => (d.remember ? d.rows * d.rank : 0),
    },
    { name: 'sums', type: 'f64', access: 'inout', shape: '2: gg, gd', length: () => 2 },
  ],
  exact: false,
  // the gradient is a difference
  tolerance: { class: 'normwise', units: d => 16 * (d.rank + 4) },
  problems: [
    { ...PLAIN({ rows: 1, rank: 1 }), remember: 1 },
    { ...PLAIN({ rows: 0, rank: 3 }), remember: 1 },
    PLAIN({ rows: 3, rank: 4 }),
    { ...PLAIN({ rows: 4, rank: 8 }), scale: 4, l1: 0.5, l2: 0.25, remember: 1 },
    { ...PLAIN({ rows: 7, rank: 5 }), noise: 0.5, seed: 3, draw: 7, first: 100 },
    { ...PLAIN({ rows: 16, rank: 16 }), limit: 0.0625, remember: 1 },
    { ...PLAIN({ rows: 127, rank: 17 }), scale: 2.5, rate: 0.003, remember: 1 },
    {
      ...PLAIN({ rows: 61, rank: 33 }),
      noise: 0.25,
      seed: 4294967295,
      draw: 4294967295,
      first: 4000000000,
      remember: 1,
    },
    { ...PLAIN({ rows: 29, rank: 9 }), moving: 6, remember: 1 },
    { ...PLAIN({ rows: 21, rank: 18 }), moving: 18, most: 0.25, limit: 0.125, noise: 1, remember: 1 },
  ],
  benchmark: { ...PLAIN({ rows: 2000, rank: 32 }), remember: 1 },
  flops: d => 2 * d.rows * d.rank * d.rank + 10 * d.rows * d.rank,
  bytes: d => 4 * ((3 + (d.remember ? 2 : 0)) * d.rows * d.rank + d.rank * d.rank),
  fill(dims, kind, random) {
    const arrays = fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
    fillGramPanel(dims, arrays)
    return arrays
  },
  reference(dims, { F, N, G, D, sums }) {
    const { rows, rank, rate, scale, l1, l2, noise, seed, draw, first, limit, remember } = dims
    const { smallest = SMALLEST, moving = rank, most = Number.POSITIVE_INFINITY } = dims
    const drawKey = mix(mix(seed) + draw)
    const row = new Float64Array(rank)
    for (let i = 0; i < rows; i++) {
      const rowKey = mix(drawKey + first + i)
      for (let r = 0; r < rank; r++) row[r] = F[i * rank + r]
      for (let r = 0; r < moving; r++) {
        const at = i * rank + r
        let product = 0
        for (let s = 0; s < rank; s++) product += row[s] * G[s * rank + r]
        let gradient = scale * (product - N[at]) + l1 + l2 * row[r]
        if (noise > 0) gradient += noise * noiseOf(rowKey, r)
        sums[0] += gradient * gradient
        if (remember) {
          sums[1] += gradient * D[at]
          D[at] = gradient
        }
        const moved = bounded(row[r] - rate * gradient, smallest, most)
        const change = moved - row[r]
        F[at] = Math.abs(change) <= limit ? moved : row[r] + clamp(change, -limit, limit)
      }
    }
  },
}

/** A small step without noise, limit and memory. */
function PLAIN(sizes: { rows: number; rank: number }) {
  const steps = { rate: 0.0078125, scale: 1, limit: Number.POSITIVE_INFINITY }
  return { ...sizes, ...steps, l1: 0, l2: 0, noise: 0, seed: 0, draw: 0, first: 0, remember: 0 }
}
