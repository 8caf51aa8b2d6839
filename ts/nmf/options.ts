import type { BackendId, Rule } from '../backends/backend.js'
import { BACKEND_IDS } from '../backends/registry.js'
import { inWords, NonnegError } from '../core/errors.js'
import type { MatrixInput } from '../core/input.js'
import { entryCount, type MatrixView } from '../core/matrix.js'
import { type Choice, LOSSES, type LossName } from './loss.js'

/** One line of a fit's history: the state after an iteration. */
export interface HistoryEntry {
  /** Counted from 1. */
  readonly iteration: number
  /** The loss after it, as `Factorization.loss` has it. */
  readonly loss: number
  /**
   * `'hals'` and `'pg'`: Σ |projected gradient| over the entries of both factors, each taken as the entry was about to
   * move, penalties included. It goes to 0 at a stationary point (scikit-learn's `violation`).
   */
  readonly violation?: number
  /** Seconds from the start of the first iteration. */
  readonly seconds: number
}

/**
 * Entries picked by a hash of seed, row and column: no mask is stored, and every backend sees the same one. X must hold a
 * number there too: the start is scaled to all of it.
 */
export interface HoldoutMask {
  /** The share of all entries that is missing, above 0 and below 1; it is met on average. */
  readonly holdout: number
  /** A whole number from 0 to 2³² − 1. Default 0. */
  readonly seed?: number
  /** Turns the mask round: only what would be missing is observed. Default false. */
  readonly complement?: boolean
}

/** CSR whose listed entries are observed, whatever their values, if it has any. */
export interface PatternMask {
  readonly indptr: ArrayLike<number>
  readonly indices: ArrayLike<number>
  readonly rows: number
  readonly columns: number
}

/** Which entries of X are observed: a matrix like X with 1 for observed and 0 for missing, a CSR pattern, or a hash. */
export type MaskInput = MatrixInput | PatternMask | HoldoutMask

export interface FactorizeOptions {
  /** Number of components, at least 1. */
  readonly rank: number
  /**
   * The β-divergence to minimise, by name or as a number β: `'frobenius'` (2, the default), `'kullback-leibler'` (1),
   * `'itakura-saito'` (0). β ≤ 0 needs every observed entry of X above 0.
   */
  readonly loss?: LossName | number
  /**
   * How the factors move. `'mu'`: multiplicative updates (Lee & Seung; Févotte & Idier), which never raise the loss.
   * `'hals'`: coordinate descent, exact for `'frobenius'` (Cichocki & Phan), Newton steps elsewhere (Hsieh & Dhillon), below
   * β = 1 bounded so that they never raise it either.
   * `'pg'`: projected gradient steps. `'auto'`, the default, is `'hals'` for Frobenius without mask and weights, where the
   * backend has it (the GPUs do not yet), else `'mu'`.
   */
  readonly solver?: 'auto' | Rule
  /** `'pg'`: the length of a step in units of 1/𝓛, 𝓛 a bound of the curvature. Default 1; below 2 Frobenius cannot rise. */
  readonly step?: number
  /** Start: seeded random factors scaled to X's mean, or factors of your own (copied, never written to). */
  readonly init?: 'random' | { readonly W: MatrixInput; readonly H: MatrixInput }
  /**
   * Penalty on W, scaled as in scikit-learn: alphaW · columns · (l1Ratio · Σ W + ½ (1 − l1Ratio) · Σ W²) is added to what
   * is minimised. Default 0.
   */
  readonly alphaW?: number
  /** The same for H with the rows of X in place of its columns. Default `'same'`: that of W. */
  readonly alphaH?: number | 'same'
  /** From 0 (penalties on squares alone) to 1 (on sums alone). Default 0. */
  readonly l1Ratio?: number
  /**
   * Which entries of X are observed; the others, which may be NaN (not under a hash), play no part. Default: all. Where X is sparse, entries
   * that it does not list are observed zeros unless the mask says otherwise; `mask: X` observes the listed ones alone.
   */
  readonly mask?: MaskInput
  /**
   * Weights ≥ 0 of the entries' losses, kept in float32: dense like X, or CSR, whose unlisted entries weigh nothing.
   * Multiplied by the mask where both are given.
   */
  readonly weights?: MatrixInput
  /** At most so many iterations. Default 200. */
  readonly maxIterations?: number
  /**
   * Stops when ten iterations lower √(2·loss), for Frobenius ‖X − WH‖, by less than this share of what it was at the start,
   * as scikit-learn's multiplicative solver does. Default 1e-4; 0 never stops early.
   */
  readonly tolerance?: number
  /** No iteration starts after so many milliseconds from the call; one iteration is always done. */
  readonly timeBudgetMs?: number
  /** Seed of the random start, a whole number ≥ 0. Default 0. */
  readonly seed?: number
  /** A backend by name, which is then the only one tried, or `'auto'` (NONNEG_BACKEND, else the fastest by estimate). */
  readonly backend?: BackendId | 'auto'
  /** May a backend asked for by name hand over to another when it fails? Default false; `'auto'` always may. */
  readonly fallback?: boolean
  /** CPU threads, from 1. Default: NONNEG_THREADS, else all. The results do not depend on it. */
  readonly threads?: number
  /** WASM: relaxed SIMD where the engine has it, whose last bits depend on the machine. Default false. */
  readonly fast?: boolean
  /** Precision of the factors and of all work on them. `'f64'` runs on the CPU backends alone. Default `'f32'`. */
  readonly dtype?: 'f32' | 'f64'
  /** Called after every iteration, in order; several at once when iterations are short; after a hand-over the
   * iterations that were lost come again. What it throws ends the fit. */
  readonly onProgress?: (entry: HistoryEntry) => void
  readonly signal?: AbortSignal
  /** What an abort does: reject with ERR_NONNEG_ABORTED (default), or return the factors as they are; before there are
   * any, an abort always rejects. */
  readonly onAbort?: 'throw' | 'return'
}

/** Options with every default filled in and every value checked. */
export interface ResolvedOptions extends Choice {
  readonly init: 'random' | { readonly W: MatrixInput; readonly H: MatrixInput }
  readonly mask: MaskInput | undefined
  readonly weights: MatrixInput | undefined
  readonly maxIterations: number
  readonly tolerance: number
  readonly timeBudgetMs: number | undefined
  readonly seed: number
  readonly backend: BackendId | 'auto'
  readonly fallback: boolean
  readonly threads: number | undefined
  readonly fast: boolean
  readonly onProgress: ((entry: HistoryEntry) => void) | undefined
  readonly signal: AbortSignal | undefined
  readonly onAbort: 'throw' | 'return'
}

const KNOWN: Readonly<Record<keyof FactorizeOptions, true>> = {
  rank: true,
  loss: true,
  solver: true,
  step: true,
  init: true,
  alphaW: true,
  alphaH: true,
  l1Ratio: true,
  mask: true,
  weights: true,
  maxIterations: true,
  tolerance: true,
  timeBudgetMs: true,
  seed: true,
  backend: true,
  fallback: true,
  threads: true,
  fast: true,
  dtype: true,
  onProgress: true,
  signal: true,
  onAbort: true,
}

function refuse(name: string, value: unknown, wanted: string): NonnegError {
  const code = name === 'rank' ? 'ERR_NONNEG_RANK' : 'ERR_NONNEG_OPTION'
  return new NonnegError(code, `${name} is ${inWords(value)}, not ${wanted}`, { detail: { option: name, value } })
}

function whole(name: string, value: unknown, least: number, most: number = Number.MAX_SAFE_INTEGER): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most) return value as number
  const range = most === Number.MAX_SAFE_INTEGER ? `≥ ${least}` : `from ${least} to ${most}`
  throw refuse(name, value, `a whole number ${range}`)
}

function finite(name: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw refuse(name, value, 'a finite number ≥ 0')
}

/** A number above `least` and below `most`. */
function between(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === 'number' && value > least && value < most) return value
  const range = most === Number.POSITIVE_INFINITY ? `above ${least}` : `above ${least} and below ${most}`
  throw refuse(name, value, `a finite number ${range}`)
}

function oneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (choices.includes(value as T)) return value as T
  throw refuse(name, value, `one of ${choices.join(', ')}`)
}

function flag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw refuse(name, value, 'true or false')
}

function optionalFunction(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw refuse(name, value, 'a function')
}

function checkSignal(signal: unknown): void {
  if (signal === undefined) return
  const like = signal as AbortSignal
  if (typeof signal === 'object' && signal !== null && typeof like.addEventListener === 'function') return
  throw refuse('signal', signal, 'an AbortSignal')
}

function betaOf(loss: unknown): number {
  if (typeof loss === 'number' && Number.isFinite(loss)) return loss
  if (typeof loss === 'string' && Object.hasOwn(LOSSES, loss)) return LOSSES[loss as LossName]
  throw refuse('loss', loss, `one of ${Object.keys(LOSSES).join(', ')}, or a finite number β`)
}

function checkStart(init: unknown): void {
  if (typeof init === 'string') oneOf('init', init, ['random'])
  else if (typeof init !== 'object' || init === null || !('W' in init) || !('H' in init)) {
    throw refuse('init', init, "'random' or an object with W and H")
  }
}

/** What a mask that is a matrix holds is looked at together with X, and so are weights. */
function checkMask(mask: unknown): void {
  checkObject('mask', mask, 'a matrix or { holdout }')
  if (!isHoldout(mask as MaskInput)) return
  const { holdout, seed = 0, complement = false, ...rest } = mask as HoldoutMask
  between('mask.holdout', holdout, 0, 1)
  whole('mask.seed', seed, 0, 2 ** 32 - 1)
  flag('mask.complement', complement)
  for (const name of Object.keys(rest)) {
    throw new NonnegError('ERR_NONNEG_OPTION', `a hold-out mask has no "${name}"`, { detail: { option: 'mask', name } })
  }
}

function checkObject(name: string, value: unknown, wanted: string): void {
  if (typeof value !== 'object' || value === null) throw refuse(name, value, wanted)
}

export function isHoldout(mask: MaskInput): mask is HoldoutMask {
  return 'holdout' in mask
}

/**
 * Checks every option before any work starts.
 * @throws NonnegError ERR_NONNEG_RANK, ERR_NONNEG_OPTION
 */
export function resolveOptions(options: FactorizeOptions): ResolvedOptions {
  if (typeof options !== 'object' || options === null) throw refuse('rank', undefined, 'a whole number ≥ 1')
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(KNOWN, name)) continue
    throw new NonnegError('ERR_NONNEG_OPTION', `there is no option "${name}"`, {
      detail: { option: name },
      fix: `the options are ${Object.keys(KNOWN).join(', ')}`,
    })
  }
  const { init = 'random', mask, weights, step, timeBudgetMs, threads, onProgress, signal } = options
  const rank = whole('rank', options.rank, 1, 65536)
  const beta = betaOf(options.loss ?? 'frobenius')
  const solver = oneOf('solver', options.solver ?? 'auto', ['auto', 'mu', 'hals', 'pg'])
  if (step !== undefined) {
    between('step', step, 0, Number.POSITIVE_INFINITY)
    if (solver !== 'pg') {
      const message = `step is for solver: 'pg'; the solver is '${solver}'`
      throw new NonnegError('ERR_NONNEG_OPTION', message, { detail: { option: 'step', solver }, fix: 'leave step out' })
    }
  }
  checkStart(init)
  if (mask !== undefined) checkMask(mask)
  if (weights !== undefined) checkObject('weights', weights, 'a matrix')
  if (timeBudgetMs !== undefined) finite('timeBudgetMs', timeBudgetMs)
  if (threads !== undefined) whole('threads', threads, 1, 1024)
  optionalFunction('onProgress', onProgress)
  checkSignal(signal)
  const alphaW = finite('alphaW', options.alphaW ?? 0)
  const { alphaH = 'same', l1Ratio = 0 } = options
  if (finite('l1Ratio', l1Ratio) > 1) throw refuse('l1Ratio', l1Ratio, 'a number from 0 to 1')
  return {
    rank,
    beta,
    solver,
    step,
    init,
    alphaW,
    alphaH: alphaH === 'same' ? alphaW : finite('alphaH', alphaH),
    l1Ratio,
    mask,
    weights,
    maxIterations: whole('maxIterations', options.maxIterations ?? 200, 1),
    tolerance: finite('tolerance', options.tolerance ?? 1e-4),
    timeBudgetMs,
    seed: whole('seed', options.seed ?? 0, 0),
    backend: oneOf('backend', options.backend ?? 'auto', ['auto', ...BACKEND_IDS]),
    fallback: flag('fallback', options.fallback ?? false),
    threads,
    fast: flag('fast', options.fast ?? false),
    dtype: oneOf('dtype', options.dtype ?? 'f32', ['f32', 'f64']),
    onProgress,
    signal,
    onAbort: oneOf('onAbort', options.onAbort ?? 'throw', ['throw', 'return']),
  }
}

/** Refuses what no factorisation can be made of. @throws NonnegError ERR_NONNEG_SHAPE */
export function checkNotEmpty(X: MatrixView): void {
  if (X.rows > 0 && X.columns > 0) return
  const detail = { rows: X.rows, columns: X.columns, entries: entryCount(X) }
  throw new NonnegError('ERR_NONNEG_SHAPE', `X is empty: ${X.rows} × ${X.columns}`, { detail })
}
