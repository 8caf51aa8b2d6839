import { onAbort } from '../../core/abort.js'
import { Breather, inSlices } from '../../core/breathe.js'
import { type ErrorCode, NonnegError } from '../../core/errors.js'
import type { CsrView, DenseView, FloatArray, MatrixView } from '../../core/matrix.js'
import { denseView, entryCount, transposeCsr } from '../../core/matrix.js'
import {
  type Batch,
  checkBatches,
  checkIterations,
  checkLengths,
  type Factors,
  type Fit,
  type FitSpec,
  type Penalty,
  type Problem,
  type RunControls,
  type SgdSpec,
  type SweepReport,
  type Weights,
} from '../backend.js'
import type { Memory } from '../memory.js'
import { Momentum } from '../momentum.js'
import type { Addon, NativeFit, NativeFitOptions, NativeTerms } from './addon.js'

/** Elements of X that one call hands over: about a millisecond of copying. */
const PIECE = 1 << 20

/** Elements that JavaScript copies between two looks at the clock. */
const SLICE = 1 << 15

/** The addon's error, in the class of this package. */
export function addonError(error: unknown): NonnegError {
  if (error instanceof NonnegError) return error
  const { code, message } = error as { code?: unknown; message?: unknown }
  const known = typeof code === 'string' && code.startsWith('ERR_NONNEG_')
  return new NonnegError(known ? (code as ErrorCode) : 'ERR_NONNEG_BACKEND', String(message ?? error), {
    fix: code === 'ERR_NONNEG_MEMORY' ? 'lower the rank, dispose of other fits, or take a sparse X' : undefined,
    cause: error,
  })
}

const NO_PENALTY: Penalty = { l1: 0, l2: 0 }

const zeros = (dtype: 'f32' | 'f64', length: number): FloatArray =>
  dtype === 'f64' ? new Float64Array(length) : new Float32Array(length)

function* packed(view: DenseView, dtype: 'f32' | 'f64'): Generator<void, FloatArray> {
  const out = zeros(dtype, view.rows * view.columns)
  // rows without gaps are copied many at once, as short ones take longer to name than to copy
  const atOnce = view.stride === view.columns ? Math.max(1, Math.floor(SLICE / Math.max(1, view.columns))) : 1
  for (let i = 0, copied = 0; i < view.rows; i += atOnce) {
    const start = view.offset + i * view.stride
    const length = Math.min(atOnce, view.rows - i) * view.columns
    out.set(view.data.subarray(start, start + length), i * view.columns)
    copied += length
    if (copied >= SLICE) {
      copied = 0
      yield
    }
  }
  return out
}

/** The transpose, packed; in tiles of columns, so that neither side strides through memory. */
function* packedTranspose(view: DenseView, dtype: 'f32' | 'f64'): Generator<void, FloatArray> {
  const { data, rows, columns, stride, offset } = view
  const out = zeros(dtype, rows * columns)
  const width = Math.max(1, Math.min(256, Math.floor(SLICE / Math.max(1, rows))))
  for (let begin = 0; begin < columns; begin += width) {
    const end = Math.min(columns, begin + width)
    for (let r = 0; r < rows; r++) {
      const start = offset + r * stride
      for (let j = begin; j < end; j++) out[j * rows + r] = data[start + j]
    }
    yield
  }
  return out
}

/** Hands over the rows of a dense matrix, some at a time. */
async function uploadRows(view: DenseView, upload: NativeFit['uploadDense']): Promise<void> {
  const breather = new Breather()
  const step = Math.max(1, Math.floor(PIECE / Math.max(1, view.columns)))
  for (let i = 0; i < view.rows; i += step) {
    upload(Math.min(step, view.rows - i), view.data, view.offset + i * view.stride, view.stride)
    if (breather.due()) await breather.rest()
  }
}

/** Calls `upload(from, count)` for pieces of so many entries. */
async function inPieces(entries: number, upload: (from: number, count: number) => void): Promise<void> {
  const breather = new Breather()
  for (let from = 0; from < entries; from += PIECE) {
    upload(from, Math.min(PIECE, entries - from))
    if (breather.due()) await breather.rest()
  }
}

async function uploadCsr(native: NativeFit, transposed: boolean, X: CsrView): Promise<void> {
  native.uploadIndptr(transposed, X.indptr.subarray(0, X.rows + 1))
  await inPieces(X.indptr[X.rows], (from, count) => native.uploadEntries(transposed, X.indices, X.values, from, count))
}

async function uploadMatrix(native: NativeFit, X: MatrixView): Promise<void> {
  if (X.kind === 'dense') return uploadRows(X, (...rows) => native.uploadDense(...rows))
  await uploadCsr(native, false, X)
  await uploadCsr(native, true, await inSlices(transposeCsr(X)))
}

async function uploadWeights(native: NativeFit, X: MatrixView, weights: Weights): Promise<void> {
  if (weights.kind === 'dense') {
    return uploadRows({ ...weights, kind: 'dense' }, (...rows) => native.uploadWeights(...rows))
  }
  if (weights.kind === 'holdout' || X.kind === 'dense') return
  // entries with equal indices keep their order, so the weights go over as the values did
  const { values } = await inSlices(transposeCsr({ ...X, values: weights.values }))
  for (const [transposed, list] of [
    [false, weights.values],
    [true, values],
  ] as const) {
    await inPieces(entryCount(X), (from, count) => native.uploadEntryWeights(transposed, list, from, count))
  }
}

function weightsOption(weights: Weights | undefined): NativeFitOptions['weights'] {
  if (weights?.kind !== 'holdout') return { kind: weights?.kind ?? 'none' }
  const { kind, fraction, seed, complement = false } = weights
  return { kind, fraction, seed: seed >>> 0, complement }
}

/** What the addon reads of a batch. */
function numbersOf({ first, count, keep = 1, rateW = 0, rateH = 0, draw = 0, refresh = false }: Batch): number[] {
  return [first, count, keep, rateW, rateH, draw, refresh ? 1 : 0]
}

function sgdOption({ safety, noise = 0, seed = 0, limit = Number.POSITIVE_INFINITY }: SgdSpec): Required<SgdSpec> {
  return { safety, noise, seed, limit }
}

function termsOf(rank: number, penalty = NO_PENALTY, moving = rank, most = Number.POSITIVE_INFINITY): NativeTerms {
  return { ...penalty, moving, most }
}

/** A fit on one of the addon's devices. */
class AddonFit implements Fit {
  readonly #native: NativeFit
  readonly #options: NativeFitOptions
  readonly #spec: FitSpec
  /** Batches have left something for those that follow. */
  #hasLeft = false
  #running: Promise<unknown> | undefined

  constructor(native: NativeFit, options: NativeFitOptions, spec: FitSpec) {
    this.#native = native
    this.#options = options
    this.#spec = spec
  }

  async run(iterations: number, controls?: RunControls): Promise<SweepReport> {
    checkIterations(this.#spec)
    return await this.#report(seconds => this.#native.run(iterations, seconds), controls)
  }

  async runBatches(batches: readonly Batch[], controls?: RunControls): Promise<SweepReport> {
    checkBatches(batches, this.#options.rows, this.#spec)
    const numbers = Float64Array.from(batches.flatMap(numbersOf))
    return await this.#report(async seconds => {
      const report = await this.#native.runBatches(numbers, seconds)
      this.#hasLeft = true
      return report
    }, controls)
  }

  async #report(
    start: (deadline: number) => Promise<Omit<SweepReport, 'iterations'>>,
    { signal, deadline }: RunControls = {},
  ): Promise<SweepReport> {
    if (signal?.aborted) {
      const none = new Float64Array()
      const steps = { rateW: none, rateH: none, squaredGradient: none, alignment: none }
      const report = { iterations: 0, losses: none, violations: none, seconds: none, stopped: 'aborted' } as const
      return this.#spec.rule === 'sgd' ? { ...report, steps } : report
    }
    // the addon takes 0 for "no deadline"; a deadline that has passed must differ from it, also for a thread that treats
    // subnormal numbers as zero
    const seconds = deadline === undefined ? 0 : Math.max((deadline - performance.now()) / 1000, 1e-9)
    const forget = signal && onAbort(signal, () => this.#native.cancel())
    try {
      const report = await this.#job(() => start(seconds))
      return { iterations: report.losses.length, ...report }
    } finally {
      forget?.()
    }
  }

  evaluate(beta: number = this.#options.beta): Promise<number> {
    return this.#job(() => this.#native.evaluate(beta))
  }

  async factors(): Promise<Factors> {
    const { rows, columns, rank, dtype } = this.#options
    const arrays = () => [zeros(dtype, rows * rank), zeros(dtype, rank * columns)] as const
    const [W, H] = arrays()
    await this.#job(() => this.#native.factors(W, H))
    if (this.#hasLeft) return { W, H, ...(await this.#left()) }
    if (!this.#options.extrapolate) return { W, H }
    const [lastW, lastH] = arrays()
    const numbers = new Float64Array(new Momentum().numbers.length)
    await this.#job(() => this.#native.momentum(lastW, lastH, numbers))
    return { W, H, momentum: { W: lastW, H: lastH, numbers: Array.from(numbers) } }
  }

  /** What batches have left that factors take along. */
  async #left(): Promise<Pick<Factors, 'accumulated' | 'gradient'>> {
    const { rank, columns, dtype } = this.#options
    const array = () => zeros(dtype, rank * columns)
    if (this.#spec.rule === 'svrmu') return {}
    if (this.#spec.rule === 'sgd') {
      const gradient = array()
      await this.#job(() => this.#native.gradient(gradient))
      return { gradient }
    }
    const [A, B] = [array(), array()]
    await this.#job(() => this.#native.accumulated(A, B))
    return { accumulated: { A, B } }
  }

  async setFactors(factors: Factors): Promise<void> {
    const { rows, columns, rank, dtype } = this.#options
    checkLengths(factors, rows, rank, columns)
    const upright = (H: FloatArray) => inSlices(packedTranspose(denseView(H, rank, columns), dtype))
    const arrays = async ({ W, H }: Pick<Factors, 'W' | 'H'>) =>
      [await inSlices(packed(denseView(W, rows, rank), dtype)), await upright(H)] as const
    const [W, Ht] = await arrays(factors)
    await this.#job(() => this.#native.setFactors(W, Ht))
    this.#hasLeft = false
    const { momentum, accumulated, gradient } = factors
    if (accumulated && this.#spec.rule === 'mu' && !this.#options.extrapolate && !this.#options.fixedH) {
      const [A, B] = [await upright(accumulated.A), await upright(accumulated.B)]
      await this.#job(() => this.#native.setAccumulated(A, B))
      this.#hasLeft = true
    }
    if (gradient && this.#spec.rule === 'sgd') {
      const D = await upright(gradient)
      await this.#job(() => this.#native.setGradient(D))
      this.#hasLeft = true
    }
    if (!momentum || !this.#options.extrapolate) return
    const [lastW, lastHt] = await arrays(momentum)
    await this.#job(() => this.#native.setMomentum(lastW, lastHt, Float64Array.from(momentum.numbers)))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#native.dispose()
    await this.#running?.catch(() => {})
  }

  async #job<T>(start: () => Promise<T>): Promise<T> {
    try {
      const job = start()
      this.#running = job
      return await job
    } catch (error) {
      throw addonError(error)
    }
  }
}

type Target = Pick<NativeFitOptions, 'device' | 'isa' | 'threads'>

function optionsOf(
  target: Target,
  X: MatrixView,
  spec: FitSpec,
  weights: Weights | undefined,
  squaredNorm: number,
): NativeFitOptions {
  return {
    ...target,
    rows: X.rows,
    columns: X.columns,
    rank: spec.rank,
    nonzeros: X.kind === 'dense' ? -1 : entryCount(X),
    squaredNorm,
    fixedH: spec.fixed === 'H',
    dtype: spec.dtype,
    beta: spec.beta,
    rule: spec.rule,
    termsW: termsOf(spec.rank, spec.penaltyW, spec.movingW, spec.maxW),
    termsH: termsOf(spec.rank, spec.penaltyH, spec.movingH, spec.maxH),
    frozenW: spec.frozenW,
    frozenH: spec.frozenH,
    step: spec.step ?? 1,
    rounds: spec.rounds ?? 1,
    extrapolate: spec.extrapolate ?? false,
    batches: spec.batches ?? false,
    sgd: sgdOption(spec.sgd ?? { safety: 0 }),
    ratio: spec.ratio ?? 1,
    weights: weightsOption(weights),
  }
}

/** What `createAddonFit` will take on the CPU. */
export function addonFitMemory(addon: Addon, target: Target, X: MatrixView, spec: FitSpec, weights?: Weights): Memory {
  try {
    return addon.fitMemory(optionsOf(target, X, spec, weights, 0))
  } catch (error) {
    throw addonError(error)
  }
}

/**
 * Uploads a problem to a device of the addon, in pieces of a few megabytes with a breather between them.
 * @throws NonnegError ERR_NONNEG_MEMORY where X and the factors do not fit
 */
export async function createAddonFit(addon: Addon, target: Target, problem: Problem, spec: FitSpec): Promise<Fit> {
  const { X, W, H, squaredNorm, weights } = problem
  const options = optionsOf(target, X, spec, weights, squaredNorm)
  let native: NativeFit | undefined
  try {
    native = new addon.NativeFit(options)
    await uploadMatrix(native, X)
    if (weights) await uploadWeights(native, X, weights)
    await native.setFactors(await inSlices(packed(W, spec.dtype)), await inSlices(packedTranspose(H, spec.dtype)))
    return new AddonFit(native, options, spec)
  } catch (error) {
    native?.dispose()
    throw addonError(error)
  }
}
