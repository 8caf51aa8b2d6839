import type { Factors, Fit } from '../backends/backend.js'
import { inSlices } from '../core/breathe.js'
import { type DenseView, type FloatArray, packedEntries } from '../core/matrix.js'
import { balancedScales } from '../schedulers/stability.js'

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
 * X, is balanced alone.
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
    const diagonal = (G: Float64Array) => Float64Array.from({ length: rank }, (_, k) => G[k * rank + k])
    const common = (squaredNorm + own) / 2 - loss
    const product = common > 0 ? common : own
    const squares = { squaresW: diagonal(left), squaresH: diagonal(right) }
    factors = await inSlices(scaled(factors, balancedScales({ ...squares, product, squaredNorm: own })))
    await fit.setFactors(factors)
    if (own === 0 || (product < 2 * own && own < 2 * product)) return
  }
}
