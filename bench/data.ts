import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Random } from '../ts/core/random.js'
import type { FitProblem } from './problem.js'

/** Where a contestant finds its arrays, as words of the protocol's `start`. */
export type DataWords = Readonly<Record<string, string>>

const SEED = { X: 1, structure: 2, values: 3, start: 4 }

function uniform(length: number, seed: number, scale: number): Float32Array {
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

/** The data of fits as raw little-endian files, so that contestants in any language start from the same bytes. */
export class DataFolder {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  /** Writes what is not there yet. W is rows × rank, H is rank × columns, drawn evenly in the scale of X's mean. */
  files(problem: FitProblem): DataWords {
    const { rows, rank, columns, nonzeros } = problem
    const matrix = `${rows}x${columns}${nonzeros === undefined ? '' : `-${nonzeros}`}`
    let mean = 0.5
    const words: Record<string, string> = {}
    if (nonzeros === undefined) {
      words.X = this.#file(matrix, 'X', () => uniform(rows * columns, SEED.X, 1))
    } else {
      mean = (5 * nonzeros) / (rows * columns)
      const parts = ['indptr', 'indices', 'values'] as const
      let made: Counts | undefined
      for (const part of parts) {
        words[part] = this.#file(matrix, part, () => {
          made ??= powerLawCounts(rows, columns, nonzeros)
          return made[part]
        })
      }
    }
    const scale = 2 * Math.sqrt(mean / rank)
    words.W = this.#file(`${matrix}-${rank}`, 'W', () => uniform(rows * rank, SEED.start, scale))
    words.H = this.#file(`${matrix}-${rank}`, 'H', () => uniform(rank * columns, SEED.start + 1, scale))
    return words
  }

  #file(key: string, name: string, make: () => Float32Array | Uint32Array): string {
    const file = path.join(this.#root, key, name)
    if (!existsSync(file)) {
      mkdirSync(path.dirname(file), { recursive: true })
      writeFileSync(file, make())
    }
    return file
  }

  remove(): void {
    rmSync(this.#root, { recursive: true, force: true })
  }
}
