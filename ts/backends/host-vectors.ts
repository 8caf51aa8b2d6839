import { Breather } from '../core/breathe.js'
import type { FloatArray } from '../core/matrix.js'
import { CheckedVectors } from './checked-vectors.js'

/** Elements that JavaScript moves between two looks at the clock. */
const SLICE = 1 << 17

/** Vectors whose arrays the host can address: all but how a kernel runs. */
export abstract class HostVectors extends CheckedVectors {
  /** The array, for as long as it takes until the next allocation. */
  protected abstract override memory(array: string): FloatArray

  protected override put(array: string, values: FloatArray, offset: number): Promise<void> {
    return slices(0, values.length, (begin, end) => {
      this.memory(array).set(values.subarray(begin, end), offset + begin)
    })
  }

  protected override set(array: string, value: number, begin: number, end: number): Promise<void> {
    return slices(begin, end, (from, to) => this.memory(array).fill(value, from, to))
  }

  protected override async get(array: string, begin: number, end: number): Promise<FloatArray> {
    const Type = this.memory(array) instanceof Float64Array ? Float64Array : Float32Array
    const copy = new Type(end - begin)
    await slices(begin, end, (from, to) => copy.set(this.memory(array).subarray(from, to), from - begin))
    return copy
  }
}

async function slices(begin: number, end: number, work: (begin: number, end: number) => void): Promise<void> {
  const breather = new Breather()
  for (let from = begin; from < end; from += SLICE) {
    work(from, Math.min(end, from + SLICE))
    if (breather.due()) await breather.rest()
  }
}
