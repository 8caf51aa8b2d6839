import type { Problem, Weights } from '../backends/backend.js'
import { inSlices } from '../core/breathe.js'
import { type MatrixInput, toMatrixView } from '../core/input.js'
import type { MatrixView } from '../core/matrix.js'
import { scanMatrix } from '../core/scan.js'
import { type FrozenLines, frozenLines, rangesOf } from './frozen.js'
import { observe } from './observed.js'
import { refuseZeros, weightedSquaredNorm } from './observed-entries.js'
import type { ResolvedOptions } from './options.js'
import { checkNotEmpty } from './resolve-options.js'
import { scaleExponent, scaleMatrix, scaleSpec } from './scale.js'
import { type Candidate, type Choice, candidatesFor } from './solvers.js'

/** A problem whose X has been looked at, in the scale in which it is solved: that of X / 4ᵏ. */
export interface Prepared {
  readonly rows: number
  readonly columns: number
  readonly X: MatrixView
  readonly weights: Weights | undefined
  /** What tells these weights from others, in words. */
  readonly weighing: string | undefined
  /** Rows of W and columns of H that stay, which the specs have as well. */
  readonly frozen: FrozenLines
  /** The same in words. */
  readonly freezing: { readonly rows: string | undefined; readonly columns: string | undefined }
  readonly sum: number
  /** Of X, each entry once. */
  readonly squaredNorm: number
  /** Of the entries that count. */
  readonly mean: number
  /** 0, nearly always. */
  readonly k: number
  readonly candidates: readonly Candidate[]
}

/**
 * Checks X with its mask and weights, and brings them to the forms and the scale that backends take.
 * @param scale the k to take, where it is settled already
 * @throws NonnegError ERR_NONNEG_SHAPE, _NEGATIVE, _NOT_FINITE, _ZERO, _DTYPE with the place of the entry; _OPTION for rows
 * and columns to freeze that are not there
 */
export async function prepare(
  input: MatrixInput,
  resolved: ResolvedOptions,
  fixed?: 'H',
  scale?: number,
): Promise<Prepared> {
  const { signal, beta, dtype } = resolved
  const view = await inSlices(toMatrixView(input), signal)
  checkNotEmpty(view)
  const { rows, columns } = view
  const observed = await inSlices(observe(view, resolved.mask, resolved.weights), signal)
  const given = await inSlices(scanMatrix(observed.X, 'X'), signal)
  const { weights } = observed
  // an exponent of 0, nearly always, copies nothing
  const k = scale ?? scaleExponent(given.largest, resolved)
  if (beta <= 0) await inSlices(refuseZeros(given.X, weights, resolved, k), signal)
  const scan = k === 0 ? given : await inSlices(scanMatrix(await inSlices(scaleMatrix(given.X, -2 * k, dtype)), 'X'))
  const { X, sum, squaredNorm } = scan
  const frozen = await inSlices(frozenLines(resolved.frozenParts, view, resolved.rank), signal)
  const free = scaledCandidates(resolved, view, weights !== undefined, k, fixed)
  const candidates = free.map(candidate => withFrozen(candidate, frozen))
  const weighing = await inSlices(wordsOf(weights), signal)
  const freezing = { rows: await inSlices(rangesOf(frozen.rows)), columns: await inSlices(rangesOf(frozen.columns)) }
  const more = { weighing, frozen, freezing, mean: sum / observed.count, k, candidates }
  return { rows, columns, X, weights, sum, squaredNorm, ...more }
}

/** The solvers that would do for X / 4ᵏ, best first, with what they ask of a backend. */
export function scaledCandidates(
  choice: Choice,
  X: MatrixView,
  weighted: boolean,
  k: number,
  fixed?: 'H',
): readonly Candidate[] {
  return candidatesFor(choice, X, weighted, fixed).map(({ name, spec }) => ({ name, spec: scaleSpec(spec, k) }))
}

/** A candidate with these rows of W and columns of H staying. */
function withFrozen({ name, spec }: Candidate, { rows, columns }: FrozenLines): Candidate {
  if (!rows && !columns) return { name, spec }
  return { name, spec: { ...spec, ...(rows && { frozenW: rows }), ...(columns && { frozenH: columns }) } }
}

/** Their kind with the hash's numbers, or with sums over the weights that tell places apart. */
function* wordsOf(weights: Weights | undefined): Generator<void, string | undefined> {
  if (!weights) return undefined
  if (weights.kind === 'holdout') {
    const { fraction, seed, complement = false } = weights
    return `holdout ${fraction} ${seed} ${complement}`
  }
  const isDense = weights.kind === 'dense'
  const list = isDense ? weights.data : weights.values
  const [first, width, stride] = isDense
    ? [weights.offset, weights.columns, weights.stride]
    : [0, list.length, list.length]
  const rows = isDense ? weights.rows : 1
  let [sum, placed] = [0, 0]
  for (let i = 0, place = 0; i < rows; i++) {
    for (let j = 0; j < width; j++, place++) {
      const weight = list[first + i * stride + j]
      sum += weight
      placed += weight * ((place % 8191) + 1)
      if (place % 32768 === 0) yield
    }
  }
  return `${weights.kind} ${sum} ${placed}`
}

/** Σ v·x² over the entries that count. */
export async function observedSquares({ X, weights, squaredNorm }: Omit<Problem, 'W' | 'H'>): Promise<number> {
  return weights ? await inSlices(weightedSquaredNorm(X, weights)) : squaredNorm
}
