import type { Device } from '../../ts/backends/backend.js'
import { dot } from '../../ts/kernels/dot.js'
import { guard } from '../conformance/guarded.js'

/** Relative error of the sum of 40 000 thirds: about 1e-7 where what the roundings lose is lost. */
export async function errorOfThirds(device: Device): Promise<number> {
  const length = 40_000
  const third = Math.fround(1 / 3)
  const arrays = {
    a: new Float64Array(length).fill(1),
    b: new Float64Array(length).fill(third),
    sum: new Float64Array(1),
  }
  const buffers = guard(dot.buffers, arrays, 0)
  await device.runKernel(dot, { dims: { length }, buffers })
  const { data, offset } = buffers.sum
  return Math.abs(data[offset] / (length * third) - 1)
}
