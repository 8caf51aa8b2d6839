import type { BackendId } from '../backends/backend.js'
import type { WebgpuOptions } from '../backends/webgpu/options.js'
import type { Scheduler } from '../schedulers/scheduler.js'
import type { DogOptions } from './dog.js'
import type { LineSearchOptions } from './line-search.js'
import type { PolyakOptions } from './polyak.js'
import type { ProdigyOptions } from './prodigy.js'
import type { ScheduleFreeOptions } from './schedule-free.js'

/** The kinds of optimizers: see `KINDS` in ts/optimizers/kinds.ts. */
export type OptimizerKind =
  | 'sgd'
  | 'momentum'
  | 'nesterov'
  | 'adam'
  | 'rprop'
  | 'idbd'
  | 'sls'
  | 'sps'
  | 'schedule-free-sgd'
  | 'schedule-free-adamw'
  | 'prodigy'
  | 'dog'
  | 'ldog'
  | 'd-adapt-sgd'
  | 'd-adapt-adam'

/** Options that one or a few kinds have. */
export interface KindOptions
  extends LineSearchOptions,
    PolyakOptions,
    ScheduleFreeOptions,
    ProdigyOptions,
    DogOptions {}

/** How a hypergradient, −∂loss/∂rate = ⟨g, u⟩ with u the direction of the step before, moves the learning rate. */
export interface HypergradientOptions {
  /**
   * By how much. Additive: rate ← rate + β·⟨g, u⟩; β depends on the scale of the loss, and for a rate per parameter on their
   * number too. Multiplicative: rate ← rate·(1 + β·cos(g, u)), 0 ≤ β < 1, whatever the scale. At least 0.
   */
  readonly rate: number
  /** Default `'additive'`, the rule of Baydin et al. */
  readonly rule?: 'additive' | 'multiplicative'
  /** One rate for all parameters (default), for each group, or for each parameter. */
  readonly granularity?: 'global' | 'group' | 'parameter'
  /** No rate goes below; default 0, under `compat: 'official-loop'` −∞. */
  readonly lowest?: number
  /** No rate goes above; default ∞. */
  readonly highest?: number
  /**
   * The variant whose convergence Baydin et al. prove for convex losses: step t takes δ(t)·rate + (1 − δ(t))·learningRate,
   * δ(t) = t^−exponent with an exponent above 1, default 2. `learningRate` below 1/L, L the curvature's bound. Default: none.
   */
  readonly convergent?: { readonly learningRate: number; readonly exponent?: number }
}

/** What a group of parameters may have of its own. */
export interface GroupSettings {
  /** At the start, where a hypergradient or the kind moves it; not used where there is a scheduler. At least 0. */
  readonly learningRate?: number
  /** What stays of the velocity from step to step, 0 ≤ μ < 1. Schedule-Free: the share of the average in the parameters. */
  readonly momentum?: number
  /** `'momentum'`: the share of the gradient that does not enter the velocity, 0 to 1, but for the first step. */
  readonly dampening?: number
  /**
   * λ of ½·λ·‖p‖², whose gradient is added to the one given; `'schedule-free-adamw'`, `'prodigy'` and `'d-adapt-adam'` take
   * rate·λ·p from the parameters instead, as AdamW does. At least 0.
   */
  readonly weightDecay?: number
  /** Kinds with Adam's averages: what stays of those of gradients and of their squares, 0 ≤ β < 1. */
  readonly betas?: readonly [number, number]
  /**
   * The same kinds: added to the root of the squares' average. `'dog'`, `'ldog'`: to Σ‖g‖². Above 0. `'sps'`: to c·‖g‖², at
   * least 0.
   */
  readonly epsilon?: number
  /** Entries of the gradient are cut to ±clip. Above 0, default ∞. */
  readonly clip?: number
  /** No parameter moves by more than this in one step. Above 0, default ∞. */
  readonly limit?: number
  /** Parameters that a step would bring below 0 become 0. Default false. */
  readonly nonNegative?: boolean
}

/** Consecutive parameters with settings of their own, which stand above those of the optimizer. */
export interface GroupOptions extends GroupSettings {
  /** How many, at least 1. */
  readonly length: number
}

export interface OptimizerOptions extends GroupSettings, KindOptions {
  readonly kind: OptimizerKind
  /** Lengths of consecutive groups, with settings where they have some; together all parameters. Default: one group. */
  readonly groups?: readonly (number | GroupOptions)[]
  /**
   * Gives the rate of every step, and of every group where it has several. It is asked before the step, with the loss where
   * the step knows one. Kinds that estimate the rate multiply it by the answer. Not with `hypergradient`, and not for kinds
   * that find their rates by themselves.
   */
  readonly scheduler?: Scheduler
  readonly hypergradient?: HypergradientOptions
  /**
   * `'official-loop'`: hypergradients as the authors' PyTorch code computes them: rates may become negative, and under
   * `'adam'` each group (there: tensor) adds its own ⟨g, u⟩ to the one rate before it steps, so that the order of
   * groups counts. For the additive rule with one rate.
   */
  readonly compat?: 'official-loop'
  /** `'rprop'`: by which a rate is multiplied where the gradient changes its sign (0 to 1), and where it keeps it (from 1). */
  readonly etas?: readonly [number, number]
  /** `'rprop'` and `'idbd'`: no rate goes below the first, which is at least 0, or above the second. */
  readonly rateBounds?: readonly [number, number]
  /** `'idbd'`: θ, by which the logarithms of the rates move. At least 0. */
  readonly metaRate?: number
  /** `'idbd'`: what stays of the trace of steps, 0 ≤ γ < 1. */
  readonly trace?: number
  /**
   * What becomes of a gradient that is not finite everywhere. `'throw'`, the default: the step rejects with
   * ERR_NONNEG_NOT_FINITE, which names the first such entry, and nothing has moved. `'skip'`: the step is left out, and its
   * report says so. `'pass'`: it is used as it is, which saves a pass over the gradient.
   */
  readonly nonFinite?: 'throw' | 'skip' | 'pass'
  /**
   * A backend by name, or `'auto'` (NONNEG_BACKEND, else the fastest by estimate), the default. Only the reference keeps
   * float64, so that `'auto'` takes it for a Float64Array; the others step in float32 and round.
   */
  readonly backend?: BackendId | 'auto'
  /** The GPU that WebGPU works on. With a `device`, `backend: 'auto'` is `'webgpu'`. */
  readonly webgpu?: WebgpuOptions
  /** CPU threads, from 1. Default: NONNEG_THREADS, else all. The results do not depend on it. */
  readonly threads?: number
  /** WASM: relaxed SIMD where the engine has it, whose last bits depend on the machine. Default false. */
  readonly fast?: boolean
  /** Ends `createOptimizer`, and every step that has not begun to move parameters. */
  readonly signal?: AbortSignal
}

/** The names of `GroupSettings`. */
export const GROUP_SETTINGS: readonly (keyof GroupSettings)[] = [
  'learningRate',
  'momentum',
  'dampening',
  'weightDecay',
  'betas',
  'epsilon',
  'clip',
  'limit',
  'nonNegative',
]

/** The options that every kind has. */
export const COMMON_OPTIONS: readonly (keyof OptimizerOptions)[] = [
  'kind',
  'groups',
  'nonFinite',
  'backend',
  'webgpu',
  'threads',
  'fast',
  'signal',
]
