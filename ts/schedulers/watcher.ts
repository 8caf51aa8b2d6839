import { checkNames, checkObject, refuse } from '../core/checks.js'
import { checkBounds, type GroupRates, groupBounds, startRates } from './groups.js'
import { observed } from './observed.js'
import { COUNT, type Kinds, type Memory, Remembering, ratesKind } from './remembering.js'
import type { Observation } from './scheduler.js'

/** What every scheduler that acts on observations remembers. */
export type WatcherMemory = Memory & { readonly step: number; readonly rates: readonly number[] }

/** A rate that depends on what was observed, for each group of parameters. */
export abstract class Watcher<Options extends GroupRates, M extends WatcherMemory> extends Remembering<Options, M> {
  readonly observes: boolean = true
  protected readonly startRates: readonly number[]

  /** @param own the options of the subclass, beside learningRate @param memory beside step and rates, and its kinds */
  protected constructor(
    options: Options,
    own: readonly (keyof Options & string)[],
    memory: Omit<M, 'step' | 'rates'>,
    kinds: Omit<Kinds<M>, 'step' | 'rates'>,
  ) {
    checkObject('options', options, 'an object')
    checkNames(options, ['learningRate', ...own], 'option')
    const rates = startRates(options)
    super(
      options,
      { ...memory, step: 0, rates } as unknown as M,
      { ...kinds, step: COUNT, rates: ratesKind(rates.length) } as unknown as Kinds<M>,
    )
    this.startRates = rates
  }

  /** What is remembered after an observation. */
  protected abstract seen(observation: Observation): M

  next(observation?: number | Observation): number {
    const given = observed(observation)
    for (const name of ['loss', 'batchLoss', 'squaredGradient'] as const) {
      const value = given[name]
      if (value !== undefined && typeof value !== 'number') throw refuse(name, value, 'a number')
    }
    this.memory = { ...this.seen(given), step: (given.step ?? this.memory.step) + 1 }
    return this.learningRate
  }

  get learningRate(): number {
    return this.learningRates[0]
  }

  get learningRates(): readonly number[] {
    return this.memory.rates
  }
}

/** Bounds of the rates of groups. */
export interface Bounds {
  readonly lower: readonly number[]
  readonly upper: readonly number[]
}

/** @throws NonnegError ERR_NONNEG_OPTION where a lower bound is above its upper one */
export function boundsOf(
  { minLr, maxLr }: { minLr: number | readonly number[]; maxLr: number | readonly number[] },
  groups: number,
): Bounds {
  const bounds = { lower: groupBounds('minLr', minLr, groups), upper: groupBounds('maxLr', maxLr, groups) }
  checkBounds(bounds.lower, bounds.upper)
  return bounds
}
