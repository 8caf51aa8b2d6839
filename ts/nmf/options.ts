import type { BackendId } from '../backends/backend.js'
import { BACKEND_IDS } from '../backends/registry.js'
import { NonnegError } from '../core/errors.js'
import type { MatrixInput } from '../core/input.js'
import { entryCount, type MatrixView } from '../core/matrix.js'

/** One line of a fit's history: the state after an iteration. */
export interface HistoryEntry {
  /** Counted from 1. */
  readonly iteration: number
  /** ½‖X − WH‖² after it. */
  readonly loss: number
  /** Seconds from the start of the first iteration. */
  readonly seconds: number
}

export interface FactorizeOptions {
  /** Number of components, at least 1. */
  readonly rank: number
  /** The β-divergence to minimise, by name or as a number β. This version minimises `'frobenius'` (β = 2). */
  readonly loss?: 'frobenius' | 2
  /** `'auto'` picks; `'mu'` is the multiplicative update. */
  readonly solver?: 'auto' | 'mu'
  /** Start: seeded random factors scaled to X's mean, or factors of your own (copied, never written to). */
  readonly init?: 'random' | { readonly W: MatrixInput; readonly H: MatrixInput }
  /** At most so many iterations. Default 200. */
  readonly maxIterations?: number
  /**
   * Stops when ten iterations lower ‖X − WH‖ by less than this share of what it was at the start, as scikit-learn's
   * multiplicative solver does. Default 1e-4; 0 never stops early.
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
  /** Precision of the factors. `'f64'` runs on the reference backend alone in this version. Default `'f32'`. */
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
export interface ResolvedOptions extends FactorizeOptions {
  readonly init: 'random' | { readonly W: MatrixInput; readonly H: MatrixInput }
  readonly maxIterations: number
  readonly tolerance: number
  readonly seed: number
  readonly backend: BackendId | 'auto'
  readonly fallback: boolean
  readonly dtype: 'f32' | 'f64'
  readonly onAbort: 'throw' | 'return'
}

const KNOWN: Readonly<Record<keyof FactorizeOptions, true>> = {
  rank: true,
  loss: true,
  solver: true,
  init: true,
  maxIterations: true,
  tolerance: true,
  timeBudgetMs: true,
  seed: true,
  backend: true,
  fallback: true,
  threads: true,
  dtype: true,
  onProgress: true,
  signal: true,
  onAbort: true,
}

function refuse(name: string, value: unknown, wanted: string): NonnegError {
  const code = name === 'rank' ? 'ERR_NONNEG_RANK' : 'ERR_NONNEG_OPTION'
  return new NonnegError(code, `${name} is ${describe(value)}, not ${wanted}`, { detail: { option: name, value } })
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : String(value)
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

function oneOf<T extends string>(name: string, value: unknown, choices: readonly T[]): T {
  if (choices.includes(value as T)) return value as T
  throw refuse(name, value, `one of ${choices.join(', ')}`)
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

/**
 * Checks every option before any work starts.
 * @throws NonnegError ERR_NONNEG_RANK, ERR_NONNEG_OPTION, ERR_NONNEG_UNSUPPORTED
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
  if (options.loss !== undefined && options.loss !== 'frobenius' && options.loss !== 2) {
    throw new NonnegError('ERR_NONNEG_UNSUPPORTED', `loss ${describe(options.loss)} is not in this version`, {
      detail: { option: 'loss', value: options.loss },
      fix: "use loss: 'frobenius'",
    })
  }
  if (options.solver !== undefined) oneOf('solver', options.solver, ['auto', 'mu'])
  const { init = 'random' } = options
  if (typeof init === 'string') oneOf('init', init, ['random'])
  else if (typeof init !== 'object' || init === null || !('W' in init) || !('H' in init)) {
    throw refuse('init', init, "'random' or an object with W and H")
  }
  if (options.timeBudgetMs !== undefined) finite('timeBudgetMs', options.timeBudgetMs)
  if (options.threads !== undefined) whole('threads', options.threads, 1, 1024)
  if (options.fallback !== undefined && typeof options.fallback !== 'boolean') {
    throw refuse('fallback', options.fallback, 'true or false')
  }
  optionalFunction('onProgress', options.onProgress)
  checkSignal(options.signal)
  return {
    ...options,
    rank: whole('rank', options.rank, 1, 65536),
    init,
    maxIterations: whole('maxIterations', options.maxIterations ?? 200, 1),
    tolerance: finite('tolerance', options.tolerance ?? 1e-4),
    seed: whole('seed', options.seed ?? 0, 0),
    backend: oneOf('backend', options.backend ?? 'auto', ['auto', ...BACKEND_IDS]),
    fallback: options.fallback ?? false,
    dtype: oneOf('dtype', options.dtype ?? 'f32', ['f32', 'f64']),
    onAbort: oneOf('onAbort', options.onAbort ?? 'throw', ['throw', 'return']),
  }
}

/** Refuses what no factorisation can be made of. @throws NonnegError ERR_NONNEG_SHAPE */
export function checkNotEmpty(X: MatrixView): void {
  if (X.rows > 0 && X.columns > 0) return
  const detail = { rows: X.rows, columns: X.columns, entries: entryCount(X) }
  throw new NonnegError('ERR_NONNEG_SHAPE', `X is empty: ${X.rows} × ${X.columns}`, { detail })
}
