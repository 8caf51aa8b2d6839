import { type VectorKernel, vectorKernel } from './vector_kernel.js'

/** `out` may be x or y: then this is the axpy of BLAS, a copy or a scaling. With three arrays it is the triad of STREAM. */
export const axpby: VectorKernel = vectorKernel({
  name: 'axpby',
  formula: ['out[i] ← a·x[i] + b·y[i]'],
  summary: 'weighted sum of two vectors, for averages of iterates',
  source: 'BLAS level 1; McCalpin, STREAM',
  scalars: ['a', 'b'],
  defaults: { a: 1, b: 1 },
  arrays: { x: 'in', y: 'in', out: 'out' },
  sums: [],
  exact: true,
  flops: 3,
  settings: [
    { a: 1, b: 1 },
    { a: -0.5, b: 2 },
    { a: 0.25, b: 0 },
  ],
  entry({ a, b }, { x, y, out }, i) {
    out[i] = a * x[i] + b * y[i]
    return []
  },
})
