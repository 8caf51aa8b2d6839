/** Powers of ten that a float64 holds exactly. */
const EXACT_POWERS: Float64Array = Float64Array.from({ length: 23 }, (_, e) => Number(`1e${e}`))

/** A mantissa of so many decimal digits is below 2⁵³, so a float64 holds it exactly. */
const EXACT_DIGITS = 15

export function textOf(bytes: Uint8Array, start: number, end: number): string {
  return new TextDecoder().decode(bytes.subarray(start, end))
}

/**
 * The decimal number in `bytes[start .. end)`, rounded as `Number()` rounds it, or NaN where the bytes are anything else
 * (`nan`, `inf`, hexadecimal, blanks). Short numbers take the exact product or quotient of W. D. Clinger, "How to read
 * floating point numbers accurately" (PLDI 1990), without making a string.
 */
export function parseDecimal(bytes: Uint8Array, start: number, end: number): number {
  let p = start
  const sign = bytes[p]
  if (sign === 45 || sign === 43) p++
  let mantissa = 0
  let digits = 0
  let scale = 0
  for (let d = (bytes[p] - 48) >>> 0; p < end && d <= 9; d = (bytes[++p] - 48) >>> 0) {
    mantissa = mantissa * 10 + d
    digits++
  }
  if (p < end && bytes[p] === 46) {
    p++
    for (let d = (bytes[p] - 48) >>> 0; p < end && d <= 9; d = (bytes[++p] - 48) >>> 0) {
      mantissa = mantissa * 10 + d
      digits++
      scale--
    }
  }
  if (digits === 0) return Number.NaN
  if (p < end && (bytes[p] | 32) === 101) {
    p++
    const exponentSign = bytes[p]
    if (exponentSign === 45 || exponentSign === 43) p++
    const first = p
    let exponent = 0
    for (let d = (bytes[p] - 48) >>> 0; p < end && d <= 9; d = (bytes[++p] - 48) >>> 0) {
      exponent = Math.min(exponent * 10 + d, 100_000)
    }
    if (p === first) return Number.NaN
    scale += exponentSign === 45 ? -exponent : exponent
  }
  if (p !== end) return Number.NaN
  if (digits > EXACT_DIGITS || scale > 22 || scale < -22) return Number(textOf(bytes, start, end))
  const size = scale < 0 ? mantissa / EXACT_POWERS[-scale] : mantissa * EXACT_POWERS[scale]
  return sign === 45 ? -size : size
}

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i

/** The decimal number that a text is, or NaN; blanks around it are not part of a number. */
export function decimal(text: string): number {
  return DECIMAL.test(text) ? Number(text) : Number.NaN
}

/** The shortest text that reads back as the same float32: 0.1, where `String` would say 0.10000000149011612. */
export function shortestFloat32(value: number): string {
  if (Number.isInteger(value)) return String(value)
  for (let precision = 7; precision < 9; precision++) {
    const candidate = Number(value.toPrecision(precision))
    if (Math.fround(candidate) === value) return String(candidate)
  }
  return String(Number(value.toPrecision(9)))
}

/** A piece of the source for an error message: on one line, quoted, and not endless. */
export function excerpt(text: string): string {
  const LIMIT = 60
  return JSON.stringify(text.length > LIMIT ? `${text.slice(0, LIMIT)}…` : text)
}
