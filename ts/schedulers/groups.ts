import { finite, refuse } from '../core/checks.js'

/** One rate, or one for each group of parameters. */
export interface GroupRates {
  /** The rate to start from. Default 1, unless `learningRates` are given. */
  readonly learningRate?: number
  /** The same for every group of parameters. */
  readonly learningRates?: readonly number[]
}

/** The rates to start from. @throws NonnegError ERR_NONNEG_OPTION */
export function startRates({ learningRate, learningRates }: GroupRates): readonly number[] {
  if (learningRates === undefined) return [finite('learningRate', learningRate ?? 1)]
  if (!Array.isArray(learningRates) || learningRates.length === 0) {
    throw refuse('learningRates', learningRates, 'a list of rates, one for each group')
  }
  if (learningRate !== undefined) throw refuse('learningRate', learningRate, 'left out where learningRates are given')
  return learningRates.map((rate, group) => finite(`learningRates[${group}]`, rate))
}

/** A bound for every group, from one for all or a list. @throws NonnegError ERR_NONNEG_OPTION */
export function groupBounds(name: string, given: number | readonly number[], groups: number): readonly number[] {
  const bounds = typeof given === 'number' ? new Array<number>(groups).fill(given) : given
  if (!Array.isArray(bounds) || bounds.length !== groups || bounds.some(bound => !isBound(bound))) {
    throw refuse(name, given, groups === 1 ? 'a number' : `a number or a list of ${groups}, one for each group`)
  }
  return bounds
}

const isBound = (bound: unknown): boolean => typeof bound === 'number' && !Number.isNaN(bound)

/** Refuses bounds that leave nothing between them. */
export function checkBounds(lower: readonly number[], upper: readonly number[]): void {
  for (const [group, bound] of upper.entries()) {
    if (lower[group] > bound) throw refuse('maxLr', bound, `a number ≥ minLr, which is ${lower[group]}`)
  }
}
