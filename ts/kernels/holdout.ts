import { fillBuffers, nonNegative } from './fills.js'
import type { KernelSpec } from './spec.js'

/** A bijection of 32-bit words whose output bits all depend on all input bits (Wellons' lowbias32, 2018). */
export function mix(word: number): number {
  let x = word >>> 0
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
  return (x ^ (x >>> 16)) >>> 0
}

/** Held out are the hashes below this. `fraction` in [0, 1]. */
export function holdoutThreshold(fraction: number): number {
  return Math.min(2 ** 32 - 1, Math.round(fraction * 2 ** 32))
}

/**
 * The mask of a tile whose corner is entry (row, column) of X, from a hash of seed and position: nothing is stored, and
 * every backend, panel and order sees the same mask. An entry is held out where its hash is below `threshold`; V is 0
 * there and 1 elsewhere, or the reverse with `complement`.
 */
export const holdout: KernelSpec = {
  name: 'holdout',
  formula:
    'h = mix(mix(mix(seed) + row + i) + column + j) mod 2³²; V[i,j] = h < threshold ? complement : 1 − complement',
  summary: 'hashed hold-out mask of one tile',
  source: 'a hash in place of a stored mask; mix: C. Wellons, Prospecting for Hash Functions, 2018 (lowbias32)',
  dims: ['rows', 'columns', 'row', 'column', 'seed', 'threshold', 'complement'],
  buffers: [{ name: 'V', type: 'f32', access: 'out', shape: 'rows × columns', length: d => d.rows * d.columns }],
  exact: true,
  tolerance: { class: 'elementwise', ulps: () => 0 },
  problems: [
    { rows: 1, columns: 1, row: 0, column: 0, seed: 0, threshold: 2 ** 31, complement: 0 },
    { rows: 0, columns: 3, row: 0, column: 0, seed: 1, threshold: 2 ** 31, complement: 0 },
    { rows: 5, columns: 33, row: 7, column: 1000, seed: 42, threshold: 429496730, complement: 0 },
    { rows: 4, columns: 64, row: 4294967290, column: 3, seed: 4294967295, threshold: 3e9, complement: 1 },
    { rows: 17, columns: 61, row: 100000, column: 0, seed: 3, threshold: 0, complement: 0 },
    { rows: 3, columns: 127, row: 1, column: 2147483647, seed: 9, threshold: 2 ** 32 - 1, complement: 0 },
  ],
  benchmark: { rows: 84, columns: 512, row: 0, column: 0, seed: 1, threshold: 429496730, complement: 0 },
  flops: d => 10 * d.rows * d.columns,
  bytes: d => 4 * d.rows * d.columns,
  fill(dims, kind, random) {
    return fillBuffers(this.buffers, dims, length => nonNegative(length, kind, random))
  },
  reference(dims, { V }) {
    const key = mix(dims.seed)
    for (let i = 0; i < dims.rows; i++) {
      const rowKey = mix(key + dims.row + i)
      for (let j = 0; j < dims.columns; j++) {
        const held = mix(rowKey + dims.column + j) < dims.threshold
        V[i * dims.columns + j] = held ? dims.complement : 1 - dims.complement
      }
    }
  },
}
