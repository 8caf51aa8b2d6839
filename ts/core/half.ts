// IEEE 754 half precision, which JavaScript has no array of everywhere.

/** The largest number that half precision holds. */
export const LARGEST_HALF = 65504

const INFINITY_BITS = 0x7c00
/** Bits of the smallest normal number of half precision, as f32: 2⁻¹⁴. */
const SMALLEST_NORMAL = 0x38800000
/** Adding this to f32 bits takes the bias of the exponent from that of f32 to that of half precision. */
const REBIAS = 112 << 23
/** Digits of the significand that half precision has not. */
const LOST = 13

const float = new Float32Array(1)
const word = new Uint32Array(float.buffer)

/**
 * The bits of a number ≥ 0 in half precision, rounded to nearest, ties to even; those of infinity where it is above 65519, and
 * those of a NaN for NaN. A number that f32 does not hold is rounded to f32 first.
 */
export function halfBits(value: number): number {
  float[0] = value
  const bits = word[0]
  if (bits > 0x7f800000) return 0x7e00
  if (bits >= SMALLEST_NORMAL) {
    const even = (bits >>> LOST) & 1
    return Math.min(INFINITY_BITS, (bits - REBIAS + even + 0xfff) >>> LOST)
  }
  // multiples of 2⁻²⁴, which adding ½ leaves at the end of the significand, rounded as f32 rounds
  float[0] += 0.5
  return word[0] & 0x7ff
}

/** The number ≥ 0 that these bits of half precision stand for. */
export function halfValue(bits: number): number {
  const [exponent, digits] = [bits >>> 10, bits & 0x3ff]
  if (exponent === 31) return digits === 0 ? Number.POSITIVE_INFINITY : Number.NaN
  return exponent === 0 ? digits * 2 ** -24 : (1024 + digits) * 2 ** (exponent - 25)
}
