import { NonnegError } from '../core/errors.js'
import { type MatrixInput, toMatrixView } from '../core/input.js'
import { type DenseView, denseView } from '../core/matrix.js'
import { Random } from '../core/random.js'
import { scanMatrix } from '../core/scan.js'
import type { OwnStart } from './options.js'
import { scaleFactor } from './scale.js'

/** Where the iterations start: W is rows × rank, H is rank × columns. */
export interface Start {
  readonly W: DenseView
  readonly H: DenseView
}

/** What starts are made for. */
export interface Sizes {
  readonly rows: number
  readonly columns: number
  readonly rank: number
  readonly dtype: 'f32' | 'f64'
  /** Of X / 4ᵏ. */
  readonly mean: number
  readonly k: number
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
  for (let i = 0; i < data.length; i += PIECE) {
    random.fill(data, i, Math.min(i + PIECE, data.length), scale)
    yield
  }
  return denseView(data, rows, columns)
}

/** A factor with one value everywhere: where scikit-learn's multiplicative transform starts. */
export function constantFactor(rows: number, columns: number, value: number): DenseView {
  return denseView(new Float32Array(rows * columns).fill(value), rows, columns)
}

/**
 * Both factors uniformly from (0, 2a) with a = √(mean / rank), so that the mean of W·H is that of X / 4ᵏ, in whose scale
 * they come; the draws depend on seed, factor and place alone, and f32 holds them exactly but for the scale.
 */
export function* randomStart({ rows, columns, rank, mean }: Sizes, seed: number): Generator<void, Start> {
  const scale = 2 * Math.sqrt(mean / rank)
  const W = yield* uniformMatrix(rows, rank, scale, seed, 0)
  const H = yield* uniformMatrix(rank, columns, scale, seed, 1)
  return { W, H }
}

interface OwnFactor {
  readonly view: DenseView
  readonly largest: number
}

function* ownFactor(
  input: MatrixInput | undefined,
  name: 'W' | 'H',
  rows: number,
  columns: number,
): Generator<void, OwnFactor | undefined> {
  if (input === undefined) return undefined
  const view = yield* toMatrixView(input, `init.${name}`)
  if (view.kind === 'csr') {
    throw new NonnegError('ERR_NONNEG_SHAPE', `init.${name} is sparse; factors are dense`, { detail: { name } })
  }
  if (view.rows !== rows || view.columns !== columns) {
    const message = `init.${name} is ${view.rows} × ${view.columns}, not ${rows} × ${columns}`
    throw new NonnegError('ERR_NONNEG_SHAPE', message, { detail: { name, rows, columns } })
  }
  const { largest } = yield* scanMatrix(view, `init.${name}`)
  return { view, largest }
}

/** Powers of two between which float32 keeps normal numbers, with room for a few orders of magnitude among the entries. */
const ROOM = { least: -100, most: 120 } as const

/**
 * Refuses factors so far off X's size that W·(H·Hᵀ) or H·(Wᵀ·W) would leave float32, and the first update all of W or H.
 * The largest entries are those of W / 2ᵏ and H / 2ᵏ.
 */
function checkReach(W: number, H: number, k: number, inner: number): void {
  const [w, h] = [Math.log2(W) - k, Math.log2(H) - k]
  const spread = Math.log2(inner)
  const reached = [w + 2 * h, h + 2 * w]
  if (W === 0 || H === 0 || reached.every(power => power > ROOM.least && power + spread < ROOM.most)) return
  const message = `init is too far from the size of X for float32: its largest entries are ${W} in W and ${H} in H`
  throw new NonnegError('ERR_NONNEG_DTYPE', message, {
    detail: { W, H },
    fix: "scale init, so that the mean of W·H comes near that of X, or use dtype: 'f64'",
  })
}

/**
 * The caller's factors in the scale of X / 4ᵏ; one that is missing is drawn at random.
 * @throws NonnegError ERR_NONNEG_SHAPE, _NEGATIVE, _NOT_FINITE with the place; _DTYPE where float32 could not hold what the
 * factors lead to
 */
export function* ownStart(init: OwnStart, sizes: Sizes, seed: number): Generator<void, Start> {
  const { rows, columns, rank, dtype, k } = sizes
  const W = yield* ownFactor(init.W, 'W', rows, rank)
  const H = yield* ownFactor(init.H, 'H', rank, columns)
  // a factor that is drawn or constant goes up to twice the root of X's mean
  const own = 2 * Math.sqrt(sizes.mean / rank) * 2 ** k
  if (dtype === 'f32') checkReach(W?.largest ?? own, H?.largest ?? own, k, rank * Math.max(rows, columns))
  const random = W && H ? undefined : yield* randomStart(sizes, seed)
  const scaled = function* (view: DenseView): Generator<void, DenseView> {
    return k === 0 ? view : yield* scaleFactor(view, -k, dtype)
  }
  return {
    W: W ? yield* scaled(W.view) : random!.W,
    H: H ? yield* scaled(H.view) : random!.H,
  }
}
