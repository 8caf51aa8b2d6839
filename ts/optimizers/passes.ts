import type { OptimizerSpec, Vectors } from '../backends/vectors.js'
import { axpby } from '../kernels/axpby.js'
import type { VectorKernel } from '../kernels/vector_kernel.js'

// What methods do to whole arrays beside their kernels of their own.

/** These kernels and `axpby`, on these arrays alone: what else the kernels name, every call renames. */
export function needing(kernels: readonly VectorKernel[], arrays: readonly string[]): OptimizerSpec {
  const all = [...kernels, axpby]
  const names = all.flatMap(kernel => kernel.arrays.map(({ name }) => name))
  return { kernels: all, arrays, unused: names.filter(name => !arrays.includes(name)) }
}

/** out ← a·x + b·y; `out` may be x or y. */
export async function combine(
  vectors: Vectors,
  [a, x]: readonly [number, string],
  [b, y]: readonly [number, string],
  out: string,
): Promise<void> {
  await vectors.run(axpby, { a, b }, { arrays: { x, y, out } })
}

export function copy(vectors: Vectors, from: string, to: string): Promise<void> {
  return combine(vectors, [1, from], [0, from], to)
}

/** array ← factor·array */
export function scale(vectors: Vectors, factor: number, array: string): Promise<void> {
  return combine(vectors, [factor, array], [0, array], array)
}
