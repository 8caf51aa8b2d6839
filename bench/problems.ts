import type { CsrInput, DenseInput } from 'nonneg'
import { Random } from '../ts/core/random.js'

/** One whole-iteration benchmark; its name is what is passed on the command line and stored in results. */
export interface BenchProblem {
  readonly name: string
  readonly rank: number
  readonly iterations: number
  make(): DenseInput | CsrInput
}

function dense(rows: number, columns: number): DenseInput {
  const random = new Random(1)
  const data = new Float32Array(rows * columns)
  for (let i = 0; i < data.length; i++) data[i] = random.uniform()
  return { data, rows, columns }
}

/** Counts whose columns thin out by a power law, as words and genes do. */
function sparse(rows: number, columns: number, nonzeros: number): CsrInput {
  const random = new Random(2)
  const rowsOf = Array.from({ length: rows }, () => new Set<number>())
  for (let filled = 0; filled < nonzeros; ) {
    const row = rowsOf[random.below(rows)]
    const column = Math.floor(columns * random.uniform() ** 2)
    if (row.has(column)) continue
    row.add(column)
    filled++
  }
  const indices = Uint32Array.from(rowsOf.flatMap(row => [...row].sort((a, b) => a - b)))
  const values = Float32Array.from(indices, () => 1 + random.below(9))
  const indptr = new Uint32Array(rows + 1)
  for (let i = 0; i < rows; i++) indptr[i + 1] = indptr[i] + rowsOf[i].size
  return { indptr, indices, values, rows, columns }
}

const denseProblem = (rows: number, columns: number, rank: number, iterations: number): BenchProblem => ({
  name: `mu:f32:dense:${rows}x${columns}x${rank}`,
  rank,
  iterations,
  make: () => dense(rows, columns),
})

const sparseProblem = (rows: number, columns: number, nonzeros: number, rank: number, iterations: number) => ({
  name: `mu:f32:csr:${rows}x${columns}x${rank}:nonzeros=${nonzeros}`,
  rank,
  iterations,
  make: () => sparse(rows, columns, nonzeros),
})

export const problems: readonly BenchProblem[] = [
  denseProblem(2000, 1000, 16, 40),
  denseProblem(2000, 1000, 64, 20),
  denseProblem(2000, 1000, 128, 10),
  denseProblem(4096, 4096, 64, 6),
  sparseProblem(2700, 13714, 2_282_976, 20, 10),
]
