import { NonnegError } from '../core/errors.js'
import type { FloatArray } from '../core/matrix.js'

export type Dtype = 'f32' | 'f64'

/** Rows, columns and entries are counted in 32 bits, and row pointers are one longer than the rows. */
export const LARGEST_SIZE: number = 2 ** 32 - 2

export function floats(dtype: Dtype, length: number): FloatArray {
  return dtype === 'f64' ? new Float64Array(length) : new Float32Array(length)
}

/** An array of a size that a file asked for; a size that no memory holds is the file's fault, not a crash. */
export function allocate<T>(name: string, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new NonnegError('ERR_NONNEG_MEMORY', `${name}: a matrix of this size does not fit in memory`, {
      detail: { file: name },
      fix: 'check the sizes in the file',
      cause,
    })
  }
}
