/** What the tree of average linkage says of the distances that it was built from. */
export interface Tree {
  /** The distance at which clusters met, in the order of the merges found; one fewer than there are points. */
  readonly heights: Float64Array
  /**
   * The correlation over all pairs of members of the given distances with the cophenetic ones, which are the heights at
   * which two members meet (Sokal & Rohlf, Taxon 1962). 1 where all distances are equal: any tree then says them exactly.
   */
  readonly cophenetic: number
}

/** Where the distance of points i < j of n stands among n(n − 1)/2. */
export function pairIndex(n: number, i: number, j: number): number {
  return i * n - (i * (i + 1)) / 2 + j - i - 1
}

/**
 * Average linkage (UPGMA) by chains of nearest neighbours (Murtagh, The Computer Journal 1983; Müllner, arXiv:1109.2378,
 * section 3.2), in time n² and no memory beside the distances.
 *
 * Of the correlation nothing but the heights is needed. The height at which clusters A and B meet is the mean distance of
 * the |A|·|B| pairs that meet there, so cophenetic and given distances have one mean over all pairs, and their covariance
 * is the variance of the cophenetic ones: the correlation is the ratio of the two standard deviations.
 *
 * @param distances of the pairs i < j, row by row; they are overwritten
 * @param sizes members of each point, at no distance from one another
 */
export function* averageLinkage(distances: Float32Array, sizes: ArrayLike<number>): Generator<void, Tree> {
  const n = sizes.length
  const members = Float64Array.from(sizes)
  const whole = members.reduce((sum, size) => sum + size, 0)
  const pairs = (whole * (whole - 1)) / 2
  const given = yield* moments(distances, members)
  const heights = new Float64Array(Math.max(0, n - 1))
  const chain: number[] = []
  let squares = 0
  for (let merge = 0; merge < heights.length; merge++) {
    if (chain.length === 0) chain.push(members.findIndex(size => size > 0))
    for (;;) {
      const last = chain[chain.length - 1]
      const { nearest, distance } = nearestTo(distances, members, last, chain.at(-2))
      yield
      if (nearest !== chain.at(-2)) {
        chain.push(nearest)
        continue
      }
      chain.length -= 2
      heights[merge] = distance
      squares += members[nearest] * members[last] * distance ** 2
      join(distances, members, nearest, last)
      yield
      break
    }
  }
  const mean = given.sum / pairs
  const spread = given.squares / pairs - mean ** 2
  // rounding leaves no more than this of a variance that is none
  if (!(spread > 1e-12 * (given.squares / pairs))) return { heights, cophenetic: 1 }
  return { heights, cophenetic: Math.sqrt(Math.max(0, squares / pairs - mean ** 2) / spread) }
}

/** Sums over all pairs of members; those of one point are at distance 0. */
function* moments(distances: Float32Array, members: Float64Array): Generator<void, { sum: number; squares: number }> {
  const n = members.length
  let sum = 0
  let squares = 0
  for (let i = 0, at = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++, at++) {
      const weighed = members[i] * members[j] * distances[at]
      sum += weighed
      squares += weighed * distances[at]
    }
    yield
  }
  return { sum, squares }
}

/** The nearest cluster to `from`; at equal distances `before`, so that chains end, else the one of the lowest number. */
function nearestTo(
  distances: Float32Array,
  members: Float64Array,
  from: number,
  before: number | undefined,
): { nearest: number; distance: number } {
  const n = members.length
  let nearest = before ?? -1
  let distance = before === undefined ? Number.POSITIVE_INFINITY : distanceOf(distances, n, from, before)
  for (let i = 0, at = from - 1; i < from; at += n - i - 2, i++) {
    if (members[i] === 0 || distances[at] >= distance) continue
    nearest = i
    distance = distances[at]
  }
  for (let j = from + 1, at = pairIndex(n, from, j); j < n; j++, at++) {
    if (members[j] === 0 || distances[at] >= distance) continue
    nearest = j
    distance = distances[at]
  }
  return { nearest, distance }
}

function distanceOf(distances: Float32Array, n: number, a: number, b: number): number {
  return distances[a < b ? pairIndex(n, a, b) : pairIndex(n, b, a)]
}

/** Cluster `b` takes in `a`: its distance to any other becomes the mean over the members of both. */
function join(distances: Float32Array, members: Float64Array, a: number, b: number): void {
  const n = members.length
  const all = members[a] + members[b]
  for (let other = 0; other < n; other++) {
    if (other === a || other === b || members[other] === 0) continue
    const toA = distanceOf(distances, n, a, other)
    const at = b < other ? pairIndex(n, b, other) : pairIndex(n, other, b)
    distances[at] = (members[a] * toA + members[b] * distances[at]) / all
  }
  members[b] = all
  members[a] = 0
}
