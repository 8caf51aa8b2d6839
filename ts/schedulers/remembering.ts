import { inWords, NonnegError } from '../core/errors.js'
import type { Observation, Scheduler, SchedulerState } from './scheduler.js'

/** All that a scheduler remembers from one call to the next. */
export type Memory = Record<string, number | readonly number[]>

/** What a number of a memory, or each of a list, may be. */
export interface Kind {
  readonly wanted: string
  fits(value: number): boolean
  /** For a list: how many there are; undefined where that changes. */
  readonly length?: number
}

export type Kinds<M extends Memory> = { readonly [K in keyof M]: Kind }

export const COUNT: Kind = {
  wanted: 'a whole number ≥ 0',
  // a count down from Infinity is one that never ends
  fits: value => (Number.isInteger(value) && value >= 0) || value === Number.POSITIVE_INFINITY,
}
export const NUMBER: Kind = { wanted: 'a number', fits: value => !Number.isNaN(value) }
export const ANYTHING: Kind = { wanted: 'a number', fits: () => true }

/** A rate for each group. */
export function ratesKind(groups: number): Kind {
  return { wanted: `${groups} finite numbers`, fits: Number.isFinite, length: groups }
}

const WORDS: readonly unknown[] = ['Infinity', '-Infinity', 'NaN']

/** JSON has no words for the numbers that are not finite, and writes −0, which behaves no differently here, as 0. */
const packed = (value: number): number | string => (Number.isFinite(value) ? value + 0 : String(value))

function unpacked(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  return WORDS.includes(value) ? Number(value) : undefined
}

/** The error for what cannot be a scheduler's. */
export function unreadable(name: string, value: unknown, wanted: string): NonnegError {
  const message = `${name} of the scheduler's state is ${inWords(value)}, not ${wanted}`
  return new NonnegError('ERR_NONNEG_FORMAT', message, { detail: { name, value } })
}

/** @throws NonnegError ERR_NONNEG_FORMAT */
export function checkState(state: unknown): void {
  if (typeof state === 'object' && state !== null) return
  throw new NonnegError('ERR_NONNEG_FORMAT', `a scheduler's state is an object, not ${inWords(state)}`)
}

function read(name: string, value: unknown, now: number | readonly number[], kind: Kind): number | readonly number[] {
  const one = (entry: unknown): number => {
    const number = unpacked(entry)
    if (number === undefined || !kind.fits(number)) throw unreadable(name, value, kind.wanted)
    return number
  }
  if (typeof now === 'number') return one(value)
  if (!Array.isArray(value) || value.length !== (kind.length ?? value.length))
    throw unreadable(name, value, kind.wanted)
  return value.map(one)
}

/** A scheduler whose memory is numbers and lists of numbers: how it is written down, read back and copied. */
export abstract class Remembering<Options, M extends Memory> implements Scheduler {
  abstract readonly observes: boolean
  abstract readonly learningRate: number
  abstract readonly learningRates: readonly number[]
  protected memory: M
  readonly #options: Options
  readonly #kinds: Kinds<M>

  protected constructor(options: Options, memory: M, kinds: Kinds<M>) {
    this.#options = { ...options }
    this.memory = memory
    this.#kinds = kinds
  }

  abstract next(observation?: number | Observation): number

  state(): SchedulerState {
    const entries = Object.entries<number | readonly number[]>(this.memory)
    return Object.fromEntries(
      entries.map(([name, value]) => [name, typeof value === 'number' ? packed(value) : value.map(packed)]),
    )
  }

  restore(state: SchedulerState): void {
    checkState(state)
    const entries = Object.entries<number | readonly number[]>(this.memory)
    // all is read before any of it counts
    this.memory = Object.fromEntries(
      entries.map(([name, now]) => {
        const value = state[name]
        return [name, value === undefined ? now : read(name, value, now, this.#kinds[name])]
      }),
    ) as M
  }

  clone(): this {
    const copy = new (this.constructor as new (options: Options) => this)(this.#options)
    copy.restore(this.state())
    return copy
  }
}
