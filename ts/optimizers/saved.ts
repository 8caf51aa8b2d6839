import { inWords, NonnegError } from '../core/errors.js'

// Numbers in what someone saved and brings back: each is given back, or throws ERR_NONNEG_FORMAT with its name.

type Saved = Readonly<Record<string, unknown>>

export function unfit(name: string, value: unknown, wanted: string): NonnegError {
  return new NonnegError('ERR_NONNEG_FORMAT', `${name} of the saved state is ${inWords(value)}, not ${wanted}`, {
    detail: { name, value },
  })
}

export function numberIn(state: Saved, name: string): number {
  const value = state[name]
  if (typeof value === 'number' && !Number.isNaN(value)) return value
  throw unfit(name, value, 'a number')
}

export function numbersIn(state: Saved, name: string, count: number): readonly number[] {
  const value = state[name]
  const fits = Array.isArray(value) && value.length === count && value.every(one => typeof one === 'number')
  if (fits) return value
  throw unfit(name, value, `a list of ${count} ${count === 1 ? 'number' : 'numbers'}`)
}

export function countIn(state: Saved, name: string): number {
  const value = state[name]
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number
  throw unfit(name, value, 'a whole number ≥ 0')
}

export function objectIn(state: Saved, name: string): Saved {
  const value = state[name]
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Saved
  throw unfit(name, value, 'an object')
}
