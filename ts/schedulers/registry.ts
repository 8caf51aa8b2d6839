import { checkObject, oneOf, refuse } from '../core/checks.js'
import { isScheduler } from './composed.js'
import { FIXED } from './registry-fixed.js'
import { OBSERVING } from './registry-observing.js'
import type { Observation, Scheduler } from './scheduler.js'

export type FixedName =
  | 'constant'
  | 'linear'
  | 'cosine'
  | 'cosine-restarts'
  | 'polynomial'
  | 'inverse-sqrt'
  | 'inverse-time'
  | 'inverse-time-1.5'
  | 'step'
  | 'multi-step'
  | 'exponential'
  | 'one-cycle'
  | 'cyclic'
  | 'warmup-stable-decay'
  | 'sequential'
  | 'chained'

export type ObservingName = 'greedy' | 'reduce-on-plateau' | 'hypergradient' | 'polyak'

/** What the command line, `factorize` and the documentation call the schedulers. */
export type SchedulerName = FixedName | ObservingName

/** What is known of a run when its scheduler is made. */
export interface SchedulerRun {
  /** The rate at the top, or to start from. */
  readonly learningRate: number
  /** How often the scheduler will be asked. */
  readonly totalSteps: number
}

/** What there is to know of a scheduler. Docs, the command line and tests walk these. */
export interface SchedulerEntry {
  /** The class. */
  readonly type: string
  readonly summary: string
  /** With η₀ for `learningRate`, T for `totalSteps` and t for the step, counted from 0. */
  readonly formula: string
  /** Its options, each in backticks, and what they are by default. Those without a value have to be given. */
  readonly defaults: string
  /** What `make` chooses beside `learningRate` and `totalSteps`. */
  readonly byName?: string
  readonly source: string
  readonly cautions: readonly string[]
  /** What it reads of an observation; empty where the rate depends on the step alone. */
  readonly reads: readonly (keyof Observation)[]
  /** One with defaults that suit the run. */
  make(run: SchedulerRun): Scheduler
}

// The marks let a bundler leave the table out, and with it all classes that a program does not name itself.
export const SCHEDULERS: Readonly<Record<SchedulerName, SchedulerEntry>> = /* @__PURE__ */ Object.assign(
  {},
  OBSERVING,
  FIXED,
)

export const SCHEDULER_NAMES: readonly SchedulerName[] = /* @__PURE__ */ Object.keys(SCHEDULERS) as SchedulerName[]

/**
 * A scheduler by name, with defaults that suit the run, or the very one that is given.
 * @throws NonnegError ERR_NONNEG_OPTION where it is neither a scheduler nor the name of one
 */
export function schedulerFrom(given: SchedulerName | Scheduler, run: SchedulerRun): Scheduler {
  if (typeof given === 'string') {
    const entry = SCHEDULERS[oneOf('scheduler', given, SCHEDULER_NAMES)]
    checkObject('run', run, '{ learningRate, totalSteps }')
    return entry.make(run)
  }
  if (isScheduler(given)) return given
  throw refuse('scheduler', given, `a scheduler or one of ${SCHEDULER_NAMES.join(', ')}`)
}
