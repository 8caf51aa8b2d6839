/** Eigenvalues of a symmetric matrix, largest first, and the eigenvectors: row i of `vectors` belongs to value i. */
export interface Eigen {
  readonly values: Float64Array
  readonly vectors: readonly Float64Array[]
}

const SWEEPS = 30

/** A pair whose element is below this share of the root of its diagonal's product is left alone, squared. */
const NEGLIGIBLE = 2 ** -104

/** Entries that rotations have written between two looks at the clock. */
const PIECE = 1 << 15

/**
 * Cyclic Jacobi rotations (Golub & Van Loan, Matrix Computations, section 8.5) of a small dense matrix, size × size, which
 * is overwritten, until every pair is negligible beside its own diagonal: exact to rounding, and of eigenvalues near zero
 * too (Demmel & Veselić, SIAM J. Matrix Anal. Appl. 1992). A matrix that is nearly diagonal takes few rotations.
 */
export function* symmetricEigen(A: Float64Array, size: number): Generator<void, Eigen> {
  const vectors = new Float64Array(size * size)
  for (let i = 0; i < size; i++) vectors[i * size + i] = 1
  for (let sweep = 0, written = 0, rotations = 1; sweep < SWEEPS && rotations > 0; sweep++) {
    rotations = 0
    for (let p = 0; p < size - 1; p++) {
      const done = rotateRow(A, vectors, size, p)
      rotations += done
      written += done * size
      if (written < PIECE) continue
      written = 0
      yield
    }
  }
  const order = Array.from({ length: size }, (_, i) => i).sort((a, b) => A[b * size + b] - A[a * size + a])
  return {
    values: Float64Array.from(order, i => A[i * size + i]),
    vectors: order.map(i => vectors.slice(i * size, (i + 1) * size)),
  }
}

/** Makes A[p,q] zero for each q beyond p in turn, where it is not negligible; says for how many. */
function rotateRow(A: Float64Array, vectors: Float64Array, size: number, p: number): number {
  let rotations = 0
  // one function and plain numbers: a start runs but a few thousand rotations, most of them before the engine optimises
  for (let q = p + 1; q < size; q++) {
    const app = A[p * size + p]
    const aqq = A[q * size + q]
    const apq = A[p * size + q]
    if (apq * apq <= NEGLIGIBLE * Math.abs(app * aqq)) continue
    const theta = (aqq - app) / (2 * apq)
    const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
    const c = 1 / Math.sqrt(t * t + 1)
    const s = t * c
    for (let k = 0, atP = p * size, atQ = q * size; k < size; k++, atP++, atQ++) {
      const a = A[atP]
      const b = A[atQ]
      A[atP] = A[k * size + p] = c * a - s * b
      A[atQ] = A[k * size + q] = s * a + c * b
      const u = vectors[atP]
      const v = vectors[atQ]
      vectors[atP] = c * u - s * v
      vectors[atQ] = s * u + c * v
    }
    // the loop has written the pair's own four elements as it does the others
    A[p * size + p] = app - t * apq
    A[q * size + q] = aqq + t * apq
    A[p * size + q] = A[q * size + p] = 0
    rotations++
  }
  return rotations
}
