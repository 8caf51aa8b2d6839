import { inSlices } from '../core/breathe.js'
import { NonnegError } from '../core/errors.js'
import { type MatrixInput, toMatrixView } from '../core/input.js'
import { type DenseView, denseView } from '../core/matrix.js'
import { type Factorization, factorize, solve } from './factorize.js'
import type { FactorizeOptions } from './options.js'
import { resolveOptions } from './resolve-options.js'

/**
 * A model with scikit-learn's verbs over {@link factorize}: fit it to one matrix, then read its components.
 *
 *     const model = new NMF({ rank: 20, seed: 1 })
 *     const W = await model.fitTransform(X)   // rows × rank
 *     model.components                        // rank × columns
 */
export class NMF {
  readonly options: FactorizeOptions
  #fitted: Factorization | undefined

  constructor(options: FactorizeOptions) {
    this.options = { ...options }
  }

  /** Fits the model to X (rows × columns). Throws as {@link factorize}; a failed fit leaves the former one in place. */
  async fit(X: MatrixInput): Promise<this> {
    this.#fitted = await factorize(X, this.options)
    return this
  }

  /** Fits the model to X and returns W (rows × rank). */
  async fitTransform(X: MatrixInput): Promise<DenseView> {
    return (await this.fit(X)).result.W
  }

  /**
   * The W (rows × rank) that fits new rows X to the model's components, which stay as they are. Stops by the model's own
   * options, but for its mask and weights, which belong to the matrix that it was fitted to: give those of X here. Starts
   * from a constant, so it does not return the W of `fitTransform` for the same X, but one close to it. Throws as
   * {@link factorize}.
   */
  async transform(
    X: MatrixInput,
    { mask, weights }: Pick<FactorizeOptions, 'mask' | 'weights'> = {},
  ): Promise<DenseView> {
    const H = this.components
    return (await solve(X, resolveOptions({ ...this.options, init: 'random', mask, weights }), { H })).W
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

  /** The last fit, with its loss, history and reason. @throws NonnegError ERR_NONNEG_NOT_FITTED */
  get result(): Factorization {
    if (this.#fitted) return this.#fitted
    throw new NonnegError('ERR_NONNEG_NOT_FITTED', 'the model is not fitted', { fix: 'await model.fit(X) first' })
  }

  /** H (rank × columns) of the last fit. @throws NonnegError ERR_NONNEG_NOT_FITTED */
  get components(): DenseView {
    return this.result.H
  }
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
