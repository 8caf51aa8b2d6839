import { checkObject, refuse, whole } from '../core/checks.js'
import type { Observation } from './scheduler.js'

/** What `next` was given, in its long form. @throws NonnegError ERR_NONNEG_OPTION where it is no observation */
export function observed(given: number | Observation | undefined): Observation {
  if (given === undefined) return {}
  if (typeof given === 'number') return { loss: given }
  checkObject('observation', given, 'a number or an object')
  if (given.step !== undefined) whole('step', given.step, 0)
  return given
}

/** A field for every group: one number is for all of them. Undefined where it was not observed. */
export function forGroups(
  name: keyof Observation,
  value: number | readonly number[] | undefined,
  groups: number,
): readonly number[] | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'number') return new Array<number>(groups).fill(value)
  if (Array.isArray(value) && value.length === groups) return value
  throw refuse(name, value, `a number or a list of ${groups}, one for each group`)
}
