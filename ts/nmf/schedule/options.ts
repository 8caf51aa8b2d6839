import { checkNames, finite, flag, oneOf, optionalFunction, refuse, whole } from '../../core/checks.js'
import { SCHEDULER_NAMES, type SchedulerName } from '../../schedulers/registry.js'
import type { FactorizeOptions, ResolvedOptions } from '../options.js'
import { resolveOptions } from '../resolve-options.js'
import type { SolverName } from '../solvers.js'
import { rateGrid } from './protocol.js'

/** Beside these: options of `factorize`, which every run takes as they are. */
export interface CompareOptions
  extends Pick<FactorizeOptions, 'rank' | 'batchRows' | 'seed' | 'backend' | 'threads' | 'timeBudgetMs' | 'signal'> {
  /** Which schedulers. Default: `DEFAULT_SCHEDULERS`. */
  readonly schedulers?: readonly string[]
  /** Passes over X of each full run. Default 20. */
  readonly epochs?: number
  /** Rates that each scheduler is tried with, for half of the epochs each. Default 5. */
  readonly tuningRuns?: number
  /** Full runs of each scheduler, from the seeds after `seed`. Default 3. */
  readonly repeats?: number
  /** Standard deviation of noise on every entry of the gradients. Default 0. */
  readonly noise?: number
  /** Rates are shares of the bounds on the curvature and kept below them. Default true. */
  readonly safe?: boolean
  /** After each epoch of any run: epochs done, of how many. */
  readonly onEpoch?: (done: number, total: number) => void
}

/** Options with every default filled in and every value checked. */
export interface ResolvedCompareOptions extends Omit<CompareOptions, 'schedulers'> {
  readonly schedulers: readonly SchedulerName[]
  /** Solvers without a rate that run beside them. */
  readonly references: readonly SolverName[]
  readonly epochs: number
  readonly tuningEpochs: number
  /** As multiples of the bound on the rate. */
  readonly rates: readonly number[]
  readonly repeats: number
  readonly noise: number
  readonly safe: boolean
  readonly seed: number
  /** Of a run by stochastic gradients. */
  readonly fit: ResolvedOptions
}

/** One of each kind: none, two falls, a rise and fall, and three that look at what happens. */
export const DEFAULT_SCHEDULERS: readonly SchedulerName[] = [
  'constant',
  'cosine',
  'step',
  'one-cycle',
  'reduce-on-plateau',
  'greedy',
  'hypergradient',
]

/** From a rate that is surely too small to one just below the bound; those of ts/schedulers/learned are trained between them too. */
const LEAST_RATE = 0.02
const MOST_RATE = 0.95
/** Where nothing bounds the steps: as far above the bound as shows what it is good for. */
const MOST_UNBOUNDED = 3

const KNOWN: Readonly<Record<keyof CompareOptions, true>> = {
  rank: true,
  schedulers: true,
  epochs: true,
  tuningRuns: true,
  repeats: true,
  batchRows: true,
  noise: true,
  safe: true,
  seed: true,
  backend: true,
  threads: true,
  timeBudgetMs: true,
  signal: true,
  onEpoch: true,
}

function schedulersOf(given: unknown): readonly SchedulerName[] {
  if (!Array.isArray(given) || given.length === 0) throw refuse('schedulers', given, 'a list of schedulers')
  return [...new Set(given.map((name, at) => oneOf(`schedulers[${at}]`, name, SCHEDULER_NAMES)))]
}

/**
 * Checks what is not checked by the runs themselves.
 * @throws NonnegError ERR_NONNEG_OPTION
 */
export function resolveCompareOptions(options: CompareOptions): ResolvedCompareOptions {
  checkNames(options, Object.keys(KNOWN), 'option')
  const { schedulers = DEFAULT_SCHEDULERS, noise = 0, safe = true, onEpoch } = options
  optionalFunction('onEpoch', onEpoch)
  const epochs = whole('epochs', options.epochs ?? 20, 1, 1e6)
  const { rank, batchRows, backend, threads, signal, timeBudgetMs } = options
  // each run has a rate of its own, and without bounds a fit wants to be told one
  const learningRate = safe ? undefined : 1
  const each = { rank, batchRows, noise, safe, learningRate, backend, threads, signal, timeBudgetMs }
  return {
    ...options,
    fit: resolveOptions({ ...each, solver: 'sgd', init: 'random', tolerance: 0 }),
    schedulers: schedulersOf(schedulers),
    references: ['mu', 'online'],
    epochs,
    tuningEpochs: Math.ceil(epochs / 2),
    rates: rateGrid(
      whole('tuningRuns', options.tuningRuns ?? 5, 1, 1000),
      LEAST_RATE,
      safe ? MOST_RATE : MOST_UNBOUNDED,
    ),
    repeats: whole('repeats', options.repeats ?? 3, 1, 10_000),
    noise: finite('noise', noise),
    safe: flag('safe', safe),
    seed: whole('seed', options.seed ?? 0, 0, 2 ** 31),
  }
}
