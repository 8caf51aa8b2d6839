import type { CsrView, DenseView } from '../../../ts/core/matrix.js'
import { Random } from '../../../ts/core/random.js'

/** A count with this mean, by Knuth's product of uniforms. */
function poisson(mean: number, random: Random): number {
  const least = Math.exp(-mean)
  let count = 0
  for (let product = random.uniform(); product > least; product *= random.uniform()) count++
  return count
}

interface Planted {
  readonly rows: number
  readonly columns: number
  readonly rank: number
  readonly seed: number
  /** Each row belongs to one component above all, in turn; else to any number of them. */
  readonly grouped?: boolean
}

/** Expected values of a given rank: parts without overlap in H, so that no smaller rank comes near. */
function* expected({ rows, columns, rank, seed, grouped = false }: Planted): Generator<[number, number, number]> {
  const random = new Random(seed, 9)
  const W = Array.from({ length: rows * rank }, (_, at) => {
    if (grouped) return (Math.floor(at / rank) % rank === at % rank ? 1 : 0.1) * (1 + random.uniform())
    return random.uniform() < 0.5 ? 0 : 2 * random.uniform()
  })
  const H = Array.from({ length: rank * columns }, () => (random.uniform() < 0.5 ? 0 : random.uniform()))
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let value = 0
      for (let r = 0; r < rank; r++) value += W[i * rank + r] * H[r * columns + j]
      yield [i, j, value]
    }
  }
}

/** With noise of a tenth of each value to either side. */
export function plantedDense(planted: Planted): DenseView {
  const { rows, columns, seed } = planted
  const random = new Random(seed, 10)
  const data = new Float32Array(rows * columns)
  for (const [i, j, value] of expected(planted)) data[i * columns + j] = value * (0.9 + 0.2 * random.uniform())
  return { kind: 'dense', data, rows, columns, stride: columns, offset: 0 }
}

/** Counts of twice the expected values. */
export function plantedCounts(planted: Planted): CsrView {
  const { rows, columns, seed } = planted
  const random = new Random(seed, 10)
  const indptr = new Uint32Array(rows + 1)
  const indices: number[] = []
  const values: number[] = []
  for (const [i, j, value] of expected(planted)) {
    const count = poisson(2 * value, random)
    if (count > 0) {
      indices.push(j)
      values.push(count)
    }
    indptr[i + 1] = indices.length
  }
  return { kind: 'csr', indptr, indices: Uint32Array.from(indices), values: Float32Array.from(values), rows, columns }
}
