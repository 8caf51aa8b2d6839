import { bounded, projected } from './hals_update.js'
import { SMALLEST } from './mu_update.js'
import type { Dims } from './spec.js'

// Exact least squares of a row of a factor between bounds: what `bpp_update`, `bpp_dense` and `bpp_csr` share.

/** A pivot below this share of its diagonal entry: the component depends on those before it. */
const DEPENDENT = 2 ** -24

/** δ of the proximal problem, as a share of the largest diagonal entry; well above what counts as dependent. */
const PROXIMAL = 2 ** -20

/** A gradient below this share of the largest right-hand side counts as zero. */
const SLACK = 2 ** -40

/** ½·fᵀBf − wantedᵀf over 0 ≤ f ≤ most; B is symmetric, as many rows as there are components. */
interface Quadratic {
  readonly B: Float64Array
  readonly wanted: Float64Array
  readonly most: number
}

/** Where a component is: at one of its bounds, or where its gradient is zero. */
type Place = 'zero' | 'free' | 'most'

/**
 * Moves the row f of a factor to the minimum of ½·fᵀ(G + l2·I)f − (n − l1)ᵀf over 0 ≤ f ≤ most and answers Σ |projected
 * gradient| as it was before. Components from `moving` on stay, and the others reckon with them.
 *
 * Components are at zero, at `most` or free, at first as they were. The free ones' system is solved, and components that
 * break the optimality conditions change places, all at once while their number falls, else, after three more tries, the
 * last of them alone, until none does: Kim & Park's block pivoting (2011, algorithm 2), with a third place for upper bounds
 * as in Júdice & Pires (JOTA 74, 1992).
 *
 * Where a system is singular (a component depends on those before it), the exchanges need not end, and where they do, the
 * minimum is one of many. Such a row, and one that comes to no end within 5·moving + 20 exchanges, goes another way from
 * where it was. It gets ½·δ·‖f − before‖² added, a proximal step (Martinet 1970, Rockafellar 1976), which moves no minimum of
 * the row and makes its own the only one; and that is come to by the primal active set method (Nocedal & Wright, Numerical
 * Optimization, algorithm 16.3, for bounds), of which no step raises anything. That such rows go this way, the δ, and that
 * steps cut to the bounds are tried first are choices of ours. Components that are zero in all of B become zero.
 */
export function moveToMinimum(dims: Dims, f: Float64Array, n: Float64Array, G: Float64Array): number {
  const { rank, l1, l2, smallest = SMALLEST, moving = rank, most = Number.POSITIVE_INFINITY } = dims
  const wanted = Float64Array.from({ length: moving }, (_, r) => {
    let sum = n[r] - l1
    for (let s = moving; s < rank; s++) sum -= f[s] * G[s * rank + r]
    return sum
  })
  const B = new Float64Array(moving * moving)
  for (let r = 0; r < moving; r++) {
    for (let s = 0; s < moving; s++) B[r * moving + s] = G[r * rank + s] + (r === s ? l2 : 0)
  }
  const row = { B, wanted, most }
  const before = f.slice(0, moving)
  let violation = 0
  for (const [r, slope] of gradient(row, before).entries()) violation += Math.abs(projected(slope, before[r], most))
  const solution = pivot(row, before) ?? descend(proximal(row, before), before)
  for (let r = 0; r < moving; r++) f[r] = bounded(solution[r], smallest, most)
  return violation
}

function gradient({ B, wanted }: Quadratic, f: Float64Array): Float64Array {
  const slopes = Float64Array.from(wanted, value => -value)
  for (let r = 0; r < f.length; r++) for (let s = 0; s < f.length; s++) slopes[r] += B[r * f.length + s] * f[s]
  return slopes
}

function proximal({ B, wanted, most }: Quadratic, before: Float64Array): Quadratic {
  const size = before.length
  const diagonal = before.map((_, r) => B[r * (size + 1)])
  const delta = PROXIMAL * Math.max(...diagonal)
  const raised = B.map((value, at) => (at % (size + 1) === 0 && value > 0 ? value + delta : value))
  return { B: raised, wanted: wanted.map((value, r) => (diagonal[r] > 0 ? value + delta * before[r] : value)), most }
}

/** Where components are at first, and what gradients count as zero. */
function begin(
  { B, wanted, most }: Quadratic,
  before: Float64Array,
): { readonly places: Place[]; readonly slack: number } {
  const places = Array.from(before, (value, r): Place => {
    if (value <= 0 || B[r * (before.length + 1)] <= 0) return 'zero'
    return value >= most ? 'most' : 'free'
  })
  return { places, slack: SLACK * wanted.reduce((size, value) => Math.max(size, Math.abs(value)), 0) }
}

/** How many exchanges, or steps, a row may take. */
function patience(row: Quadratic): number {
  return 5 * row.wanted.length + 20
}

/** The minimum by block pivoting; undefined where a system is singular, or where there is no end to it. */
function pivot(row: Quadratic, before: Float64Array): Float64Array | undefined {
  const { places, slack } = begin(row, before)
  let fewest = before.length + 1
  let chances = 3
  for (let exchange = 0; exchange <= patience(row); exchange++) {
    const { f, isSingular } = solve(row, places)
    if (isSingular) return undefined
    const slopes = gradient(row, f)
    const breaking = places.flatMap((place, r) => {
      const better = betterPlace(place, f[r], slopes[r], row.most, slack)
      return better === place ? [] : [[r, better] as const]
    })
    if (breaking.length === 0) return f
    let changing = breaking
    if (breaking.length < fewest) {
      fewest = breaking.length
      chances = 3
    } else if (chances > 0) {
      chances--
    } else {
      changing = breaking.slice(-1)
    }
    for (const [r, better] of changing) places[r] = better
  }
  return undefined
}

/** The minimum by active sets, or where it came on the way; never above `before`, which it begins with. */
function descend(row: Quadratic, before: Float64Array): Float64Array {
  const { most } = row
  const { places, slack } = begin(row, before)
  let f: Float64Array = before.map(value => Math.min(value, most))
  for (let step = 0; step <= patience(row); step++) {
    const target = solve(row, places).f
    const share = target.reduce((least, end, r) => Math.min(least, shareWithin(f[r], end, most)), 1)
    if (share === 1) {
      f = target
      const slopes = gradient(row, f)
      let isMinimum = true
      for (const [r, place] of places.entries()) {
        places[r] = betterPlace(place, f[r], slopes[r], most, slack)
        isMinimum &&= places[r] === place
      }
      if (isMinimum) return f
      continue
    }
    const cut = target.map(end => Math.min(most, Math.max(0, end)))
    if (value(row, cut) < value(row, f)) {
      for (const [r, end] of target.entries()) if (end < 0 || end > most) places[r] = end < 0 ? 'zero' : 'most'
      f = cut
      continue
    }
    f = f.map((from, r) => {
      if (shareWithin(from, target[r], most) > share) return from + share * (target[r] - from)
      places[r] = target[r] < 0 ? 'zero' : 'most'
      return target[r] < 0 ? 0 : most
    })
  }
  return f
}

/** How much of the way from one value to another lies within the bounds. */
function shareWithin(from: number, end: number, most: number): number {
  if (end < 0) return from / (from - end)
  return end > most ? (most - from) / (end - from) : 1
}

function value(row: Quadratic, f: Float64Array): number {
  return gradient(row, f).reduce((sum, slope, r) => sum + 0.5 * f[r] * (slope - row.wanted[r]), 0)
}

function betterPlace(place: Place, value: number, slope: number, most: number, slack: number): Place {
  if (place === 'free') return value < 0 ? 'zero' : value > most ? 'most' : place
  return (place === 'zero' ? slope < -slack : slope > slack) ? 'free' : place
}

/** Bf = wanted in the free components, the others at their bounds; by Cholesky, in the order of the components. */
function solve(
  { B, wanted, most }: Quadratic,
  places: readonly Place[],
): { readonly f: Float64Array; readonly isSingular: boolean } {
  const size = wanted.length
  const f = Float64Array.from(places, place => (place === 'most' ? most : 0))
  const L: Float64Array[] = []
  const kept: number[] = []
  const z: number[] = []
  let isSingular = false
  for (const [r, place] of places.entries()) {
    if (place !== 'free') continue
    const row = new Float64Array(kept.length + 1)
    const bend = B[r * (size + 1)]
    let pivotSquare = bend
    for (const [a, s] of kept.entries()) {
      let sum = B[r * size + s]
      for (let b = 0; b < a; b++) sum -= row[b] * L[a][b]
      row[a] = sum / L[a][a]
      pivotSquare -= row[a] ** 2
    }
    if (!(pivotSquare > DEPENDENT * bend)) {
      isSingular ||= bend > 0
      continue
    }
    row[kept.length] = Math.sqrt(pivotSquare)
    let right = wanted[r]
    for (const [s, bound] of places.entries()) if (bound === 'most') right -= B[r * size + s] * most
    for (const [a, value] of z.entries()) right -= row[a] * value
    z.push(right / row[kept.length])
    kept.push(r)
    L.push(row)
  }
  for (let a = kept.length - 1; a >= 0; a--) {
    let sum = z[a]
    for (let b = a + 1; b < kept.length; b++) sum -= L[b][a] * f[kept[b]]
    f[kept[a]] = sum / L[a][a]
  }
  return { f, isSingular }
}
