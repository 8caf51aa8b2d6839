import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Eigen, symmetricEigen } from '../../ts/core/symmetric-eigen.js'

function eigenOf(A: readonly number[]): Eigen {
  const steps = symmetricEigen(Float64Array.from(A), Math.sqrt(A.length))
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

const symmetric = fc.integer({ min: 1, max: 12 }).chain(size =>
  fc.array(fc.integer({ min: -8, max: 8 }), { minLength: size * size, maxLength: size * size }).map(list => ({
    size,
    A: list.map(
      (_, at) => list[Math.min(Math.floor(at / size), at % size) * size + Math.max(Math.floor(at / size), at % size)],
    ),
  })),
)

it('orthonormal vectors and values in descending order make the matrix again', () => {
  fc.assert(
    fc.property(symmetric, ({ size, A }) => {
      const { values, vectors } = eigenOf(A)
      for (let i = 1; i < size; i++) expect(values[i]).toBeLessThanOrEqual(values[i - 1])
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) {
          const inner = vectors[i].reduce((sum, v, k) => sum + v * vectors[j][k], 0)
          expect(Math.abs(inner - (i === j ? 1 : 0))).toBeLessThan(1e-13)
          const entry = vectors.reduce((sum, v, k) => sum + values[k] * v[i] * v[j], 0)
          expect(Math.abs(entry - A[i * size + j])).toBeLessThan(1e-12 * 8 * size)
        }
      }
    }),
    { seed: 11, numRuns: 60 },
  )
})

it('small eigenvalues of a positive matrix are exact relative to themselves', () => {
  // of ((1, ε), (ε, 2ε²)), whose determinant is ε²: 1 + ε² and ε² − ε⁴, but for higher powers
  const epsilon = 2 ** -26
  const { values } = eigenOf([1, epsilon, epsilon, 2 * epsilon ** 2])
  expect(Math.abs(values[0] - 1 - epsilon ** 2)).toBeLessThan(1e-15)
  expect(Math.abs(values[1] / epsilon ** 2 - 1)).toBeLessThan(1e-15)
})

it('rows and columns of zeros have eigenvalues of zero, and nothing of others in their vectors', () => {
  const { values, vectors } = eigenOf([2, 0, 1, 0, 0, 0, 1, 0, 2])
  expect([...values].map(value => Math.round(value * 1e12) / 1e12)).toEqual([3, 1, 0])
  expect([...vectors[2]]).toEqual([0, 1, 0])
})
