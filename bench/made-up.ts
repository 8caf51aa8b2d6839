import { type CsrView, denseView, type MatrixView } from '../ts/core/matrix.js'
import { Random } from '../ts/core/random.js'
import type { FitProblem } from './problem.js'

const SEED = { X: 1, structure: 2, values: 3, start: 4 }

function uniform(length: number, seed: number, scale: number): Float32Array<ArrayBuffer> {
  const random = new Random(seed)
  const out = new Float32Array(length)
  for (let i = 0; i < length; i++) out[i] = scale * random.uniform()
  return out
}

/** CSR arrays of counts. */
export interface Counts {
  readonly indptr: Uint32Array
  readonly indices: Uint32Array
  readonly values: Float32Array
}

/**
 * Counts 1 … 9 whose columns thin out by a power law (column j is drawn with a density proportional to 1 / √j), as words
 * and genes do; rows are drawn evenly.
 */
export function powerLawCounts(rows: number, columns: number, nonzeros: number): Counts {
  const random = new Random(SEED.structure)
  const taken = new Uint8Array(rows * columns)
  const counts = new Uint32Array(rows)
  for (let filled = 0; filled < nonzeros; ) {
    const row = random.below(rows)
    const at = row * columns + Math.floor(columns * random.uniform() ** 2)
    if (taken[at] === 1) continue
    taken[at] = 1
    counts[row]++
    filled++
  }
  const indptr = new Uint32Array(rows + 1)
  for (let i = 0; i < rows; i++) indptr[i + 1] = indptr[i] + counts[i]
  const indices = new Uint32Array(nonzeros)
  for (let i = 0, p = 0; i < rows; i++)
    for (let j = 0; j < columns; j++) if (taken[i * columns + j] === 1) indices[p++] = j
  const digits = new Random(SEED.values)
  return { indptr, indices, values: Float32Array.from(indices, () => 1 + digits.below(9)) }
}

/** Arrays of a fit, made when they are asked for, the same every time. */
export interface MadeUp {
  /** Of dense X. */
  X(): Float32Array<ArrayBuffer>
  /** Of sparse X. */
  counts(): Counts
  /** rows × rank and rank × columns, drawn evenly in the scale of X's mean. */
  W(): Float32Array<ArrayBuffer>
  H(): Float32Array<ArrayBuffer>
}

export function madeUp({ rows, rank, columns, nonzeros }: FitProblem): MadeUp {
  const mean = nonzeros === undefined ? 0.5 : (5 * nonzeros) / (rows * columns)
  const scale = 2 * Math.sqrt(mean / rank)
  return {
    X: () => uniform(rows * columns, SEED.X, 1),
    counts: () => powerLawCounts(rows, columns, nonzeros ?? 0),
    W: () => uniform(rows * rank, SEED.start, scale),
    H: () => uniform(rank * columns, SEED.start + 1, scale),
  }
}

/** X as backends take it. */
export function madeUpMatrix(problem: FitProblem): MatrixView {
  const { rows, columns, nonzeros } = problem
  const made = madeUp(problem)
  if (nonzeros === undefined) return denseView(made.X(), rows, columns)
  const { indptr, indices, values } = made.counts()
  return { kind: 'csr', indptr, indices, values, rows, columns } satisfies CsrView
}
