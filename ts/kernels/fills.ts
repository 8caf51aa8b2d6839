import type { Random } from '../core/random.js'
import type { Arrays, BufferSpec, Dims, FillKind } from './spec.js'

/** Non-negative values: integers 0 … 3, or uniform with a tenth of zeros. */
export function nonNegative(length: number, kind: FillKind, random: Random): Float64Array {
  const out = new Float64Array(length)
  for (let i = 0; i < length; i++) {
    if (kind === 'exact') out[i] = random.below(4)
    else out[i] = random.below(10) === 0 ? 0 : random.uniform()
  }
  return out
}

/** Values well away from zero: integers 1 … 3, or uniform in (0.1, 1.1). */
export function positive(length: number, kind: FillKind, random: Random): Float64Array {
  return Float64Array.from({ length }, () => (kind === 'exact' ? 1 + random.below(3) : 0.1 + random.uniform()))
}

/** Values of both signs, where a kernel must not depend on the sign. */
export function signed(length: number, kind: FillKind, random: Random): Float64Array {
  const out = nonNegative(length, kind, random)
  for (let i = 0; i < length; i++) if (random.below(2) === 1) out[i] = 0 - out[i]
  // −0 would make bitwise comparisons depend on how a sum starts
  for (let i = 0; i < length; i++) out[i] += 0
  return out
}

/** Outputs start as NaN, so that an entry nobody wrote is seen. */
export function unwritten(length: number): Float64Array {
  return new Float64Array(length).fill(Number.NaN)
}

/** CSR structure with about `dims.percent` per cent of the entries, some rows empty, columns ascending. */
export function csrStructure(dims: Dims, random: Random): { indptr: Uint32Array; indices: Uint32Array } {
  const indptr = new Uint32Array(dims.rows + 1)
  const indices: number[] = []
  for (let i = 0; i < dims.rows; i++) {
    const empty = random.below(8) === 0
    for (let j = 0; j < dims.columns && !empty; j++) if (random.uniform() * 100 < dims.percent) indices.push(j)
    indptr[i + 1] = indices.length
  }
  return { indptr, indices: Uint32Array.from(indices) }
}

/** Fills every buffer of a spec: inputs by `input`, outputs with NaN. */
export function fillBuffers(
  buffers: readonly BufferSpec[],
  dims: Dims,
  input: (length: number, name: string) => Float64Array,
): Arrays {
  const arrays: Arrays = {}
  for (const buffer of buffers) {
    const length = buffer.length(dims)
    arrays[buffer.name] = buffer.access === 'out' ? unwritten(length) : input(length, buffer.name)
  }
  return arrays
}

/**
 * Makes G a Gram matrix that its diagonal dominates, as that of a factor with parts of its own does, and N the right-hand
 * sides of rows near those of F, so that some coordinates end at zero and some do not. A dead component is zero in G.
 */
export function fillGramPanel({ rows, rank }: Dims, { F, N, G }: Arrays, dead?: number): void {
  for (let r = 0; r < rank; r++) {
    for (let s = 0; s < r; s++) G[r * rank + s] = G[s * rank + r] = G[r * rank + s] / 4
    G[r * rank + r] += rank
  }
  if (dead !== undefined) for (let s = 0; s < rank; s++) G[dead * rank + s] = G[s * rank + dead] = 0
  for (let i = 0; i < rows; i++) {
    for (let r = 0; r < rank; r++) {
      let sum = 0
      for (let s = 0; s < rank; s++) sum += F[i * rank + s] * G[s * rank + r]
      N[i * rank + r] *= sum
    }
  }
}
