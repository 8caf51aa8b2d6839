/// <reference lib="esnext.disposable" preserve="true" />
import { NonnegError } from '../core/errors.js'
import type { DenseView, MatrixView } from '../core/matrix.js'
import type { SettingProblem } from '../core/setting-problems.js'
import type { Dims, KernelSpec } from '../kernels/spec.js'
import type { Memory } from './memory.js'
import type { OptimizerSpec, Vectors } from './vectors.js'
import type { WebgpuOptions } from './webgpu/options.js'

/** Every backend there is, fastest first. */
export const BACKEND_IDS = ['cuda', 'webgpu', 'native', 'wasm', 'reference'] as const

export type BackendId = (typeof BACKEND_IDS)[number]

/** What a backend found when it looked; facts for people and for `doctor`, such as the instruction set or the driver. */
export type Info = Readonly<Record<string, string | number | boolean | readonly string[]>>

export type Probe = (
  | { readonly available: true; readonly emulated: boolean; readonly info: Info }
  | {
      readonly available: false
      /** What is missing, one sentence, and one sentence or command that mends it. */
      readonly reason: string
      readonly fix: string
      readonly info?: Info
    }
) & {
  /** Environment variables that keep it from opening, unless options go before them. Default: none. */
  readonly problems?: readonly SettingProblem[]
}

/** An answer about one instance (shape, dtype, rule), never about a name. */
export type Support = { readonly supported: true } | { readonly supported: false; readonly reason: string }

export interface OpenOptions {
  /** CPU threads, at least 1. Default: NONNEG_THREADS, else what the machine offers. GPUs ignore it. */
  readonly threads?: number
  /** WASM: relaxed SIMD where the engine has it, whose last bits depend on the machine. Default: plain SIMD. */
  readonly fast?: boolean
  /** WASM: whether threads beside the first start only once fits have kept that busy for a while. Default: no. */
  readonly startsLate?: boolean
  /** WebGPU alone. Default: a device of its own, without a limit. */
  readonly webgpu?: WebgpuOptions
}

/**
 * How a factor moves: multiplicative update, coordinate descent (HALS), a projected gradient step, or to the exact minimum
 * for the other factor as it is (block principal pivoting; Frobenius alone).
 * `product` makes no factorisation: a factor becomes X times the other, of whatever sign, as a randomised singular value
 * decomposition wants it: W ← X·Hᵀ, then Hᵀ ← Xᵀ·W. Frobenius without weights alone; the losses mean nothing.
 * `sgd` (projected stochastic gradient steps) and `svrmu` (multiplicative updates of H with reduced variance) are for batches
 * alone, of the Frobenius loss without weights.
 */
export type Rule = 'mu' | 'hals' | 'pg' | 'bpp' | 'product' | 'sgd' | 'svrmu'

/** What is added to the loss for one factor F: l1·Σ F + ½·l2·Σ F². Both at least 0, not scaled by any size. */
export interface Penalty {
  readonly l1: number
  readonly l2: number
}

/** The numerical choices of one fit. Loss is a β-divergence: 2 Frobenius, 1 Kullback–Leibler, 0 Itakura–Saito. */
export interface FitSpec {
  readonly rank: number
  readonly beta: number
  readonly rule: Rule
  readonly dtype: 'f32' | 'f64'
  /**
   * How the device stores X; default: as `dtype` says. `f16`: a dense X in half precision, while all arithmetic and the factors
   * stay f32. Entries are rounded to 11 significant bits, and those below 2⁻¹⁴ to multiples of 2⁻²⁴ or to zero, which β ≤ 0 does
   * not allow; losses are those of X as stored. `createFit` rejects with ERR_NONNEG_DTYPE where an entry is above 65504.
   */
  readonly storage?: 'f16'
  /** A factor that iterations leave alone: with H fixed each iteration updates W only, as `NMF.transform` needs. */
  readonly fixed?: 'H'
  /** Default: none. */
  readonly penaltyW?: Penalty
  /** Default: none. */
  readonly penaltyH?: Penalty
  /**
   * `pg` alone: the length of each step in units of 1/𝓛, where 𝓛 bounds the curvature (see `curvature` in
   * ts/kernels/pg_step.ts). Above 0; default 1, at which the Frobenius loss cannot rise.
   */
  readonly step?: number
  /**
   * `mu`, `hals` and `pg`: how often the rule is applied to a factor before the other moves, a whole number from 1; default
   * 1. The gram family forms the product with X once for all of them, so that further rounds are cheap. Violations are
   * those of the first round.
   */
  readonly rounds?: number
  /**
   * Each factor moves on along its last step when it has moved (ts/kernels/extrapolate.ts); the factors, and their loss, are
   * those after it. An iteration that raises the loss is undone and done again without that (see `Momentum` in
   * ts/backends/momentum.ts), as one and the same; the first ten take one round. Not with `product`. Default false.
   */
  readonly extrapolate?: boolean
  /** The fit will run batches. For `mu`, `sgd` and `svrmu` without extrapolation, H not fixed. Default false. */
  readonly batches?: boolean
  /** `sgd` alone, and there always. */
  readonly sgd?: SgdSpec
  /** `svrmu`: the share of each update of H that is taken, above 0 and at most 1. Default 1. */
  readonly ratio?: number
  /** No entry of the factor goes above this. Above 0; default ∞. Not with `product`. */
  readonly maxW?: number
  readonly maxH?: number
  /** The first so many components of the factor move, the others stay as they are; default: all. Not with `product`. */
  readonly movingW?: number
  readonly movingH?: number
  /**
   * Rows of W, and columns of H, that stay as they are, whatever the rule, the bounds and extrapolation would make of them:
   * ascending, none twice, all there. Products, Gram matrices and losses see them as ever; violations and the gradients that
   * `sgd` tells of leave them out, and so do A and B of batches. Default: none. Not with `product`.
   */
  readonly frozenW?: Uint32Array
  readonly frozenH?: Uint32Array
}

/** How the steps of `sgd` are bounded and disturbed. */
export interface SgdSpec {
  /**
   * θ: above 0, the rates of batches are u = η·𝓛/2, cut to [0, θ], and become lengths η of steps through bounds 𝓛 of the
   * curvature (see `Fit.runBatches`); 0: they are lengths of steps, as they come.
   */
  readonly safety: number
  /** Standard deviation of noise that is added to every entry of both gradients (ts/kernels/sgd_update.ts). Default 0. */
  readonly noise?: number
  /** A whole number from 0 to 2³² − 1. Default 0. */
  readonly seed?: number
  /** No entry moves further than this in one step, after the projection. Above 0; default ∞. */
  readonly limit?: number
}

/**
 * Weights of the entries' losses.
 * - dense: one weight per entry, ≥ 0; 0 is missing.
 * - entries: X is CSR, and only its listed entries count; one weight for each, in their order.
 * - holdout: the entries that the hash of `seed`, row and column picks (see ts/kernels/holdout.ts) are missing, about
 *   `fraction` of all; with `complement` these alone count. Never materialised.
 */
export type Weights =
  | ({ readonly kind: 'dense' } & Omit<DenseView, 'kind'>)
  | { readonly kind: 'entries'; readonly values: Float32Array | Float64Array }
  | { readonly kind: 'holdout'; readonly fraction: number; readonly seed: number; readonly complement?: boolean }

/**
 * The data of one fit. Nothing of the caller's is written to. `createFit` copies or uploads all of it, but for an X and dense
 * weights that are larger than a GPU's memory: these are read until the fit is disposed of.
 */
export interface Problem {
  readonly X: MatrixView
  /** ‖X‖² in the Frobenius norm, accumulated in float64. */
  readonly squaredNorm: number
  /** rows × rank */
  readonly W: DenseView
  /** rank × columns */
  readonly H: DenseView
  /** Default: every entry counts once. */
  readonly weights?: Weights
}

export interface RunControls {
  /** Looked at between row panels; the run then ends with `stopped: 'aborted'` and never rejects for it. */
  readonly signal?: AbortSignal
  /** A `performance.now()` time of this thread; no iteration starts after it. At least one iteration is done. */
  readonly deadline?: number
}

export interface SweepReport {
  /** Whole iterations done by this call. */
  readonly iterations: number
  /** The weighted β-divergence of X from W·H after each of them, without penalties; ½‖X − WH‖² for β = 2. */
  readonly losses: Float64Array
  /**
   * `hals`, `pg` and `bpp`: for each of them, Σ |projected gradient| over the entries of both factors, each taken as the entry
   * was about to move (scikit-learn's `violation` of its coordinate descent). Empty for the others.
   */
  readonly violations: Float64Array
  /** Seconds from the start of this call to the end of each of them. */
  readonly seconds: Float64Array
  readonly stopped: 'done' | 'aborted' | 'deadline'
  /** `sgd`: what each batch has done. */
  readonly steps?: BatchSteps
}

/** One entry for each batch. */
export interface BatchSteps {
  /** The lengths of the steps that were taken, after all bounds. */
  readonly rateW: Float64Array
  readonly rateH: Float64Array
  /** Σ g² over the entries of H, of the gradient that its step was taken with. */
  readonly squaredGradient: Float64Array
  /** Σ g·g′ with that of the batch before; 0 for the first of all. */
  readonly alignment: Float64Array
}

/** Some rows of X, and what a fit by batches does with them. */
export interface Batch {
  /** Rows first … first + count − 1 of X and of W. */
  readonly first: number
  readonly count: number
  /** `mu`: the share of what former batches have left in H's numerators and denominators that stays: 0 to 1. Default 1. */
  readonly keep?: number
  /** `sgd`: the rates of both factors, ≥ 0; see `SgdSpec.safety`. Default 0. */
  readonly rateW?: number
  readonly rateH?: number
  /** `sgd`: which noise, a whole number from 0 to 2³¹ − 1, different for every batch. Default 0. */
  readonly draw?: number
  /**
   * `sgd` with safety: look at all of W again for its bounds. `svrmu`: take a new snapshot. The first batch of a fit always
   * does, and so does the first after `setFactors`.
   */
  readonly refresh?: boolean
}

/** Packed row-major arrays: W is rows × rank, H is rank × columns. */
export interface Factors {
  readonly W: Float32Array | Float64Array
  readonly H: Float32Array | Float64Array
  /** Where the fit extrapolates and has run: what the next iteration will need beside them. */
  readonly momentum?: MomentumState
  /** Where batches have run: the numerators and denominators of H that they have left, rank × columns like H. */
  readonly accumulated?: { readonly A: Float32Array | Float64Array; readonly B: Float32Array | Float64Array }
  /** Where batches of `sgd` have run: the last gradient of H, rank × columns. */
  readonly gradient?: Float32Array | Float64Array
}

/** The factors as the last updates left them, before they moved on, and the numbers of `Momentum`. */
export interface MomentumState {
  readonly W: Float32Array | Float64Array
  readonly H: Float32Array | Float64Array
  readonly numbers: readonly number[]
}

/** One factorisation whose X, W and H live on the device. Calls on one fit must not overlap. */
export interface Fit extends AsyncDisposable {
  /** What it takes, where its device turned out to have less room than `Device.memory` went by; else absent. */
  readonly memory?: Memory | undefined
  /** Up to `iterations` iterations (W first, then H) in one crossing. */
  run(iterations: number, controls?: RunControls): Promise<SweepReport>
  /**
   * Batches in order, each one iteration of the report: the rows of W that it names are updated (all rounds of `mu`), then H
   * by ts/kernels/online_update.ts from the products of these rows alone; penalties on H count in the share of the rows
   * that are in the batch. The loss of a batch is that of its rows between the two updates; violations are empty. Before the
   * first batch A is H and B is 1, unless `setFactors` brought others. For the rules `mu`, `sgd` and `svrmu`, without
   * extrapolation, H not fixed. Rejects with ERR_NONNEG_UNSUPPORTED where the backend or the spec has no batches, _SHAPE for
   * rows that are not there.
   *
   * `sgd`, with b of the m rows in the batch: its rows of W take `rounds` steps of ts/kernels/sgd_update.ts (scale 1), the loss
   * is taken, and Hᵀ takes one (scale m/b, its penalties whole, the gradient remembered). The noise of batch `draw` is that of
   * draws draw·(rounds + 1) + 0, 1, … (mod 2³²) for the rounds, in the rows of X, and + rounds for H, in its columns.
   * With safety θ, λ standing for ts/kernels/gram_bound.ts: W's step is 2·min(rateW, θ) / (λ(H·Hᵀ) + l2); H's is the lesser
   * of 2·min(rateH, θ) / (𝓛 + l2) and 2·θ / (m/b·λ(W_BᵀW_B) + l2), where W_B are the batch's rows after their steps and
   * 𝓛 = (1 − κ)·λ(WᵀW) + κ·m·max ‖w_i‖², κ = (m − b) / (b·(m − 1)), or 0 for m = 1, is of W as it was after the rows' steps of
   * the last batch with `refresh` (see docs/schedulers.md). Where such a sum is 0 the step is 0.
   *
   * `svrmu`: a batch with `refresh` first keeps W0 = W and H0 = H and forms Xᵀ·W0 and W0ᵀ·W0; then its rows of W take
   * `rounds` rounds of `mu`, the loss is taken, and H moves by ts/kernels/svrmu_update.ts.
   */
  runBatches(batches: readonly Batch[], controls?: RunControls): Promise<SweepReport>
  /**
   * The loss of the factors as they are, at the price of half an iteration or less; penalties are left out. With `beta` it
   * is that of another divergence over the same entries and weights: X stays on the device, and what the other loss needs
   * beside it (for some losses a copy of a sparse X in another order) is there for the time of the call alone. β ≤ 0 wants
   * every entry that counts above 0.
   *
   * Rejects with ERR_NONNEG_UNSUPPORTED where the device has no kernels for β, _MEMORY where they find no room.
   */
  evaluate(beta?: number): Promise<number>
  /** The only read-back. After an aborted run the factors are valid, the last iteration possibly half done. */
  factors(): Promise<Factors>
  /**
   * Puts other factors in the place of those there; arrays of either float type, copied. With the `momentum` and
   * `accumulated` that `factors` gave, the fit goes on as the one that gave them would have, bit for bit; without them
   * extrapolation and batches start anew.
   * Rejects with ERR_NONNEG_SHAPE where lengths are wrong.
   */
  setFactors(factors: Factors): Promise<void>
}

/**
 * One kernel call on host memory, for conformance and benchmarks. `data` includes guard zones; the kernel sees
 * `data[offset .. offset + length)`. A runner moves the whole of `data` to its device and back, so that a write
 * outside the window is seen by the caller.
 */
export interface KernelBuffer {
  readonly data: Float32Array | Float64Array | Uint32Array
  readonly offset: number
  readonly length: number
}

export interface KernelCall {
  readonly dims: Dims
  /** Default 'f32'. With 'f64' the buffers that the spec calls f32 are Float64Array. */
  readonly dtype?: 'f32' | 'f64'
  readonly buffers: Readonly<Record<string, KernelBuffer>>
}

export interface Device extends AsyncDisposable {
  readonly backend: BackendId
  readonly emulated: boolean
  readonly info: Info
  /**
   * It may be lost with all that lives on it, as GPUs are: long fits read their factors back now and then, so that another
   * device can go on from them. Default false.
   */
  readonly losable?: boolean
  /** Settles when the device is lost for good, also where nobody uses it. Absent where that cannot be. */
  readonly lost?: Promise<void>
  /** Kernel windows must start at multiples of this many elements; 1 where any address will do. */
  readonly alignment: number
  supports(X: MatrixView, spec: FitSpec, weights?: Weights): Support
  /** What `createFit` will take, before anything is taken. */
  memory(X: MatrixView, spec: FitSpec, weights?: Weights): Memory
  /** Bytes that the device has for fits, all together; absent where nobody says. */
  readonly memoryLimit?: number
  createFit(problem: Problem, spec: FitSpec): Promise<Fit>
  /** Whether it has these kernels and room for their arrays of `length` entries. */
  supportsOptimizer(length: number, spec: OptimizerSpec): Support
  /** Rejects with ERR_NONNEG_UNSUPPORTED, _SHAPE (a length or groups that make no sense) or _MEMORY. */
  createOptimizer(length: number, spec: OptimizerSpec): Promise<Vectors>
  supportsKernel(spec: KernelSpec, dims: Dims, dtype?: 'f32' | 'f64'): Support
  runKernel(spec: KernelSpec, call: KernelCall): Promise<void>
}

export interface Backend {
  readonly id: BackendId
  /** Never throws, never takes long; cached by the engine. */
  probe(): Promise<Probe>
  /** A fresh device; rejects with ERR_NONNEG_BACKEND where the probe would have said no. */
  open(options?: OpenOptions): Promise<Device>
}

export const SUPPORTED: Support = { supported: true }

export function unsupported(reason: string): Support {
  return { supported: false, reason }
}

/** @throws NonnegError ERR_NONNEG_SHAPE where factors are not of the fit's sizes */
export function checkLengths(factors: Factors, rows: number, rank: number, columns: number): void {
  const { W, H, momentum, accumulated, gradient } = factors
  const left = momentum ? [W, momentum.W] : [W]
  const right = [H, ...(momentum ? [momentum.H] : []), ...(accumulated ? [accumulated.A, accumulated.B] : [])]
  if (gradient) right.push(gradient)
  if (left.every(w => w.length === rows * rank) && right.every(h => h.length === rank * columns)) return
  const message = `factors of ${W.length} and ${H.length} entries, not ${rows} × ${rank} and ${rank} × ${columns}`
  throw new NonnegError('ERR_NONNEG_SHAPE', message, { detail: { rows, rank, columns } })
}

/**
 * What every backend asks of batches before it runs them.
 * @throws NonnegError ERR_NONNEG_UNSUPPORTED, _SHAPE
 */
export function checkBatches(batches: readonly Batch[], rows: number, { rule, extrapolate, fixed }: FitSpec): void {
  if (!(rule === 'mu' || isForBatchesAlone(rule)) || extrapolate || fixed) {
    const message = 'batches are for the rules mu, sgd and svrmu, without extrapolation, H not fixed'
    throw new NonnegError('ERR_NONNEG_UNSUPPORTED', message)
  }
  for (const { first, count, keep = 1, rateW = 0, rateH = 0, draw = 0 } of batches) {
    const isInside =
      Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 1 && first + count <= rows
    const isStep = rateW >= 0 && rateH >= 0 && Number.isInteger(draw) && draw >= 0 && draw < 2 ** 31
    if (isInside && keep >= 0 && keep <= 1 && isStep) continue
    const message = `a batch of ${count} rows from row ${first}, keeping ${keep}: X has ${rows} rows`
    throw new NonnegError('ERR_NONNEG_SHAPE', message, { detail: { first, count, keep, rateW, rateH, draw } })
  }
}

/** Rules that have no iterations over all of X. */
export function isForBatchesAlone(rule: Rule): rule is 'sgd' | 'svrmu' {
  return rule === 'sgd' || rule === 'svrmu'
}

/**
 * What `run` asks of a spec.
 * @throws NonnegError ERR_NONNEG_UNSUPPORTED
 */
export function checkIterations({ rule }: FitSpec): void {
  if (!isForBatchesAlone(rule)) return
  throw new NonnegError('ERR_NONNEG_UNSUPPORTED', `the rule ${rule} is for batches alone`)
}

/** Whether iterations of the rule report violations. */
export function hasViolations(rule: Rule): boolean {
  return rule !== 'mu' && rule !== 'product' && !isForBatchesAlone(rule)
}

/** Why a backend that stores X as its factors refuses a fit. */
export function storageRefusal({ storage }: FitSpec): string | undefined {
  return storage === undefined ? undefined : `there is no storage: '${storage}' on this backend`
}

/** Rules of the Frobenius loss alone, most of them of the gram family alone. */
export function gramRuleRefusal({ beta, rule }: FitSpec, weights: Weights | undefined): string | undefined {
  if (rule === 'bpp') return beta === 2 ? undefined : 'the rule bpp is for the Frobenius loss'
  if (rule !== 'product' && !isForBatchesAlone(rule)) return undefined
  if (beta === 2 && !weights) return undefined
  return `the rule ${rule} is for the Frobenius loss without mask and weights`
}
