import { refuse, whole } from '../core/checks.js'

/** Steps in rising order, counted from 1. @throws NonnegError ERR_NONNEG_OPTION */
export function milestonesOf(given: unknown): readonly number[] {
  if (!Array.isArray(given)) throw refuse('milestones', given, 'a list of steps')
  return given.map((step, i) => whole(`milestones[${i}]`, step, i === 0 ? 1 : given[i - 1] + 1))
}

/** How many milestones have been reached. */
export function reached(milestones: readonly number[], step: number): number {
  const ahead = milestones.findIndex(milestone => milestone > step)
  return ahead < 0 ? milestones.length : ahead
}
