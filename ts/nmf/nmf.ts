import { inSlices } from '../core/breathe.js'
import { checkNames } from '../core/checks.js'
import { NonnegError } from '../core/errors.js'
import { files } from '../core/file-access.js'
import { type MatrixInput, toMatrixView } from '../core/input.js'
import { type DenseView, denseView } from '../core/matrix.js'
import { isBatchOption } from './batch-options.js'
import { type Factorization, factorize, solve } from './factorize.js'
import { hasFrozen } from './frozen.js'
import { type Fitted, modelBytes, modelFrom } from './model-file.js'
import type { FactorizeOptions } from './options.js'
import { fitPartially, type OnlineState } from './partial-fit.js'
import { resolveOptions } from './resolve-options.js'
import { SOLVERS } from './solvers.js'

/** What `transform` and `score` take beside X: a mask and weights of its own, a start, and a budget of their own. */
export type TransformOptions = Pick<
  FactorizeOptions,
  'mask' | 'weights' | 'maxIterations' | 'tolerance' | 'timeBudgetMs' | 'onProgress' | 'signal'
> & {
  /** Where W (rows × rank) starts, such as an earlier result for much the same rows. Default: a constant. */
  readonly W?: MatrixInput
}

const TRANSFORM_OPTIONS: readonly (keyof TransformOptions)[] = [
  'mask',
  'weights',
  'maxIterations',
  'tolerance',
  'timeBudgetMs',
  'onProgress',
  'signal',
]

/**
 * A model with scikit-learn's verbs over {@link factorize}: fit it to one matrix, then use its components on others.
 *
 *     const model = new NMF({ rank: 20, seed: 1 })
 *     const W = await model.fitTransform(X)   // rows × rank
 *     model.components                        // rank × columns
 */
export class NMF {
  readonly options: FactorizeOptions
  #result: Factorization | undefined
  #components: DenseView | undefined
  #online: OnlineState | undefined

  constructor(options: FactorizeOptions) {
    this.options = { ...options }
  }

  /** Fits the model to X (rows × columns). Throws as {@link factorize}; a failed fit leaves the former one in place. */
  async fit(X: MatrixInput): Promise<this> {
    const result = await factorize(X, this.options)
    this.#result = result
    this.#components = result.H
    this.#online = undefined
    return this
  }

  /** Fits the model to X and returns W (rows × rank). */
  async fitTransform(X: MatrixInput): Promise<DenseView> {
    return (await this.fit(X)).result.W
  }

  /**
   * Goes on from the model's components, or begins, with one batch of rows X: their weights for the components as they are,
   * then one update of the components, which remember former batches as `forgetFactor` says (default 0.7). For streams of
   * data that no memory holds, as scikit-learn's `MiniBatchNMF.partial_fit`; multiplicative, whatever the model's solver.
   * Throws as {@link factorize}; a failed batch leaves the model as it was.
   */
  async partialFit(X: MatrixInput, options: Pick<TransformOptions, 'mask' | 'weights' | 'signal'> = {}): Promise<this> {
    checkNames(options, ['mask', 'weights', 'signal'], 'option of partialFit')
    const { forgetFactor, step: _step, resume: _resume, frozen, ...given } = this.options
    const own = Object.fromEntries(Object.entries(given).filter(([name]) => !isBatchOption(name)))
    if (hasFrozen(frozen)) {
      throw new NonnegError('ERR_NONNEG_OPTION', 'partialFit moves all components; of the model, parts stay', {
        detail: { option: 'frozen' },
        fix: 'use fit, whose init says what they stay at',
      })
    }
    const resolved = resolveOptions({
      ...(own as Pick<FactorizeOptions, 'rank'>),
      ...only({ forgetFactor }),
      starts: 1,
      ...only(options),
      solver: 'online',
    })
    const former = this.#components && { components: this.#components, online: this.#online }
    const { components, online } = await fitPartially(X, resolved, former)
    this.#components = components
    this.#online = online
    this.#result = undefined
    return this
  }

  /**
   * The W (rows × rank) that fits new rows X to the model's components, which stay as they are. Stops by the model's own
   * options where none are given, but for `targetLoss` and its mask and weights, which belong to the matrix that it was fitted to: give those
   * of X here. Starts from a constant, or from `W`, so it does not return the W of `fitTransform` for the same X, but one
   * close to it. Throws as {@link factorize}.
   */
  async transform(X: MatrixInput, options: TransformOptions = {}): Promise<DenseView> {
    return (await this.#project(X, options)).W
  }

  /**
   * How much of X its W·H explains: 1 − ‖X − WH‖² / ‖X‖², at most 1, for the W that `transform` finds.
   * Throws as {@link factorize}.
   */
  async score(X: MatrixInput, options: TransformOptions = {}): Promise<number> {
    return 1 - (await this.#project(X, options)).relativeError ** 2
  }

  async #project(X: MatrixInput, { W, ...options }: TransformOptions): Promise<Factorization> {
    const H = this.components
    checkNames(options, TRANSFORM_OPTIONS, 'option of transform')
    const { rank, loss, solver, step, alphaW, l1Ratio, maxW, seed, ...rest } = this.options
    const { backend, fallback, webgpu, threads, fast, dtype, storage, maxIterations } = rest
    const { tolerance, timeBudgetMs, onAbort } = rest
    const { patience, violationTolerance, signal } = rest
    const model = {
      rank,
      loss,
      // with H as it is, batches have nothing to tell each other
      solver: solver !== undefined && solver !== 'auto' && SOLVERS[solver]?.batchRows !== undefined ? 'mu' : solver,
      step,
      alphaW,
      l1Ratio,
      maxW,
      seed,
    } as const
    const place = { backend, fallback, webgpu, threads, fast, dtype, storage }
    const run = { ...place, maxIterations, tolerance, timeBudgetMs, onAbort }
    const stop = { patience, violationTolerance: model.solver === 'mu' ? undefined : violationTolerance, signal }
    const resolved = resolveOptions({
      ...only(model),
      ...only(run),
      ...only(stop),
      ...only(options),
    } as FactorizeOptions)
    return await solve(X, W === undefined ? resolved : { ...resolved, init: { W } }, { H })
  }

  /** W·H (rows × columns) for a W of rows × rank: what the model makes of these weights. */
  async inverseTransform(W: MatrixInput): Promise<DenseView> {
    const H = this.components
    const view = await inSlices(toMatrixView(W, 'W'))
    if (view.kind === 'csr') throw new NonnegError('ERR_NONNEG_SHAPE', 'W is sparse; weights are dense')
    if (view.columns !== H.rows) {
      throw new NonnegError('ERR_NONNEG_SHAPE', `W has ${view.columns} columns, the model has rank ${H.rows}`)
    }
    return await inSlices(product(view, H))
  }

  /**
   * The last `fit`, with its W, loss, history and reason; models that were loaded or fitted in batches have none.
   * @throws NonnegError ERR_NONNEG_NOT_FITTED
   */
  get result(): Factorization {
    if (this.#result) return this.#result
    const what = this.#components ? 'no fit of this object made the model' : 'the model is not fitted'
    throw new NonnegError('ERR_NONNEG_NOT_FITTED', what, { fix: 'await model.fit(X) first' })
  }

  /** H (rank × columns) of the last fit. @throws NonnegError ERR_NONNEG_NOT_FITTED */
  get components(): DenseView {
    if (this.#components) return this.#components
    throw new NonnegError('ERR_NONNEG_NOT_FITTED', 'the model is not fitted', { fix: 'await model.fit(X) first' })
  }

  /**
   * The model in one piece: safetensors, which other languages read too, with the components as `H`, the options that are
   * words and numbers (a mask, factors to start from and what runs while a fit does are not), and what `partialFit` goes on from. @throws NonnegError ERR_NONNEG_NOT_FITTED
   */
  async toBytes(): Promise<Uint8Array<ArrayBuffer>> {
    return await modelBytes({ options: this.options, components: this.components, online: this.#online })
  }

  /** @throws NonnegError ERR_NONNEG_FORMAT where these are not the bytes of a model of this version, whole and unchanged */
  static async fromBytes<M extends NMF>(this: new (options: FactorizeOptions) => M, bytes: Uint8Array): Promise<M> {
    const fitted = await modelFrom(bytes)
    const model = new this(fitted.options)
    model.#restore(fitted)
    return model
  }

  /** `toBytes` to a file, whose former contents it replaces in one step. @throws NonnegError ERR_NONNEG_FILE, _NOT_FITTED */
  async save(file: string): Promise<void> {
    await files().write(file, await this.toBytes())
  }

  /** @throws NonnegError ERR_NONNEG_FILE where it cannot be read, _FORMAT as `fromBytes` */
  static async load<M extends NMF>(
    this: (new (options: FactorizeOptions) => M) & { fromBytes(bytes: Uint8Array): Promise<M> },
    file: string,
  ): Promise<M> {
    // biome-ignore lint/complexity/noThisInStatic: a subclass makes its own
    return await this.fromBytes(await files().read(file))
  }

  #restore({ components, online }: Fitted): void {
    this.#components = components
    this.#online = online
  }
}

/** What is given of some options. */
function only<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}

function* product(W: DenseView, H: DenseView): Generator<void, DenseView> {
  const length = W.rows * H.columns
  const data = H.data instanceof Float64Array ? new Float64Array(length) : new Float32Array(length)
  const sums = new Float64Array(H.columns)
  for (let i = 0; i < W.rows; i++) {
    sums.fill(0)
    for (let r = 0; r < H.rows; r++) {
      const weight = W.data[W.offset + i * W.stride + r]
      const from = H.offset + r * H.stride
      for (let j = 0; j < H.columns; j++) sums[j] += weight * H.data[from + j]
      yield
    }
    data.set(sums, i * H.columns)
  }
  return denseView(data, W.rows, H.columns)
}
