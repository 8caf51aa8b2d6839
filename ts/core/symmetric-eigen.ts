/** Eigenvalues of a symmetric matrix, largest first, and the eigenvectors: row i of `vectors` belongs to value i. */
export interface Eigen {
  readonly values: Float64Array
  readonly vectors: readonly Float64Array[]
}

const SWEEPS = 30

/**
 * Cyclic Jacobi rotations (Golub & Van Loan, Matrix Computations, section 8.5) of a small dense matrix, size × size, which
 * is overwritten. Exact to rounding, and of eigenvalues near zero too.
 */
export function* symmetricEigen(A: Float64Array, size: number): Generator<void, Eigen> {
  const vectors = Array.from({ length: size }, (_, i) => {
    const row = new Float64Array(size)
    row[i] = 1
    return row
  })
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let [off, whole] = [0, 0]
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        whole += A[i * size + j] ** 2
        if (i !== j) off += A[i * size + j] ** 2
      }
    }
    if (off <= 1e-30 * whole) break
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) rotate(A, vectors, size, p, q)
      yield
    }
  }
  const order = Array.from({ length: size }, (_, i) => i).sort((a, b) => A[b * size + b] - A[a * size + a])
  return { values: Float64Array.from(order, i => A[i * size + i]), vectors: order.map(i => vectors[i]) }
}

/** Makes A[p,q] zero. */
function rotate(A: Float64Array, vectors: readonly Float64Array[], size: number, p: number, q: number): void {
  const apq = A[p * size + q]
  if (apq === 0) return
  const theta = (A[q * size + q] - A[p * size + p]) / (2 * apq)
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1))
  const c = 1 / Math.sqrt(t * t + 1)
  const s = t * c
  for (let k = 0; k < size; k++) {
    const [a, b] = [A[k * size + p], A[k * size + q]]
    A[k * size + p] = c * a - s * b
    A[k * size + q] = s * a + c * b
  }
  for (let k = 0; k < size; k++) {
    const [a, b] = [A[p * size + k], A[q * size + k]]
    A[p * size + k] = c * a - s * b
    A[q * size + k] = s * a + c * b
  }
  const [u, v] = [vectors[p], vectors[q]]
  for (let k = 0; k < size; k++) {
    const [a, b] = [u[k], v[k]]
    u[k] = c * a - s * b
    v[k] = s * a + c * b
  }
}
