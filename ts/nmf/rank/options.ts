import { between, checkNames, oneOf, optionalFunction, refuse, whole } from '../../core/checks.js'
import { NonnegError } from '../../core/errors.js'
import type { FactorizeOptions, HoldoutMask, MaskInput, ResolvedOptions } from '../options.js'
import { isHoldout, resolveOptions } from '../resolve-options.js'

/** What evidence the rank is chosen by. */
export type RankMethod = 'cross-validation' | 'consensus'

/** How the rank is chosen from the evidence: the first two from mean errors, the others from agreement. */
export type RankRule = 'one-standard-error' | 'minimum' | 'dispersion' | 'cophenetic'

/** Options of `factorize` that every fit on the way takes as they are. */
type FitOption =
  | 'loss'
  | 'solver'
  | 'step'
  | 'starts'
  | 'startIterations'
  | 'alphaW'
  | 'alphaH'
  | 'l1Ratio'
  | 'maxW'
  | 'maxH'
  | 'weights'
  | 'maxIterations'
  | 'tolerance'
  | 'patience'
  | 'violationTolerance'
  | 'seed'
  | 'backend'
  | 'fallback'
  | 'webgpu'
  | 'threads'
  | 'fast'
  | 'dtype'
  | 'storage'
  | 'signal'

/** After each fit, in the order in which they end. */
export interface RankProgress {
  readonly rank: number
  /** Counted from 1. */
  readonly replicate: number
  /** Fits that have ended, of how many. */
  readonly done: number
  readonly total: number
  /** The mean loss of a held-out entry (cross-validation) or of an entry of X (consensus) under this fit. */
  readonly value: number
}

/** Beside these: the options of `factorize` for the fits, which all start at random. */
export interface ChooseRankOptions extends Pick<FactorizeOptions, FitOption> {
  /** The ranks to choose from, each at least 1, in any order. By consensus at least 2: one component agrees with itself. */
  readonly ranks: readonly number[]
  /**
   * `'cross-validation'`, the default: how well fits of each rank foretell entries that they have not seen. `'consensus'`:
   * how well fits of each rank from different starts agree on which samples (rows) belong together.
   */
  readonly method?: RankMethod
  /**
   * Fits of each rank. Cross-validation, default 3, at least 2: each holds out other entries, the same at every rank.
   * Consensus, default 20, at least 2: each starts elsewhere, from `seed` and the whole numbers after it.
   */
  readonly replicates?: number
  /** Cross-validation: the share of the entries that each replicate holds out, above 0 and below 1. Default 0.1. */
  readonly holdout?: number
  /**
   * Cross-validation: `'one-standard-error'`, the default, takes the smallest rank whose mean error is at most one standard
   * error above the least; `'minimum'` that of the least. Consensus: `'dispersion'`, the default, and `'cophenetic'` take the
   * largest rank at which that measure of agreement is greatest.
   */
  readonly rule?: RankRule
  /** Consensus: of more rows than this, so many are drawn by the seed and compared; all are fitted. Default 4096. */
  readonly sampleRows?: number
  /** As for `factorize`, but for the hash, which is the method's own. */
  readonly mask?: Exclude<MaskInput, HoldoutMask>
  /**
   * Fits that run side by side, at most. Default: on the native backend as many as there are `threads`, each on one, as far
   * as memory allows; elsewhere one after the other. The results do not depend on it.
   */
  readonly concurrency?: number
  /** What it throws ends the work. */
  readonly onProgress?: (step: RankProgress) => void
}

/** Options with every default filled in and every value checked. */
export interface ResolvedRankOptions {
  /** Ascending, each once. */
  readonly ranks: readonly number[]
  readonly method: RankMethod
  readonly replicates: number
  readonly holdout: number
  readonly rule: RankRule
  readonly sampleRows: number
  readonly concurrency: number | undefined
  readonly onProgress: ((step: RankProgress) => void) | undefined
  /** Of each fit, with the largest of the ranks. */
  readonly fit: ResolvedOptions
}

/** Whether an option goes to each fit. */
const KNOWN: Readonly<Record<keyof ChooseRankOptions, boolean>> = {
  ranks: false,
  method: false,
  replicates: false,
  holdout: false,
  rule: false,
  sampleRows: false,
  mask: false,
  concurrency: false,
  onProgress: false,
  loss: true,
  solver: true,
  step: true,
  starts: true,
  startIterations: true,
  alphaW: true,
  alphaH: true,
  l1Ratio: true,
  maxW: true,
  maxH: true,
  weights: true,
  maxIterations: true,
  tolerance: true,
  patience: true,
  violationTolerance: true,
  seed: true,
  backend: true,
  fallback: true,
  webgpu: true,
  threads: true,
  fast: true,
  dtype: true,
  storage: true,
  signal: true,
}

/** Options that one of the methods alone has any use for. */
const METHOD_OF = { holdout: 'cross-validation', sampleRows: 'consensus' } as const

const DEFAULT_REPLICATES = { 'cross-validation': 3, consensus: 20 } as const

/** The default first. */
const RULES: Readonly<Record<RankMethod, readonly RankRule[]>> = {
  'cross-validation': ['one-standard-error', 'minimum'],
  consensus: ['dispersion', 'cophenetic'],
}

function ranksOf(given: unknown, method: RankMethod): readonly number[] {
  if (!Array.isArray(given) || given.length === 0) throw refuse('ranks', given, 'a list of ranks')
  const least = method === 'consensus' ? 2 : 1
  const ranks = given.map((rank, at) => whole(`ranks[${at}]`, rank, least, 65536))
  return [...new Set(ranks)].sort((a, b) => a - b)
}

/**
 * Checks every option before any work starts.
 * @throws NonnegError ERR_NONNEG_OPTION
 */
export function resolveRankOptions(options: ChooseRankOptions): ResolvedRankOptions {
  if (typeof options !== 'object' || options === null) throw refuse('ranks', undefined, 'a list of ranks')
  checkNames(options, Object.keys(KNOWN), 'option')
  const method = oneOf('method', options.method ?? 'cross-validation', ['cross-validation', 'consensus'])
  for (const [name, itsMethod] of Object.entries(METHOD_OF) as [keyof typeof METHOD_OF, RankMethod][]) {
    if (options[name] === undefined || method === itsMethod) continue
    throw new NonnegError('ERR_NONNEG_OPTION', `${name} is for method: '${itsMethod}'`, {
      detail: { option: name },
      fix: `leave ${name} out`,
    })
  }
  const ranks = ranksOf(options.ranks, method)
  const { mask, sampleRows = 4096, concurrency, onProgress } = options
  optionalFunction('onProgress', onProgress)
  if (mask && isHoldout(mask)) throw refuse('mask', mask, 'a matrix; what is held out is the method’s own choice')
  const holdout = between('holdout', options.holdout ?? 0.1, 0, 1)
  return {
    ranks,
    method,
    replicates: whole('replicates', options.replicates ?? DEFAULT_REPLICATES[method], 2, 10_000),
    holdout,
    rule: oneOf('rule', options.rule ?? RULES[method][0], RULES[method]),
    sampleRows: whole('sampleRows', sampleRows, 2, 2 ** 15),
    concurrency: concurrency === undefined ? undefined : whole('concurrency', concurrency, 1, 1024),
    onProgress,
    fit: fitOptions(options, ranks[ranks.length - 1], method, holdout),
  }
}

function fitOptions(options: ChooseRankOptions, rank: number, method: RankMethod, holdout: number): ResolvedOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([name]) => KNOWN[name as keyof ChooseRankOptions]))
  const { mask } = options
  // whatever a fit refuses beside a mask must be refused where each will have one
  const masked = mask ?? (method === 'cross-validation' ? { holdout } : undefined)
  return { ...resolveOptions({ ...given, rank, mask: masked }), mask }
}
