import { type DenseView, denseView } from '../core/matrix.js'
import { Random } from '../core/random.js'
import type { Sizes, Start } from './init.js'
import type { SingularVectors } from './svd.js'

/** Smaller entries count as zeros, as in scikit-learn. */
const LEAST = 1e-6

/** The positive or the negative part of a vector, with its norm. */
function part(vector: Float64Array, sign: 1 | -1): { entries: Float64Array; norm: number } {
  const entries = vector.map(value => Math.max(0, sign * value))
  let squares = 0
  for (const value of entries) squares += value * value
  return { entries, norm: Math.sqrt(squares) }
}

/**
 * A start from singular vectors: the first pair as it is, of each further pair the positive or the negative parts, whichever
 * weigh more, scaled to that part of the singular value (Boutsidis & Gallopoulos, Pattern Recognition 2008, figure 2; as in
 * scikit-learn's `_initialize_nmf`, with zeros for entries below 1e-6). `nndsvd` leaves zeros, `nndsvda` puts the mean of X
 * in their place, `nndsvdar` random numbers about a hundredth of it, half-normal as scikit-learn's but of our own
 * generator. Components beyond X's own rank are zeros, filled like the others.
 */
export function* nndsvdStart(
  { values, left, right }: SingularVectors,
  variant: 'nndsvd' | 'nndsvda' | 'nndsvdar',
  { rows, columns, rank, dtype, mean }: Sizes,
  seed: number,
): Generator<void, Start> {
  const real = (length: number) => (dtype === 'f64' ? new Float64Array(length) : new Float32Array(length))
  const W = real(rows * rank)
  const H = real(rank * columns)
  for (const [r, value] of values.entries()) {
    const [plus, minus] = ([1, -1] as const).map(sign => [part(left[r], sign), part(right[r], sign)])
    const [u, v] = plus[0].norm * plus[1].norm > minus[0].norm * minus[1].norm ? plus : minus
    // the first pair of a non-negative X has one sign, but for rounding
    const weight = r === 0 ? Math.sqrt(value) : Math.sqrt(value * u.norm * v.norm)
    const [wide, high] = r === 0 ? [1, 1] : [u.norm, v.norm]
    for (let i = 0; i < rows; i++) W[i * rank + r] = kept((weight * u.entries[i]) / wide)
    for (let j = 0; j < columns; j++) H[r * columns + j] = kept((weight * v.entries[j]) / high)
    yield
  }
  if (variant !== 'nndsvd') {
    for (const [stream, F] of [W, H].entries()) yield* filled(F, variant, mean, new Random(seed, 3 + stream))
  }
  return { W: view(W, rows, rank), H: view(H, rank, columns) }
}

function kept(value: number): number {
  return value < LEAST ? 0 : value
}

function view(data: Float32Array | Float64Array, rows: number, columns: number): DenseView {
  return denseView(data, rows, columns)
}

function* filled(
  F: Float32Array | Float64Array,
  variant: 'nndsvda' | 'nndsvdar',
  mean: number,
  random: Random,
): Generator<void, void> {
  for (let i = 0; i < F.length; i++) {
    if (F[i] === 0) F[i] = variant === 'nndsvda' ? mean : Math.abs((mean / 100) * normal(random))
    if (i % 4096 === 0) yield
  }
}

/** Box & Muller, Annals of Mathematical Statistics 1958. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform())
}
