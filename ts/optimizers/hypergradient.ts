import type { Sums } from '../backends/vectors.js'
import { between, checkNames, checkObject, finite, oneOf, refuse } from '../core/checks.js'
import { NonnegError } from '../core/errors.js'
import { clamp } from '../kernels/vector_kernel.js'
import type { Setup } from './kind.js'
import type { HypergradientOptions } from './options.js'
import { totalOf } from './rates.js'
import { share } from './scalars.js'

const NAMES: readonly string[] = ['rate', 'rule', 'granularity', 'lowest', 'highest', 'convergent']

/** `HypergradientOptions` with every default filled in and every value checked. */
export interface Hypergradient extends Required<Omit<HypergradientOptions, 'convergent'>> {
  readonly convergent: { readonly learningRate: number; readonly exponent: number } | undefined
  /** Whether each group adds its own to the one rate, as the authors' loop over tensors does. */
  readonly inLoop: boolean
}

function bound(name: string, value: unknown): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return value
  throw refuse(name, value, 'a number')
}

function convergentOf(given: HypergradientOptions['convergent']): Hypergradient['convergent'] {
  if (given === undefined) return undefined
  checkObject('hypergradient.convergent', given, '{ learningRate, exponent }')
  return {
    learningRate: finite('hypergradient.convergent.learningRate', given.learningRate),
    exponent: between('hypergradient.convergent.exponent', given.exponent ?? 2, 1, Number.POSITIVE_INFINITY),
  }
}

/**
 * The hypergradient that the options ask for, if they do.
 * @param loops whether the authors' code for this kind goes through the groups one by one
 * @throws NonnegError ERR_NONNEG_OPTION
 */
export function hypergradientOf({ options, each }: Setup, loops: boolean): Hypergradient | undefined {
  const { hypergradient: given, compat, scheduler } = options
  if (compat !== undefined) oneOf('compat', compat, ['official-loop'] as const)
  if (given === undefined) {
    if (compat === undefined) return undefined
    throw new NonnegError('ERR_NONNEG_OPTION', `compat: '${compat}' is for a hypergradient, and there is none`)
  }
  checkObject('hypergradient', given, '{ rate, rule, granularity, … }')
  checkNames(given, NAMES, 'option of hypergradient')
  if (scheduler) {
    throw new NonnegError('ERR_NONNEG_OPTION', 'a hypergradient and a scheduler would both set the learning rate', {
      fix: 'give one of them',
    })
  }
  const rule = oneOf('hypergradient.rule', given.rule ?? 'additive', ['additive', 'multiplicative'] as const)
  const granularity = oneOf('hypergradient.granularity', given.granularity ?? 'global', [
    'global',
    'group',
    'parameter',
  ] as const)
  const multiplies = rule === 'multiplicative'
  const rate = (multiplies ? share : finite)('hypergradient.rate', given.rate)
  const lowest = bound('hypergradient.lowest', given.lowest ?? (compat ? Number.NEGATIVE_INFINITY : 0))
  const highest = bound('hypergradient.highest', given.highest ?? Number.POSITIVE_INFINITY)
  if (lowest > highest) throw refuse('hypergradient.lowest', lowest, `at most hypergradient.highest, ${highest}`)
  if (compat && (multiplies || granularity !== 'global')) {
    throw new NonnegError('ERR_NONNEG_OPTION', `compat: '${compat}' is for the additive rule with one rate for all`)
  }
  const starts = each.map(({ learningRate }) => finite('learningRate', learningRate))
  if (granularity === 'global' && starts.some(start => start !== starts[0])) {
    throw new NonnegError(
      'ERR_NONNEG_OPTION',
      `there is one rate for all, but groups start with ${starts.join(', ')}`,
      {
        fix: "granularity: 'group'",
      },
    )
  }
  if (multiplies && starts.includes(0)) throw refuse('learningRate', 0, 'above 0, where every change multiplies it')
  const inLoop = compat === 'official-loop' && loops
  return { rate, rule, granularity, lowest, highest, convergent: convergentOf(given.convergent), inLoop }
}

/** What step t makes of a rate: share·rate + base. */
export function weightsAt(
  { convergent }: Hypergradient,
  step: number,
): { readonly share: number; readonly base: number } {
  if (!convergent) return { share: 1, base: 0 }
  const share = step ** -convergent.exponent
  return { share, base: (1 - share) * convergent.learningRate }
}

/**
 * One rate for all parameters, or one for each group, and how sums over the gradient g and the direction u of the step before
 * move them: Baydin et al., ICLR 2018, section 3; the multiplicative rule with the cosine is that of their section on
 * rescaling. The bounds are ours. A hypergradient that is not finite leaves the rate as it is.
 */
export class MovedRates {
  readonly #how: Hypergradient
  #rates: readonly number[]

  constructor(how: Hypergradient, starts: readonly number[]) {
    this.#how = how
    this.#rates = how.granularity === 'global' ? starts.slice(0, 1) : starts
  }

  get values(): readonly number[] {
    return this.#rates
  }

  set values(rates: readonly number[]) {
    this.#rates = rates
  }

  /**
   * Moves the rates by the sums gu, gg and uu of each group, and answers the one that each group steps with in step t.
   */
  move(sums: readonly Sums[], step: number): readonly number[] {
    const { share, base } = weightsAt(this.#how, step)
    return this.#moveEach(sums).map(rate => share * rate + base)
  }

  #moveEach(sums: readonly Sums[]): readonly number[] {
    const { granularity, inLoop } = this.#how
    if (granularity !== 'global') {
      this.#rates = sums.map((sum, k) => this.#moved(this.#rates[k], sum))
      return this.#rates
    }
    let [rate] = this.#rates
    if (inLoop) {
      const used = sums.map(sum => {
        rate = this.#moved(rate, sum)
        return rate
      })
      this.#rates = [rate]
      return used
    }
    rate = this.#moved(rate, { gu: totalOf(sums, 'gu'), gg: totalOf(sums, 'gg'), uu: totalOf(sums, 'uu') })
    this.#rates = [rate]
    return sums.map(() => rate)
  }

  #moved(rate: number, { gu, gg, uu }: Sums): number {
    const { rule, rate: hyperRate, lowest, highest } = this.#how
    // two roots: the product of the squares may be beyond the largest number
    const norms = Math.sqrt(gg) * Math.sqrt(uu)
    const cosine = norms > 0 ? gu / norms : 0
    const moved = rule === 'additive' ? rate + hyperRate * gu : rate * (1 + hyperRate * cosine)
    return Number.isFinite(moved) ? clamp(moved, lowest, highest) : rate
  }
}
