import { InvalidArgumentError } from 'commander'
import { bytesIn } from '../core/bytes.js'
import { decimal } from '../data/number-text.js'

/** A parser of whole numbers from `least`; anything else is refused by commander with the option's name. */
export function wholeNumber(least: number): (text: string) => number {
  return text => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
    if (Number.isSafeInteger(value) && value >= least) return value
    throw new InvalidArgumentError(`It must be a whole number, at least ${least}.`)
  }
}

/** Whole numbers between commas; `2-5` is all from 2 to 5. */
export function wholeNumbers(text: string): number[] {
  return text.split(',').flatMap(part => {
    const [, first, last = first] = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part.trim()) ?? []
    const [from, to] = [Number(first), Number(last)]
    if (from <= to && to - from < 10_000) return Array.from({ length: to - from + 1 }, (_, i) => from + i)
    throw new InvalidArgumentError('It must be whole numbers such as 2,4,8 or 2-6.')
  })
}

/** Numbers of a list at most, those of its ranges counted: a slip of the pen is not to fill the memory. */
const LONGEST_LIST = 2 ** 24

/**
 * Lines of a matrix, which may be many: whole numbers and ranges between commas, blanks or line ends.
 * @param lines what they are numbers of, in messages
 * @param refuse the error of whoever has the list, from what is wrong with it
 */
export function lineNumbers(text: string, lines: string, refuse: (reason: string) => Error): Float64Array {
  const parts = text.split(/[\s,]+/).filter(part => part !== '')
  const ranges = parts.map(part => {
    const [, first, last = first] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part) ?? []
    const count = Number(last) - Number(first) + 1
    if (count >= 1) return { from: Number(first), count }
    throw refuse(`"${part.slice(0, 60)}" is no whole number and no range upwards, of ten digits each at most`)
  })
  const length = ranges.reduce((sum, { count }) => sum + count, 0)
  if (length === 0) throw refuse(`lists no ${lines}`)
  if (length > LONGEST_LIST)
    throw refuse(`lists ${length} ${lines}, more than the ${LONGEST_LIST} that a list may have`)
  const numbers = new Float64Array(length)
  let at = 0
  for (const { from, count } of ranges) for (let i = 0; i < count; i++) numbers[at++] = from + i
  return numbers
}

/** Bytes, above 0: a number, with a unit or without. */
export function byteCount(text: string): number {
  const bytes = bytesIn(text)
  if (!Number.isNaN(bytes)) return bytes
  throw new InvalidArgumentError('It must be bytes such as 8000000000, 8GB or 2GiB.')
}

/** Words between commas, each once. */
export function names(text: string): string[] {
  return [...new Set(text.split(',').map(name => name.trim()))]
}

/** A finite decimal number ≥ 0. */
export function nonNegativeNumber(text: string): number {
  const value = decimal(text)
  if (Number.isFinite(value) && value >= 0) return value
  throw new InvalidArgumentError('It must be a number, at least 0.')
}

/** A name, or a number in words of digits. */
export function nameOrNumber(text: string): string | number {
  const value = decimal(text)
  return Number.isFinite(value) ? value : text
}
