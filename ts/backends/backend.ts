/// <reference lib="esnext.disposable" preserve="true" />
import type { DenseView, MatrixView } from '../core/matrix.js'
import type { Dims, KernelSpec } from '../kernels/spec.js'

export type BackendId = 'reference' | 'wasm' | 'webgpu' | 'native' | 'cuda'

/** What a backend found when it looked; facts for people and for `doctor`, such as the instruction set or the driver. */
export type Info = Readonly<Record<string, string | number | boolean | readonly string[]>>

export type Probe =
  | { readonly available: true; readonly emulated: boolean; readonly info: Info }
  | {
      readonly available: false
      /** One sentence: what is missing. */
      readonly reason: string
      /** One sentence or command that mends it. */
      readonly fix: string
      readonly info?: Info
    }

/** An answer about one instance (shape, dtype, rule), never about a name. */
export type Support = { readonly supported: true } | { readonly supported: false; readonly reason: string }

export interface OpenOptions {
  /** CPU threads, at least 1. Default: NONNEG_THREADS, else what the machine offers. GPUs ignore it. */
  readonly threads?: number
}

/** The numerical choices of one fit. Loss is a β-divergence: 2 Frobenius, 1 Kullback–Leibler, 0 Itakura–Saito. */
export interface FitSpec {
  readonly rank: number
  readonly beta: number
  readonly rule: 'mu'
  readonly dtype: 'f32' | 'f64'
  /** A factor that iterations leave alone: with H fixed each iteration updates W only, as `NMF.transform` needs. */
  readonly fixed?: 'H'
}

/** The data of one fit. Everything is copied or uploaded by `createFit`; nothing of the caller's is written to. */
export interface Problem {
  readonly X: MatrixView
  /** ‖X‖² in the Frobenius norm, accumulated in float64. */
  readonly squaredNorm: number
  /** rows × rank */
  readonly W: DenseView
  /** rank × columns */
  readonly H: DenseView
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
  /** ½‖X − WH‖² after each of them. */
  readonly losses: Float64Array
  /** Seconds from the start of this call to the end of each of them. */
  readonly seconds: Float64Array
  readonly stopped: 'done' | 'aborted' | 'deadline'
}

/** Packed row-major arrays: W is rows × rank, H is rank × columns. */
export interface Factors {
  readonly W: Float32Array | Float64Array
  readonly H: Float32Array | Float64Array
}

/** One factorisation whose X, W and H live on the device. Calls on one fit must not overlap. */
export interface Fit extends AsyncDisposable {
  /** Up to `iterations` iterations (W first, then H) in one crossing. */
  run(iterations: number, controls?: RunControls): Promise<SweepReport>
  /** ½‖X − WH‖² of the factors as they are, at the price of half an iteration. */
  evaluate(): Promise<number>
  /** The only read-back. After an aborted run the factors are valid, the last iteration possibly half done. */
  factors(): Promise<Factors>
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
  readonly buffers: Readonly<Record<string, KernelBuffer>>
}

export interface Device extends AsyncDisposable {
  readonly backend: BackendId
  readonly emulated: boolean
  readonly info: Info
  /** Kernel windows must start at multiples of this many elements; 1 where any address will do. */
  readonly alignment: number
  supports(X: MatrixView, spec: FitSpec): Support
  createFit(problem: Problem, spec: FitSpec): Promise<Fit>
  supportsKernel(spec: KernelSpec, dims: Dims): Support
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
