import type { Factors, Fit } from '../backends/backend.js'
import { inSlices } from '../core/breathe.js'
import { type DenseView, type FloatArray, packedEntries } from '../core/matrix.js'
import { balancedScales, type StartScales, type StartSums } from '../schedulers/stability.js'
import type { ResolvedOptions } from './options.js'

/** Whether bounds or parts that stay tie the scale of the factors. */
export function isTied({
  frozenParts: { components, rows, columns },
  maxW,
  maxH,
}: Pick<ResolvedOptions, 'frozenParts' | 'maxW' | 'maxH'>): boolean {
  const stays = components.length > 0 || rows !== undefined || columns !== undefined
  return stays || maxW !== undefined || maxH !== undefined
}

/** Entries between two looks at the clock. */
const PIECE = 1 << 14

/** Losses of starts that are far too large come from differences that leave few digits; the next look has more. */
const LOOKS = 3

/** FᵀF of packed rows, rank × rank. */
function* gramOfRows(F: FloatArray, rank: number): Generator<void, Float64Array> {
  const G = new Float64Array(rank * rank)
  const rows = Math.max(1, Math.floor(PIECE / (rank * rank)))
  for (let at = 0, i = 0; at < F.length; at += rank, i++) {
    for (let r = 0; r < rank; r++) {
      const value = F[at + r]
      for (let s = 0; s < rank; s++) G[r * rank + s] += value * F[at + s]
    }
    if (i % rows === rows - 1) yield
  }
  return G
}

/** FFᵀ of packed columns, rank × rank. */
function* gramOfColumns(F: FloatArray, rank: number): Generator<void, Float64Array> {
  const G = new Float64Array(rank * rank)
  const columns = F.length / rank
  for (let r = 0; r < rank; r++) {
    for (let s = 0; s <= r; s++) {
      let sum = 0
      for (let j = 0; j < columns; j++) sum += F[r * columns + j] * F[s * columns + j]
      G[r * rank + s] = sum
      G[s * rank + r] = sum
      yield
    }
  }
  return G
}

function diagonalOf(G: Float64Array, rank: number): Float64Array {
  return Float64Array.from({ length: rank }, (_, k) => G[k * rank + k])
}

/**
 * `balancedScales`, but components that are zero on one side stay as they are: steps can still find what the theorem's start
 * gives up.
 */
function scalesOf(sums: StartSums): StartScales {
  const scales = balancedScales(sums)
  for (const list of [scales.W, scales.H]) for (let k = 0; k < list.length; k++) list[k] ||= 1
  return scales
}

/** Copies with component k of each factor times its scale. */
function* scaled(
  { W, H }: Pick<Factors, 'W' | 'H'>,
  scales: { readonly W: Float64Array; readonly H: Float64Array },
): Generator<void, Pick<Factors, 'W' | 'H'>> {
  const rank = scales.W.length
  const columns = H.length / rank
  const [w, h] = [W.slice(), H.slice()]
  for (let at = 0; at < w.length; at++) {
    w[at] *= scales.W[at % rank]
    if (at % PIECE === PIECE - 1) yield
  }
  for (let at = 0; at < h.length; at++) {
    h[at] *= scales.H[Math.floor(at / columns)]
    if (at % PIECE === PIECE - 1) yield
  }
  return { W: w, H: h }
}

/**
 * Puts a start in its place of which WH is as near to X as one scale brings it, with as much of each component in W as in H
 * (`balancedScales`); X·½‖·‖² is then at most that of no factors at all. A start that is zero, or has nothing in common with
 * X, is balanced alone, and components that are zero in one factor stay as they are.
 * @param squaredNorm ‖X‖²
 */
export async function startSafely(
  fit: Fit,
  start: { readonly W: DenseView; readonly H: DenseView },
  squaredNorm: number,
): Promise<void> {
  const rank = start.H.rows
  let factors: Pick<Factors, 'W' | 'H'> = {
    W: await inSlices(packedEntries(start.W)),
    H: await inSlices(packedEntries(start.H)),
  }
  for (let look = 0; look < LOOKS; look++) {
    const loss = await fit.evaluate()
    const left = await inSlices(gramOfRows(factors.W, rank))
    const right = await inSlices(gramOfColumns(factors.H, rank))
    const own = left.reduce((sum, value, at) => sum + value * right[at], 0)
    const common = (squaredNorm + own) / 2 - loss
    const product = common > 0 ? common : own
    const squares = { squaresW: diagonalOf(left, rank), squaresH: diagonalOf(right, rank) }
    factors = await inSlices(scaled(factors, scalesOf({ ...squares, product, squaredNorm: own })))
    await fit.setFactors(factors)
    if (own === 0 || (product < 2 * own && own < 2 * product)) return
  }
}

/**
 * Gives each component as much in W as in H again, as theorem T3 has it; WH stays, and so do components that one of them
 * has nothing of. Without it the scale of the factors drifts where gradients are noisy: the projection makes the factor
 * grow whose steps carry more noise, the other shrinks to make up for it, and as it does the steps 2u/𝓛 of the first grow
 * without bound.
 */
export async function rebalance(fit: Fit, rank: number): Promise<void> {
  const { W, H, gradient } = await fit.factors()
  const squaresW = diagonalOf(await inSlices(gramOfRows(W, rank)), rank)
  const squaresH = diagonalOf(await inSlices(gramOfColumns(H, rank)), rank)
  const scales = scalesOf({ squaresW, squaresH, product: 1, squaredNorm: 1 })
  const own = await inSlices(scaled({ W, H }, scales))
  if (!gradient) return await fit.setFactors(own)
  // what falls in the scaled H along the same line
  const inverse = { W: scales.W, H: scales.H.map(scale => 1 / scale) }
  const { H: turned } = await inSlices(scaled({ W: W.subarray(0, 0), H: gradient }, inverse))
  await fit.setFactors({ ...own, gradient: turned })
}
