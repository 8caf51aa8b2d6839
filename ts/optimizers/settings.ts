import { refuse } from '../core/checks.js'
import { inWords, NonnegError } from '../core/errors.js'
import type { Setup } from './kind.js'
import { GROUP_SETTINGS } from './options.js'

// Checks that kinds with one set of numbers for all parameters share.

/** Refuses groups with settings of their own. */
export function sameEverywhere({ options, each }: Setup): void {
  each.forEach((own, k) => {
    const name = GROUP_SETTINGS.find(setting => own[setting] !== options[setting])
    if (name === undefined) return
    const message = `groups[${k}].${name} is ${inWords(own[name])}, and the kind ${options.kind} treats all groups alike`
    throw new NonnegError('ERR_NONNEG_OPTION', message, {
      detail: { option: name, group: k, value: own[name] },
      fix: `give ${name} beside the groups`,
    })
  })
}

/** Refuses groups with settings of their own, and schedulers with a rate for each. */
export function oneRate(setup: Setup): void {
  sameEverywhere(setup)
  const { kind, scheduler } = setup.options
  const rates = scheduler?.learningRates.length ?? 1
  if (rates === 1) return
  throw new NonnegError('ERR_NONNEG_OPTION', `the scheduler has ${rates} rates, and the kind ${kind} has one`, {
    detail: { option: 'scheduler', rates },
    fix: 'give the scheduler one learningRate',
  })
}

/** A number above `least`; ∞ stands for no bound. */
export function boundAbove(name: string, value: unknown, least: number): number {
  if (typeof value === 'number' && value > least) return value
  throw refuse(name, value, `a number above ${least}`)
}
