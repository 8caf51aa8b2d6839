import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Counts, madeUp } from './made-up.js'
import type { FitProblem } from './problem.js'

/** Where a contestant finds its arrays, as words of the protocol's `start`. */
export type DataWords = Readonly<Record<string, string>>

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
    const made = madeUp(problem)
    const words: Record<string, string> = {}
    if (nonzeros === undefined) {
      words.X = this.#file(matrix, 'X', made.X)
    } else {
      let counts: Counts | undefined
      for (const part of ['indptr', 'indices', 'values'] as const) {
        words[part] = this.#file(matrix, part, () => {
          counts ??= made.counts()
          return counts[part]
        })
      }
    }
    words.W = this.#file(`${matrix}-${rank}`, 'W', made.W)
    words.H = this.#file(`${matrix}-${rank}`, 'H', made.H)
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
