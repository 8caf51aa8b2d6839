import { finite, refuse } from '../core/checks.js'
import { checkBounds, groupBounds } from './groups.js'

/** One number, one for each group, or what answers for a group when asked. */
export type Bound = number | readonly number[] | ((group: number) => number)

/** How far the rates of the groups may go. */
export interface RateBounds {
  upper(): readonly number[]
  /** Never above the upper ones. */
  lower(upper: readonly number[]): readonly number[]
  /** Whether rates above the upper bounds come down at once, not only rise no more. */
  readonly isStrict: boolean
}

/** How rates move, within bounds. */
export interface RateMoves {
  raised(rates: readonly number[], upper: readonly number[]): readonly number[]
  lowered(rates: readonly number[], lower: readonly number[]): readonly number[]
}

interface BoundOptions {
  readonly minLr?: number | readonly number[]
  readonly maxLr?: Bound
}

function asked(maxLr: (group: number) => number, group: number): number {
  const bound = maxLr(group)
  if (typeof bound === 'number' && bound >= 0) return bound
  throw refuse('maxLr', bound, 'a function that answers a number ≥ 0')
}

/** @param compat whether defaults are Hugging Face's, which know nothing of the rates */
export function bounded({ minLr, maxLr }: BoundOptions, rates: readonly number[], compat: boolean): RateBounds {
  const groups = rates.length
  const lower = groupBounds('minLr', minLr ?? (compat ? 1e-3 : rates.map(rate => rate / 10)), groups)
  if (typeof maxLr === 'function') {
    return {
      upper: () => rates.map((_, group) => asked(maxLr, group)),
      lower: upper => lower.map((bound, group) => Math.min(bound, upper[group])),
      isStrict: true,
    }
  }
  const upper = groupBounds('maxLr', maxLr ?? (compat ? 1 : rates.map(rate => 10 * rate)), groups)
  checkBounds(lower, upper)
  return { upper: () => upper, lower: () => lower, isStrict: false }
}

/** @param eps moves by no more than it, as a difference or a share of the rate, are left out */
export function rateMoves(options: { factor: number; eps: number; epsMode: 'abs' | 'rel' }): RateMoves {
  const { factor } = options
  const eps = finite('eps', options.eps)
  const least = options.epsMode === 'rel' ? (rate: number) => eps * rate : () => eps
  return {
    raised: (rates, upper) =>
      rates.map((rate, group) => {
        const raised = Math.min(rate / factor, upper[group])
        return raised - rate > least(rate) ? raised : rate
      }),
    lowered: (rates, lower) =>
      rates.map((rate, group) => {
        const lowered = Math.max(rate * factor, lower[group])
        return rate - lowered > least(rate) ? lowered : rate
      }),
  }
}
