import { inSlices } from '../core/breathe.js'
import type { FloatArray } from '../core/matrix.js'

/** Entries that JavaScript moves or looks at between two looks at the clock. */
const SLICE = 1 << 16

/** Copies an array into one of the same length. */
export async function copySlices(from: FloatArray, to: FloatArray): Promise<void> {
  if (from.length <= SLICE) return to.set(from)
  await inSlices(
    (function* () {
      for (let begin = 0; begin < from.length; begin += SLICE) {
        to.set(from.subarray(begin, begin + SLICE), begin)
        yield
      }
    })(),
  )
}

/** The place of the first entry that is no finite number, or −1. */
export function firstNotFinite(values: FloatArray): Promise<number> {
  return inSlices(
    (function* () {
      for (let begin = 0; begin < values.length; begin += SLICE) {
        const place = values.subarray(begin, begin + SLICE).findIndex(value => !Number.isFinite(value))
        if (place >= 0) return begin + place
        yield
      }
      return -1
    })(),
  )
}
