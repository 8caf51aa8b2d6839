import type { Method } from './method.js'
import type { OptimizerOptions } from './options.js'

/** What a method is made from. */
export interface Setup {
  /** The number of parameters. */
  readonly length: number
  /** Lengths of the groups. */
  readonly groups: readonly number[]
  /** The options of the call over the defaults of the kind. Names are checked, values are the method's to check. */
  readonly options: OptimizerOptions
  /** The same for each group, with the settings of its own. */
  readonly each: readonly OptimizerOptions[]
}

/** One line of the table of optimizers. */
export interface Kind {
  /** A few words for tables. */
  readonly summary: string
  /** One line for each assignment, in order; g is the gradient that the step was given, t = 1, 2, … counts steps. */
  readonly formula: readonly string[]
  readonly source: string
  /** The options that it takes beside those of every kind, with their defaults; undefined for those that have none. */
  readonly options: Partial<OptimizerOptions>
  /** @throws NonnegError ERR_NONNEG_OPTION for values that make no sense */
  make(setup: Setup): Method
}
