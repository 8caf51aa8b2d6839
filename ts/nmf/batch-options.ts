import { checkNames, checkObject, finite, flag, refuse, whole } from '../core/checks.js'
import { NonnegError } from '../core/errors.js'
import { type SchedulerName, schedulerFrom } from '../schedulers/registry.js'
import type { Scheduler } from '../schedulers/scheduler.js'
import { SOLVERS, type SolverName } from './solvers.js'

/** One value for both factors, or one for each. */
export type ForBoth<T> = T | { readonly W?: T; readonly H?: T }

/** Options of the solvers that walk through the rows of X in batches. */
export interface BatchOptions {
  /** `'online'`, `'smu'`, `'svrmu'`, `'sgd'`: rows of a batch. Default 128; `'online'` 1024, as in scikit-learn. */
  readonly batchRows?: number
  /**
   * `'online'`: the share of what former batches say of H that a whole pass leaves, from 0 to 1; a batch leaves the power of
   * it that is its share of the rows. Default 0.7, as in scikit-learn.
   */
  readonly forgetFactor?: number
  /**
   * `'smu'`, `'svrmu'`, `'sgd'`: rows are put in a random order once, and batches drawn in a new order in each pass, both by
   * `seed`; the factors come back in the order of X. Takes a copy of X while the fit runs. Under a hashed hold-out only the
   * order of the batches is drawn. Default true.
   */
  readonly shuffle?: boolean
  /** `'smu'`, `'svrmu'`, `'sgd'`: how often the rows of W of a batch move before H does. Default 1; `'sgd'` 10. */
  readonly rounds?: number
  /** `'svrmu'`: the share of each update of H that is taken, above 0 and at most 1. Default 1. */
  readonly ratio?: number
  /**
   * `'sgd'`: the learning rate, for both factors or for each. With `safe` it is the unit-free u = η·𝓛/2 of the bounds, from 0
   * to 0.95, above which it is cut; else the length η of the steps, and there is no default. Not beside a scheduler
   * object, which has a rate of its own.
   */
  readonly learningRate?: ForBoth<number>
  /**
   * `'sgd'`: what changes the rate from batch to batch: a scheduler, or the name of one, which starts from `learningRate`.
   * One for both factors may have two groups, W's and H's. One that observes is asked before each batch, and told of the batch
   * before it: the loss, as if it were all of X, and the gradient of H; under `safe` in shares of ½‖X‖², so that its constants
   * fit any X. The caller's own object stays as it is. Default: the rate is constant.
   */
  readonly scheduler?: ForBoth<SchedulerName | Scheduler>
  /**
   * `'sgd'`: start from scaled and balanced factors, and bound each step by the curvature, so that no rate makes the fit
   * diverge (docs/stability.md). Default true. Without it a rate that is too large ends in ERR_NONNEG_DIVERGED.
   */
  readonly safe?: boolean
  /** `'sgd'`: standard deviation of noise that is added to each entry of the gradients. Default 0. */
  readonly noise?: number
  /** `'sgd'`: no entry of a factor moves further than this in one step. Above 0; default: no limit. */
  readonly updateLimit?: number
}

/** Where a factor's rate comes from, before it is known how many steps there will be. */
export interface RateChoice {
  readonly learningRate: number
  readonly scheduler: SchedulerName | Scheduler
}

/** With every default filled in and every value checked. */
export interface ResolvedBatchOptions {
  readonly batchRows: number
  readonly forgetFactor: number
  readonly shuffle: boolean
  readonly rounds: number
  readonly ratio: number
  readonly safe: boolean
  readonly noise: number
  readonly updateLimit: number
  /** One for both factors, or one for each. */
  readonly rates: { readonly both: RateChoice } | { readonly W: RateChoice; readonly H: RateChoice }
}

/** Which solvers each option is for. */
const SOLVERS_OF: Readonly<Record<keyof BatchOptions, readonly SolverName[]>> = {
  batchRows: ['online', 'smu', 'svrmu', 'sgd'],
  forgetFactor: ['online'],
  shuffle: ['smu', 'svrmu', 'sgd'],
  rounds: ['smu', 'svrmu', 'sgd'],
  ratio: ['svrmu'],
  learningRate: ['sgd'],
  scheduler: ['sgd'],
  safe: ['sgd'],
  noise: ['sgd'],
  updateLimit: ['sgd'],
}

export function isBatchOption(name: string): name is keyof BatchOptions {
  return Object.hasOwn(SOLVERS_OF, name)
}

/** In units of 2/𝓛: the step that a quadratic falls most by, as far as 𝓛 says. */
const DEFAULT_RATE = 0.5

function isPair<T>(given: ForBoth<T>): given is { readonly W?: T; readonly H?: T } {
  return typeof given === 'object' && given !== null && !('next' in given)
}

/** Each factor's own, where they differ. */
function pairOf<T>(name: string, given: ForBoth<T> | undefined): { readonly W?: T; readonly H?: T } {
  if (given === undefined) return {}
  if (!isPair(given)) return { W: given, H: given }
  checkNames(given, ['W', 'H'], `part of ${name}`)
  return given
}

/** A scheduler object has a rate of its own, so that another would have no effect. */
function rateChoice(
  name: string,
  learningRate: number | undefined,
  scheduler: SchedulerName | Scheduler | undefined,
  safe: boolean,
): RateChoice {
  const rate = finite(name, learningRate === undefined ? DEFAULT_RATE : learningRate)
  const chosen = scheduler === undefined ? 'constant' : scheduler
  // refuses what is neither a name nor a scheduler
  schedulerFrom(chosen, { learningRate: rate, totalSteps: 1 })
  if (typeof scheduler === 'object' && learningRate !== undefined) {
    throw new NonnegError(
      'ERR_NONNEG_OPTION',
      'learningRate and a scheduler with a rate of its own do not go together',
      {
        detail: { option: 'learningRate' },
        fix: 'give the scheduler the rate, or name it by a string',
      },
    )
  }
  if (!safe && learningRate === undefined && typeof scheduler !== 'object') {
    throw new NonnegError(
      'ERR_NONNEG_OPTION',
      `safe: false takes ${name} as the length of the steps, and there is none`,
      {
        detail: { option: 'learningRate' },
        fix: 'give it, small against stabilityBound, or leave safe out',
      },
    )
  }
  return { learningRate: rate, scheduler: chosen }
}

function ratesOf({ learningRate, scheduler }: BatchOptions, safe: boolean): ResolvedBatchOptions['rates'] {
  if (learningRate !== undefined && typeof learningRate !== 'number') {
    checkObject('learningRate', learningRate, 'a number or { W, H }')
  }
  const rates = pairOf<number>('learningRate', learningRate)
  if (typeof scheduler === 'object' && scheduler !== null && !isPair(scheduler)) {
    return { both: rateChoice('learningRate', rates.H ?? rates.W, scheduler, safe) }
  }
  const schedulers = pairOf<SchedulerName | Scheduler>('scheduler', scheduler)
  const choice = (factor: 'W' | 'H') => {
    const name = typeof learningRate === 'object' ? `learningRate.${factor}` : 'learningRate'
    return rateChoice(name, rates[factor], schedulers[factor], safe)
  }
  return { W: choice('W'), H: choice('H') }
}

/** What tells the choices of two fits apart: names and rates, and of schedulers their kind. */
export function ratesInWords(rates: ResolvedBatchOptions['rates']): string {
  return Object.entries(rates)
    .map(([factor, { scheduler, learningRate }]: [string, RateChoice]) => {
      const own = typeof scheduler === 'object'
      return own ? `${factor} ${scheduler.constructor?.name}` : `${factor} ${scheduler} ${learningRate}`
    })
    .join(', ')
}

function share(name: string, value: number): number {
  if (typeof value === 'number' && value > 0 && value <= 1) return value
  throw refuse(name, value, 'a number above 0 and at most 1')
}

/** @throws NonnegError ERR_NONNEG_OPTION */
export function resolveBatchOptions(options: BatchOptions, solver: SolverName | 'auto'): ResolvedBatchOptions {
  for (const [name, meant] of Object.entries(SOLVERS_OF) as [keyof BatchOptions, readonly SolverName[]][]) {
    if (options[name] === undefined || meant.includes(solver as SolverName)) continue
    const names = meant.map(each => `'${each}'`).join(', ')
    throw new NonnegError('ERR_NONNEG_OPTION', `${name} is for solver: ${names}; the solver is '${solver}'`, {
      detail: { option: name, solver },
      fix: `leave ${name} out`,
    })
  }
  const { batchRows: rows = 1024, rounds = 1 } = solver === 'auto' ? {} : SOLVERS[solver]
  const { forgetFactor = 0.7, updateLimit = Number.POSITIVE_INFINITY } = options
  if (finite('forgetFactor', forgetFactor) > 1) throw refuse('forgetFactor', forgetFactor, 'a number from 0 to 1')
  if (typeof updateLimit !== 'number' || !(updateLimit > 0))
    throw refuse('updateLimit', updateLimit, 'a number above 0')
  const safe = flag('safe', options.safe ?? true)
  return {
    batchRows: whole('batchRows', options.batchRows ?? rows, 1),
    forgetFactor,
    shuffle: flag('shuffle', options.shuffle ?? true),
    rounds: whole('rounds', options.rounds ?? rounds, 1, 1000),
    ratio: share('ratio', options.ratio ?? 1),
    safe,
    noise: finite('noise', options.noise ?? 0),
    updateLimit,
    rates: ratesOf(options, safe),
  }
}
