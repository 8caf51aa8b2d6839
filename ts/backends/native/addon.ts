import type { FloatArray } from '../../core/matrix.js'
import type { Dims } from '../../kernels/spec.js'
import type { KernelBuffer, Penalty, Rule, SgdSpec, SweepReport } from '../backend.js'
import type { Memory } from '../memory.js'

/** Must equal the number in native/binding/addon.cpp; an addon built from other sources is refused. */
export const ADDON_ABI = 8

/** What the updates of one factor heed. */
export interface NativeTerms extends Penalty {
  /** The first so many components move. */
  readonly moving: number
  /** No entry goes above this; ∞ where there is no bound. */
  readonly most: number
}

/** What one fit of the addon is made of. */
export interface NativeFitOptions {
  readonly device: 'cpu' | 'cuda'
  /** A name out of `Addon.isas`; the CUDA device ignores it. */
  readonly isa: string
  readonly rows: number
  readonly columns: number
  readonly rank: number
  /** −1 where X is dense. */
  readonly nonzeros: number
  readonly squaredNorm: number
  readonly threads: number
  /** Iterations leave H alone. */
  readonly fixedH: boolean
  /** Of X on the device, and of the factors that come and go. */
  readonly dtype: 'f32' | 'f64'
  readonly beta: number
  readonly rule: Rule
  readonly termsW: NativeTerms
  readonly termsH: NativeTerms
  /** Rows of W and columns of H that stay, ascending. */
  readonly frozenW?: Uint32Array | undefined
  readonly frozenH?: Uint32Array | undefined
  /** Of `pg`; the other rules ignore it. */
  readonly step: number
  /** Applications of the rule to a factor before the other moves, from 1. */
  readonly rounds: number
  /** Factors move on along their last steps. */
  readonly extrapolate: boolean
  /** The fit will run batches: memory for them is taken at once. */
  readonly batches: boolean
  /** Of `sgd`; the other rules ignore it. */
  readonly sgd: Required<SgdSpec>
  /** Of `svrmu`; the other rules ignore it. */
  readonly ratio: number
  /** The weights themselves are uploaded; those of a hash are not even made. */
  readonly weights:
    | { readonly kind: 'none' | 'dense' | 'entries' }
    | { readonly kind: 'holdout'; readonly fraction: number; readonly seed: number; readonly complement: boolean }
}

/**
 * One fit inside the addon. Lengths are checked before anything starts, and refused by throwing; jobs run on threads of
 * their own and reject. Every error carries a `code` of `ErrorCode`.
 */
export interface NativeFit {
  /** The next `count` rows of X: row i starts at element `offset + i * stride` of `data`. */
  uploadDense(count: number, data: FloatArray, offset: number, stride: number): void
  /** Row pointers of the CSR, or of the transpose's. */
  uploadIndptr(transposed: boolean, indptr: Uint32Array): void
  /** The next `count` entries of the CSR or the transpose's, at element `from` of both arrays. */
  uploadEntries(transposed: boolean, indices: Uint32Array, values: FloatArray, from: number, count: number): void
  /** The next `count` rows of weights of every entry, as `uploadDense` takes those of X. */
  uploadWeights(count: number, data: FloatArray, offset: number, stride: number): void
  /** The weights of the next `count` listed entries of the CSR or the transpose's, at element `from`. */
  uploadEntryWeights(transposed: boolean, values: FloatArray, from: number, count: number): void
  /** Reads rows × rank and columns × rank elements of `dtype` on a thread: no one may detach the arrays meanwhile. */
  setFactors(W: FloatArray, Ht: FloatArray): Promise<void>
  /** Where the fit extrapolates, after `setFactors`: the factors of a `MomentumState`, likewise, and its numbers. */
  setMomentum(W: FloatArray, Ht: FloatArray, numbers: Float64Array): Promise<void>
  /** After `setFactors`: what batches have left of H's numerators and denominators, columns × rank each, likewise. */
  setAccumulated(A: FloatArray, B: FloatArray): Promise<void>
  /** After `setFactors`: the last gradient of Hᵀ in batches of `sgd`, columns × rank, likewise. */
  setGradient(D: FloatArray): Promise<void>
  /** `deadline`: seconds from now after which no iteration starts; 0 for none. */
  run(iterations: number, deadline: number): Promise<Omit<SweepReport, 'iterations'>>
  /** Seven numbers for each batch: `first`, `count`, `keep`, `rateW`, `rateH`, `draw` and `refresh`; `deadline` as above. */
  runBatches(batches: Float64Array, deadline: number): Promise<Omit<SweepReport, 'iterations'>>
  /** The loss under the divergence of `beta`. */
  evaluate(beta: number): Promise<number>
  /** Writes rows × rank and rank × columns elements of `dtype` on a thread: no one may detach the arrays meanwhile. */
  factors(W: FloatArray, H: FloatArray): Promise<void>
  /** Where the fit extrapolates: writes a `MomentumState`, likewise, and its five numbers. */
  momentum(W: FloatArray, H: FloatArray, numbers: Float64Array): Promise<void>
  /** Where batches have run or `setAccumulated` was called: writes rank × columns elements each, likewise. */
  accumulated(A: FloatArray, B: FloatArray): Promise<void>
  /** Where batches of `sgd` have run or `setGradient` was called: writes rank × columns elements, likewise. */
  gradient(D: FloatArray): Promise<void>
  /** Ends the running job at the next panel. */
  cancel(): void
  /** Cancels, and frees the memory when nothing uses it any more. */
  dispose(): void
}

/** What build/Release/nonneg.node exports. */
export interface Addon {
  readonly abi: number
  /** Instruction sets that this build has and this CPU runs, slowest first. */
  readonly isas: readonly string[]
  /** Names of the specs that `runKernel` knows on the CPU. */
  readonly kernels: readonly string[]
  /** Those of them that there are in float64 too. */
  readonly kernels64: readonly string[]
  readonly compiler: string
  readonly hasCuda: boolean
  /** The fastest for an empty name. */
  chooseIsa(name: string): { readonly isa: string } | { readonly reason: string }
  /** Bytes that the process may take: what the machine has, or less by its control groups; 0 where nobody says. */
  memoryLimit(): number
  /** What a fit of these options on the CPU takes, from the very objects that would take it; they take nothing here. */
  fitMemory(options: NativeFitOptions): Memory
  /** Opens the driver, which may take a second, on a thread of its own; never rejects. */
  probeCuda(): Promise<{
    readonly available: boolean
    readonly emulated: boolean
    readonly reason: string
    readonly fix: string
    readonly info: Readonly<Record<string, string>>
  }>
  /** One kernel on host memory, synchronously; `dtype` is 'f32' by default. */
  runKernel(
    device: 'cpu' | 'cuda',
    isa: string,
    name: string,
    dims: Dims,
    buffers: Readonly<Record<string, KernelBuffer>>,
    dtype?: 'f32' | 'f64',
  ): void
  /** Names of the vector kernels, on every instruction set. */
  readonly vectorKernels: readonly string[]
  /**
   * One vector kernel over whole arrays, in the kernel's order. Group k is the entries bounds[k] … bounds[k + 1], with
   * scalars and sums of its own. Undefined where it was so short that it is done, else a promise, until which no one may
   * detach `arrays` and `sums`; a refusal is thrown.
   */
  runVectors(
    isa: string,
    name: string,
    threads: number,
    arrays: readonly Float32Array[],
    bounds: Float64Array,
    scalars: Float64Array,
    sums: Float64Array,
  ): Promise<void> | undefined
  /** Asks for huge pages under a large array that nobody has written to yet. */
  adviseHuge(array: Float32Array): void
  readonly NativeFit: new (options: NativeFitOptions) => NativeFit
}
