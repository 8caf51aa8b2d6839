import type { ErrorCode } from '../../core/errors.js'
import type { FloatArray } from '../../core/matrix.js'
import type { Dims } from '../../kernels/spec.js'
import type { Batch, Factors, FitSpec, KernelBuffer, SweepReport } from '../backend.js'
import type { Dtype } from './kernels.js'
import type { DenseSource, HoldoutSource, Source } from './source.js'
import type { Told } from './thread.js'

/** The first message of every worker. Without shared memory there is one worker, and it makes its own. */
export interface Start {
  readonly kind: 'start'
  readonly modules: readonly Install[]
  /** 0 is the coordinator, all others are helpers. */
  readonly thread: number
  readonly maxPages: number
  readonly shared: { readonly memory: WebAssembly.Memory; readonly control: Int32Array } | undefined
}

/** The kernels for one element type. */
export interface Install {
  readonly kind: 'install'
  readonly dtype: Dtype
  readonly module: WebAssembly.Module
}

/** A fit as helpers learn of it. */
export interface Attach {
  readonly kind: 'attach'
  readonly fit: number
  readonly told: Told
}

/** Helpers: stay until so many jobs are finished. */
export interface Join {
  readonly kind: 'join'
  readonly jobs: number
}

export interface Detach {
  readonly kind: 'detach'
  readonly fit: number
}

/** Coordinator without shared memory: end the run of this fit. */
export interface Abort {
  readonly kind: 'abort'
  readonly fit: number
}

export interface Call {
  readonly kind: 'call'
  readonly call: number
  readonly request: Request
}

export type Message = Start | Install | Attach | Join | Detach | Abort | Call

export interface Create {
  readonly kind: 'create'
  readonly fit: number
  readonly spec: FitSpec
  readonly threads: number
  readonly squaredNorm: number
  readonly source: Source
  readonly weights: DenseSource | HoldoutSource | undefined
  readonly flags: Int32Array
  /** Packed: W rows × rank, H rank × columns. */
  readonly W: FloatArray
  readonly H: FloatArray
}

/** A fit with the X, the weights and the flag of another and copies of its factors; that one must outlive it. */
export interface Sibling {
  readonly kind: 'sibling'
  readonly fit: number
  readonly of: number
  /** The divergence that it is to measure; it moves nothing. */
  readonly beta: number
  readonly threads: number
}

export interface Run {
  readonly kind: 'run'
  readonly fit: number
  readonly iterations: number
  /** Milliseconds; no iteration starts after them. */
  readonly remaining: number
  /** Whether helpers were called. */
  readonly joined: boolean
}

export interface RunBatches {
  readonly kind: 'runBatches'
  readonly fit: number
  readonly batches: readonly Batch[]
  /** Milliseconds; no batch starts after them. */
  readonly remaining: number
  /** Whether helpers were called. */
  readonly joined: boolean
}

export interface Evaluate {
  readonly kind: 'evaluate'
  readonly fit: number
  readonly joined: boolean
}

/** Factors of the fit's type. */
export interface SetFactors {
  readonly kind: 'setFactors'
  readonly fit: number
  readonly factors: Factors
}

export interface KernelRequest {
  readonly kind: 'kernel'
  readonly name: string
  readonly dtype: Dtype
  readonly dims: Dims
  readonly buffers: Readonly<Record<string, KernelBuffer>>
}

export type Request =
  | Create
  | Sibling
  | Run
  | RunBatches
  | Evaluate
  | SetFactors
  | KernelRequest
  | { readonly kind: 'factors' | 'dispose'; readonly fit: number }
  | { readonly kind: 'usage' }

/** What a call of each kind answers. */
export interface Results {
  /** What helpers are to be told, where the fit has use for them. */
  create: { readonly told: Told | undefined }
  sibling: { readonly told: Told | undefined }
  run: SweepReport
  runBatches: SweepReport
  evaluate: number
  factors: Factors
  setFactors: undefined
  dispose: undefined
  kernel: Readonly<Record<string, KernelBuffer['data']>>
  /** Bytes of wasm memory in use. */
  usage: number
}

/** An error on its way between threads. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly detail: Readonly<Record<string, unknown>>
  readonly fix: string | undefined
}

export type Reply =
  | { readonly call: number; readonly result: Results[keyof Results] }
  | { readonly call: number; readonly failure: Failure }
