import type { BackendId } from '../backends/backend.js'
import type { WebgpuOptions } from '../backends/webgpu/options.js'
import type { MatrixInput } from '../core/input.js'
import type { BatchOptions } from './batch-options.js'
import type { Checkpoint } from './checkpoint.js'
import type { FrozenInput, ResolvedFrozen } from './frozen.js'
import type { LossName } from './loss.js'
import type { StepRates } from './rates.js'
import type { Choice, SolverName } from './solvers.js'
import type { StopOptions } from './stopping.js'

/** One line of a fit's history: the state after an iteration. */
export interface HistoryEntry {
  /** Counted from 1. */
  readonly iteration: number
  /** The loss after it, as `Factorization.loss` has it. */
  readonly loss: number
  /**
   * Solvers without batches but `'mu'`: Σ |projected gradient| over the entries of both factors, each taken as the entry was about to
   * move, penalties included. It goes to 0 at a stationary point (scikit-learn's `violation`).
   */
  readonly violation?: number
  /** `'sgd'`: the rate of H at the last step, in the units of the option of that name; under `safe` after it was cut to 0.95. */
  readonly learningRate?: number
  /** The same for both factors. */
  readonly learningRates?: StepRates
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

export interface FactorizeOptions extends BatchOptions {
  /** Number of components, at least 1. */
  readonly rank: number
  /**
   * The β-divergence to minimise, by name or as a number β: `'frobenius'` (2, the default), `'kullback-leibler'` (1),
   * `'itakura-saito'` (0). β ≤ 0 needs every observed entry of X above 0.
   */
  readonly loss?: LossName | number
  /**
   * How the factors move. `'mu'`: multiplicative updates, which never raise the loss. `'hals'`: coordinate descent, exact for
   * `'frobenius'`, Newton steps elsewhere, shortened so that they never raise it either. `'ahals'`: some rounds of that for
   * each product with X, and extrapolation, undone where it raised the loss. `'bpp'`: each factor to
   * its exact minimum in turn (`'frobenius'`). `'online'`: multiplicative updates batch after batch. `'smu'`,
   * `'svrmu'`, `'sgd'`: stochastic updates batch after batch, multiplicative, with reduced variance, and along gradients, the
   * last two for `'frobenius'` without mask and weights. `'scd'`: as `'ahals'` for `'kullback-leibler'`.
   * `'pg'`: projected gradient steps. Sources: ts/nmf/solvers.ts. `'auto'`, the default, is `'ahals'` for Frobenius without
   * mask and weights, where the backend has it (the GPUs do not yet), else `'mu'`.
   */
  readonly solver?: 'auto' | SolverName
  /** `'pg'`: the length of a step in units of 1/𝓛, 𝓛 a bound of the curvature. Default 1; below 2 Frobenius cannot rise. */
  readonly step?: number
  /**
   * Start. `'random'`: seeded factors scaled to X's mean. `'nndsvd'`: the singular vectors' positive parts
   * (Boutsidis & Gallopoulos, Pattern Recognition 2008), whose zeros stay zero under multiplicative updates; `'nndsvda'`
   * fills them with X's mean, `'nndsvdar'` with random numbers up to about a hundredth of it. Or factors of your own
   * (copied, never written to); where one is left out it is drawn at random. `'auto'`, the default, is `'nndsvda'` where
   * `solver: 'auto'` is `'ahals'` and the rank is not above both sizes of X, from singular vectors that need not be exact; else
   * `'random'`.
   */
  readonly init?: InitName | OwnStart
  /**
   * Random starts: so many, of this seed and the ones after it, are tried for `startIterations` each, and the one
   * with the least loss goes on. Default 1.
   */
  readonly starts?: number
  /** Iterations of each start where there are several. They count neither as iterations nor in the history. Default 20. */
  readonly startIterations?: number
  /**
   * Penalty on W, scaled as in scikit-learn: alphaW · columns · (l1Ratio · Σ W + ½ (1 − l1Ratio) · Σ W²) is added to what
   * is minimised. Default 0.
   */
  readonly alphaW?: number
  /** The same for H with the rows of X in place of its columns. Default `'same'`: that of W. */
  readonly alphaH?: number | 'same'
  /** From 0 (penalties on squares alone) to 1 (on sums alone). Default 0. */
  readonly l1Ratio?: number
  /** No entry of W goes above this number. Default: no bound. */
  readonly maxW?: number
  /** The same for H. */
  readonly maxH?: number
  /**
   * What stays as `init` has it, whatever the solver and the bounds. A list: components (from 0) whose rows of H stay, such as
   * known spectra or topics, while their columns of W are fitted like the others. Or `{ components, rows, columns }`: also rows
   * of X whose rows of W stay, and columns of X whose columns of H do, such as samples and features of an earlier fit. Rows
   * want `init.W`, the others `init.H`. Repeated numbers are harmless; a fit of which nothing would move is refused. CUDA has
   * none of these.
   */
  readonly frozen?: FrozenInput
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
   * as scikit-learn's multiplicative solver does. Default 1e-4; 0 never stops for it.
   */
  readonly tolerance?: number
  /** So many looks, ten iterations apart, must find too little gain, one after the other, before `tolerance` stops. Default 1. */
  readonly patience?: number
  /**
   * Stops when the projected gradient (`violation` of the history: the KKT residual) is at most this share of what the first
   * iteration saw, as scikit-learn's coordinate descent does with its `tol`. For solvers that have it, which `'mu'` has
   * not. Default 0: never.
   */
  readonly violationTolerance?: number
  /** Stops as soon as the loss is at most this. Default: never. */
  readonly targetLoss?: number
  /** No iteration starts after so many milliseconds from the call; one iteration is always done. */
  readonly timeBudgetMs?: number
  /** Seed of the random start, a whole number ≥ 0. Default 0. */
  readonly seed?: number
  /** A backend by name, which is then the only one tried, or `'auto'` (NONNEG_BACKEND, else the fastest by estimate). */
  readonly backend?: BackendId | 'auto'
  /** May a backend asked for by name hand over to another when it fails? Default false; `'auto'` always may. */
  readonly fallback?: boolean
  /**
   * The GPU that WebGPU works on, and how much of its memory fits may take. With a `device`, `backend: 'auto'` tries WebGPU
   * there first, also where it is emulated, and then what it would have tried without.
   */
  readonly webgpu?: WebgpuOptions
  /** CPU threads, from 1. Default: NONNEG_THREADS, else all. The results do not depend on it. */
  readonly threads?: number
  /** WASM: relaxed SIMD where the engine has it, whose last bits depend on the machine. Default false. */
  readonly fast?: boolean
  /** Precision of the factors and of all work on them. `'f64'` runs on the CPU backends alone. Default `'f32'`. */
  readonly dtype?: 'f32' | 'f64'
  /**
   * How the device stores a dense X: `'f16'` keeps it in half precision, at half the memory and half the traffic, while all
   * arithmetic and the factors stay f32. It loses digits: entries are rounded to 11 significant bits, those below 2⁻¹⁴ of the
   * largest may count as zero, and the loss is that of X as stored. A demand, met by `webgpu` alone, on GPUs with `shader-f16`;
   * the loss must have β > 0. Default: as `dtype` says.
   */
  readonly storage?: 'f16'
  /** Called after every iteration, in order; several at once when iterations are short; after a hand-over the
   * iterations that were lost come again. What it throws ends the fit. */
  readonly onProgress?: (entry: HistoryEntry) => void
  /** Called with the state of the fit every `checkpointEvery` iterations; the fit waits for the promise it may return. */
  readonly onCheckpoint?: (checkpoint: Checkpoint) => void | Promise<void>
  /** Default 100. */
  readonly checkpointEvery?: number
  /**
   * Goes on from a checkpoint of the same X and options, bit for bit as the fit that made it would have on the same backend
   * and build; `maxIterations` counts from the very start. `init` then plays no part, nor does
   * `seed` but for batches that are drawn; schedulers that are named go by `maxIterations`, objects as the checkpoint has them.
   */
  readonly resume?: Checkpoint
  readonly signal?: AbortSignal
  /** What an abort does: reject with ERR_NONNEG_ABORTED (default), or return the factors as they are; before there are
   * any, an abort always rejects. */
  readonly onAbort?: 'throw' | 'return'
}

/** Where the iterations start, by name. */
export type InitName = 'auto' | 'random' | 'nndsvd' | 'nndsvda' | 'nndsvdar'

/** W is rows × rank, H is rank × columns. */
export interface OwnStart {
  readonly W?: MatrixInput
  readonly H?: MatrixInput
}

/** Options with every default filled in and every value checked. */
export interface ResolvedOptions extends Choice, StopOptions {
  readonly init: InitName | OwnStart
  readonly starts: number
  readonly startIterations: number
  /** What stays, held against the rank alone. */
  readonly frozenParts: ResolvedFrozen
  readonly mask: MaskInput | undefined
  readonly weights: MatrixInput | undefined
  readonly timeBudgetMs: number | undefined
  readonly backend: BackendId | 'auto'
  /** Whether a GPU device that was passed in alone names the backend. */
  readonly byDevice: boolean
  readonly fallback: boolean
  readonly webgpu: WebgpuOptions | undefined
  readonly threads: number | undefined
  readonly fast: boolean
  readonly onProgress: ((entry: HistoryEntry) => void) | undefined
  readonly onCheckpoint: ((checkpoint: Checkpoint) => void | Promise<void>) | undefined
  readonly checkpointEvery: number
  readonly resume: Checkpoint | undefined
  readonly signal: AbortSignal | undefined
  readonly onAbort: 'throw' | 'return'
}
