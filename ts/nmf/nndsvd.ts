import { type DenseView, denseView, type FloatArray } from '../core/matrix.js'
import { Random } from '../core/random.js'
import type { Sizes, Start } from './init.js'
import type { SingularVectors } from './svd.js'

/** Smaller entries count as zeros, as in scikit-learn. */
const LEAST = 1e-6

/** The norms of a vector's positive and negative part. */
function normsOfParts(vector: FloatArray): readonly [positive: number, negative: number] {
  let positive = 0
  let negative = 0
  for (let i = 0; i < vector.length; i++) {
    const square = vector[i] * vector[i]
    if (vector[i] > 0) positive += square
    else negative += square
  }
  return [Math.sqrt(positive), Math.sqrt(negative)]
}

/** Writes the part of a vector that `factor` makes positive, times it, to every `step`-th place from `at` on. */
function writePart(F: FloatArray, at: number, step: number, vector: FloatArray, factor: number): void {
  for (let i = 0; i < vector.length; i++) {
    const value = factor * vector[i]
    F[at + i * step] = value < LEAST ? 0 : value
  }
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
    const [[leftPlus, leftMinus], [rightPlus, rightMinus]] = [normsOfParts(left[r]), normsOfParts(right[r])]
    const [sign, u, v] =
      leftPlus * rightPlus > leftMinus * rightMinus ? [1, leftPlus, rightPlus] : [-1, leftMinus, rightMinus]
    // the first pair of a non-negative X has one sign, but for rounding
    const [weight, wide, high] = r === 0 ? [Math.sqrt(value), 1, 1] : [Math.sqrt(value * u * v), u, v]
    writePart(W, r, rank, left[r], (sign * weight) / wide)
    writePart(H, r * columns, 1, right[r], (sign * weight) / high)
    yield
  }
  if (variant !== 'nndsvd') {
    for (const [stream, F] of [W, H].entries()) yield* filled(F, variant, mean, new Random(seed, 3 + stream))
  }
  return { W: view(W, rows, rank), H: view(H, rank, columns) }
}

function view(data: FloatArray, rows: number, columns: number): DenseView {
  return denseView(data, rows, columns)
}

/** Entries between two looks at the clock. */
const PIECE = 1 << 12

function* filled(F: FloatArray, variant: 'nndsvda' | 'nndsvdar', mean: number, random: Random): Generator<void, void> {
  for (let begin = 0; begin < F.length; begin += PIECE) {
    const end = Math.min(F.length, begin + PIECE)
    if (variant === 'nndsvda') fillZeros(F, begin, end, mean)
    else fillAtRandom(F, begin, end, mean / 100, random)
    yield
  }
}

function fillZeros(F: FloatArray, begin: number, end: number, value: number): void {
  for (let i = begin; i < end; i++) if (F[i] === 0) F[i] = value
}

function fillAtRandom(F: FloatArray, begin: number, end: number, width: number, random: Random): void {
  for (let i = begin; i < end; i++) if (F[i] === 0) F[i] = Math.abs(width * normal(random))
}

/** Box & Muller, Annals of Mathematical Statistics 1958. */
function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform())
}
