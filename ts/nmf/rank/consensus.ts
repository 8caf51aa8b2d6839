import type { Factors } from '../../backends/backend.js'
import { Random } from '../../core/random.js'
import { averageLinkage } from './average-linkage.js'

/** Rows between two looks at the clock. */
const PIECE = 1 << 10

/** How far several fits of one rank agree on which samples belong together. */
export interface Agreement {
  /** Of 1 − C and its tree of average linkage (Brunet et al., PNAS 2004): 1 where the samples fall into clear clusters. */
  readonly cophenetic: number
  /** (1/n²) Σ 4·(Cᵢⱼ − ½)² (Kim & Park, Bioinformatics 2007): 1 where every fit says the same of every pair. */
  readonly dispersion: number
}

/**
 * The rows that are compared, ascending: all, or so many drawn without return (Fisher–Yates, the first `most` places).
 */
export function* sampledRows(rows: number, most: number, seed: number): Generator<void, Uint32Array> {
  const all = new Uint32Array(rows)
  for (let i = 0; i < rows; i++) {
    all[i] = i
    if (i % PIECE === PIECE - 1) yield
  }
  if (rows <= most) return all
  const random = new Random(seed, 5)
  for (let i = 0; i < most; i++) {
    const other = i + random.below(rows - i)
    const row = all[other]
    all[other] = all[i]
    all[i] = row
    if (i % PIECE === PIECE - 1) yield
  }
  return all.slice(0, most).sort()
}

/**
 * The component that each sample belongs to: the largest entry of its row of W once the rows of H have length 1, so that
 * the scale between W and H, of which the loss knows nothing, plays no part. At equal entries the first; `rank` for a
 * sample that has no part in any.
 */
export function* assignments({ W, H }: Factors, rank: number, samples: Uint32Array): Generator<void, Uint32Array> {
  const columns = H.length / rank
  const lengths = new Float64Array(rank)
  for (let r = 0; r < rank; r++) {
    let squares = 0
    for (let j = r * columns; j < (r + 1) * columns; j++) squares += H[j] ** 2
    lengths[r] = Math.sqrt(squares)
    yield
  }
  const labels = new Uint32Array(samples.length)
  const piece = Math.ceil((PIECE << 4) / rank)
  for (const [at, sample] of samples.entries()) {
    let [best, largest] = [rank, 0]
    for (let r = 0; r < rank; r++) {
      const part = W[sample * rank + r] * lengths[r]
      if (part <= largest) continue
      best = r
      largest = part
    }
    labels[at] = best
    if (at % piece === piece - 1) yield
  }
  return labels
}

/** Samples that every fit put together, as one. */
interface Groups {
  /** The assignments of a member of each by each fit, group after group. */
  readonly labels: Uint32Array
  readonly sizes: Uint32Array
}

function* grouped(fits: readonly Uint32Array[]): Generator<void, Groups> {
  const samples = fits[0].length
  const found = new Map<string, number>()
  const labels: number[] = []
  const sizes: number[] = []
  for (let at = 0; at < samples; at++) {
    const key = fits.map(fit => fit[at]).join()
    const group = found.get(key)
    if (group === undefined) {
      found.set(key, sizes.length)
      sizes.push(1)
      for (const fit of fits) labels.push(fit[at])
    } else {
      sizes[group]++
    }
    if (at % PIECE === PIECE - 1) yield
  }
  return { labels: Uint32Array.from(labels), sizes: Uint32Array.from(sizes) }
}

/**
 * Agreement of several fits from the assignments of the same samples by each. Cᵢⱼ is the share of the fits that put samples
 * i and j together. Samples that all of them put together are one point with so many members: its pairs are at distance 0,
 * where average linkage begins, so that the tree is the same, and for fits that agree there is next to nothing to store.
 */
export function* agreement(fits: readonly Uint32Array[]): Generator<void, Agreement> {
  const { labels, sizes } = yield* grouped(fits)
  const groups = sizes.length
  const replicates = fits.length
  const distances = new Float32Array((groups * (groups - 1)) / 2)
  let dispersion = 0
  for (let i = 0, at = 0; i < groups; i++) {
    dispersion += sizes[i] ** 2
    for (let j = i + 1; j < groups; j++, at++) {
      let apart = 0
      for (let fit = 0; fit < replicates; fit++) {
        if (labels[i * replicates + fit] !== labels[j * replicates + fit]) apart++
      }
      distances[at] = apart / replicates
      // both (i, j) and (j, i)
      dispersion += 2 * sizes[i] * sizes[j] * 4 * (0.5 - apart / replicates) ** 2
    }
    yield
  }
  const { cophenetic } = yield* averageLinkage(distances, sizes)
  return { cophenetic, dispersion: dispersion / fits[0].length ** 2 }
}
