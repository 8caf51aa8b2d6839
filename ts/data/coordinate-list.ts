import type { CsrView, FloatArray } from '../core/matrix.js'
import { transposeCsr } from '../core/matrix.js'
import { addDuplicates } from '../core/scan.js'
import type { Dtype } from './storage.js'
import { allocate, floats } from './storage.js'

/** Entries in one block, and in one step of a pass in memory order. */
const BLOCK = 1 << 16

/** Entries in one step of the scatter, whose first writes each may touch a page that the system has yet to clear. */
const SCATTER = 1 << 13

interface Block {
  readonly rows: Uint32Array
  readonly columns: Uint32Array
  readonly values: FloatArray
  count: number
}

/** (row, column, value) triples in the order in which they came, on their way to CSR. Blocks are never copied to grow. */
export class CoordinateList {
  readonly #dtype: Dtype
  readonly #blocks: Block[] = []
  #last: Block | undefined
  /** Triples held. */
  length = 0

  constructor(dtype: Dtype) {
    this.#dtype = dtype
  }

  push(row: number, column: number, value: number): void {
    let block = this.#last
    if (block === undefined || block.count === BLOCK) {
      block = {
        rows: new Uint32Array(BLOCK),
        columns: new Uint32Array(BLOCK),
        values: floats(this.#dtype, BLOCK),
        count: 0,
      }
      this.#blocks.push(block)
      this.#last = block
    }
    const p = block.count++
    block.rows[p] = row
    block.columns[p] = column
    block.values[p] = value
    this.length++
  }

  /**
   * The CSR matrix by counting sort, rows in ascending column order, duplicates added up in the order they came. Empties
   * the list, block by block, so that little more than the result is held at the end. Yields between steps.
   */
  *toCsr(name: string, rows: number, columns: number): Generator<void, CsrView> {
    const indptr = allocate(name, () => new Uint32Array(rows + 1))
    for (const block of this.#blocks) {
      for (let p = 0; p < block.count; p++) indptr[block.rows[p] + 1]++
      yield
    }
    for (let i = 0; i < rows; i++) {
      indptr[i + 1] += indptr[i]
      if (i % BLOCK === BLOCK - 1) yield
    }
    const next = allocate(name, () => indptr.slice(0, rows))
    yield
    const indices = allocate(name, () => new Uint32Array(this.length))
    yield
    const values = allocate(name, () => floats(this.#dtype, this.length))
    for (let block = this.#blocks.shift(); block !== undefined; block = this.#blocks.shift()) {
      for (let begin = 0; begin < block.count; begin += SCATTER) {
        const end = Math.min(block.count, begin + SCATTER)
        for (let p = begin; p < end; p++) {
          const q = next[block.rows[p]]++
          indices[q] = block.columns[p]
          values[q] = block.values[p]
        }
        yield
      }
    }
    this.#last = undefined
    const matrix: CsrView = { kind: 'csr', indptr, indices, values, rows, columns }
    if (yield* ascends(matrix)) return matrix
    // Transposing is a stable counting sort by column, so twice is a sort of every row.
    return yield* addDuplicates(yield* transposeCsr(yield* transposeCsr(matrix)))
  }
}

/** Whether every row's columns strictly ascend, which also rules duplicates out. */
function* ascends(X: CsrView): Generator<void, boolean> {
  for (let i = 0, sinceYield = 0; i < X.rows; i++) {
    const end = X.indptr[i + 1]
    for (let p = X.indptr[i] + 1; p < end; p++) if (X.indices[p] <= X.indices[p - 1]) return false
    sinceYield += end - X.indptr[i] + 1
    if (sinceYield > BLOCK) {
      sinceYield = 0
      yield
    }
  }
  return true
}
