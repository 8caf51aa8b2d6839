import { inWords, NonnegError } from './errors.js'

// Checks of options: each gives the value back, or throws ERR_NONNEG_OPTION (of a rank _RANK) with what was wanted.

export function refuse(name: string, value: unknown, wanted: string): NonnegError {
  const code = name === 'rank' ? 'ERR_NONNEG_RANK' : 'ERR_NONNEG_OPTION'
  return new NonnegError(code, `${name} is ${inWords(value)}, not ${wanted}`, { detail: { option: name, value } })
}

export function whole(name: string, value: unknown, least: number, most: number = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value as number
  const range = most === Number.MAX_SAFE_INTEGER ? `≥ ${least}` : `from ${least} to ${most}`
  throw refuse(name, value, `a whole number ${range}`)
}

export function finite(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw refuse(name, value, 'a finite number ≥ 0')
}

/** A number above `least` and below `most`. */
export function between(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && value > least && value < most) return value
  const range = most === Number.POSITIVE_INFINITY ? `above ${least}` : `above ${least} and below ${most}`
  throw refuse(name, value, `a finite number ${range}`)
}

export function oneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (choices.includes(value as T)) return value as T
  throw refuse(name, value, `one of ${choices.join(', ')}`)
}

export function flag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw refuse(name, value, 'true or false')
}

export function optionalFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw refuse(name, value, 'a function')
}

/** Nothing, or what is like an AbortSignal, which other realms may have made. */
export function checkSignal(signal: unknown): void {
  if (signal === undefined) return
  const like = signal as AbortSignal
  if (typeof signal === 'object' && signal !== null && typeof like.addEventListener === 'function') return
  throw refuse('signal', signal, 'an AbortSignal')
}

export function checkObject(name: string, value: unknown, wanted: string): void {
  if (typeof value !== 'object' || value === null) throw refuse(name, value, wanted)
}

/** Refuses names that are not among the known. `what` is said of one of them: "option", "part of learningRate". */
export function checkNames(given: object, known: readonly string[], what: string): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    throw new NonnegError('ERR_NONNEG_OPTION', `there is no ${what} "${name}"`, {
      detail: { option: name },
      fix: `the ${what.replace(/^\w+/, '$&s')} are ${known.join(', ')}`,
    })
  }
}
