// What the kernels share that form the model of a dense tile of X themselves (shaders/model.wgsl).
import type { Random } from '../core/random.js'
import { fillBuffers, nonNegative, positive } from './fills.js'
import type { Arrays, BufferSpec, Dims, FillKind } from './spec.js'

/** What the model, and what its entries contribute, are made of. */
export const MODEL_BUFFERS: readonly BufferSpec[] = [
  { name: 'W', type: 'f32', access: 'in', shape: 'rows × rank', length: d => d.rows * d.rank },
  { name: 'Ht', type: 'f32', access: 'in', shape: 'columns × rank', length: d => d.columns * d.rank },
  { name: 'X', type: 'f32', access: 'in', shape: 'rows × stride', length: d => d.rows * d.stride },
  {
    name: 'V',
    type: 'f32',
    access: 'in',
    shape: 'rows × stride, where weighted',
    length: d => (d.weighted ? d.rows * d.stride : 0),
  },
]

/** Fills for them, and for a loss that goes on from 1. */
export function fillModel(buffers: readonly BufferSpec[], dims: Dims, kind: FillKind, random: Random): Arrays {
  // β ≤ 0 wants X above 0
  const arrays = fillBuffers(buffers, dims, (length, name) =>
    name === 'W' || name === 'Ht' || (name === 'X' && dims.beta <= 0)
      ? positive(length, kind, random)
      : nonNegative(length, kind, random),
  )
  arrays.loss[0] = 1
  return arrays
}
