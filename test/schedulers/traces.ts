import type { Observation, Scheduler } from '../../ts/schedulers/api.js'

/** The rates after each of these observations. */
export function rates(scheduler: Scheduler, seen: readonly (number | Observation | undefined)[]): number[] {
  return seen.map(observation => scheduler.next(observation))
}

/** What JSON makes of a state. */
export function throughJson<T>(state: T): T {
  return JSON.parse(JSON.stringify(state))
}

/** The same number over and over. */
export const times = (count: number, value: number): number[] => new Array<number>(count).fill(value)
