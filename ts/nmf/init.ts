import { NonnegError } from '../core/errors.js'
import { type MatrixInput, toMatrixView } from '../core/input.js'
import { type DenseView, denseView } from '../core/matrix.js'
import { Random } from '../core/random.js'
import { scanMatrix } from '../core/scan.js'
import type { ResolvedOptions } from './options.js'

/** Where the iterations start: W is rows × rank, H is rank × columns. */
export interface Start {
  readonly W: DenseView
  readonly H: DenseView
}

const PIECE = 1 << 14

function* uniformMatrix(
  rows: number,
  columns: number,
  scale: number,
  seed: number,
  stream: number,
): Generator<void, DenseView> {
  const random = new Random(seed, stream)
  const data = new Float32Array(rows * columns)
  for (let i = 0; i < data.length; i++) {
    data[i] = scale * random.uniform()
    if (i % PIECE === PIECE - 1) yield
  }
  return denseView(data, rows, columns)
}

/** A factor with one value everywhere: where scikit-learn's multiplicative transform starts. */
export function constantFactor(rows: number, columns: number, value: number): DenseView {
  return denseView(new Float32Array(rows * columns).fill(value), rows, columns)
}

function* ownFactor(input: MatrixInput, name: 'W' | 'H', rows: number, columns: number): Generator<void, DenseView> {
  const view = yield* toMatrixView(input, `init.${name}`)
  if (view.kind === 'csr') {
    throw new NonnegError('ERR_NONNEG_SHAPE', `init.${name} is sparse; factors are dense`, { detail: { name } })
  }
  if (view.rows !== rows || view.columns !== columns) {
    const message = `init.${name} is ${view.rows} × ${view.columns}, not ${rows} × ${columns}`
    throw new NonnegError('ERR_NONNEG_SHAPE', message, { detail: { name, rows, columns } })
  }
  yield* scanMatrix(view, `init.${name}`)
  return view
}

/**
 * The start of a fit. `random` draws both factors uniformly from (0, 2a) with a = √(mean(X) / rank), so that the mean of
 * W·H is that of X; the draws depend on seed, factor and place alone, and f32 holds them exactly but for the scale.
 */
export function* startFactors(
  options: ResolvedOptions,
  rows: number,
  columns: number,
  mean: number,
): Generator<void, Start> {
  const { rank, init, seed } = options
  if (init === 'random') {
    const scale = 2 * Math.sqrt(mean / rank)
    const W = yield* uniformMatrix(rows, rank, scale, seed, 0)
    const H = yield* uniformMatrix(rank, columns, scale, seed, 1)
    return { W, H }
  }
  const W = yield* ownFactor(init.W, 'W', rows, rank)
  const H = yield* ownFactor(init.H, 'H', rank, columns)
  return { W, H }
}
