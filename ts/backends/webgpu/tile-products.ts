import { betaXhtDense, stagingOf, tileTerms, type Wanted, xhtThreads } from './beta-calls.js'
import type { Call } from './calls.js'
import type { FactorName } from './descent.js'
import { lossSums, type Setting, SLOT, type State } from './family.js'
import { type Deal, dealOf, mostParts, type Panel, padded, partsOf, type Room } from './plan.js'
import { ONE_PART, type Parts, xhtDense, xtwDense } from './product-calls.js'
import { sumTerms } from './rule-calls.js'
import { UNSHARED } from './shapes.js'
import { heightOf, type Tile, type Tiles, tilesFor } from './tiles.js'

export const LOSS: Wanted = { pull: false, push: false, bend: false, measure: true }

/** Entries of a tile for each term of the loss that it leaves. */
const ENTRIES_A_TERM = 16

/** Where one factor's products go, in parts. */
export interface Into {
  readonly N: GPUBuffer
  /** Absent where the other factor's column sums are all that the model pushes back with. */
  readonly P: GPUBuffer | undefined
  /** Where curvatures are wanted: what they add up to by the squared norms of the other factor's rows. */
  readonly bound?: { readonly norms: GPUBuffer; readonly L: GPUBuffer }
}

/** What the tiles give both factors' updates. */
export interface TileProducts {
  /** How the sums of either are cut. */
  readonly parts: Readonly<Record<FactorName, Parts>>
  /** Dispatches that leave a factor's products, and beside W's the terms of the loss where it is measured with them. */
  form(factor: FactorName, state: State, into: Into, measured?: boolean): Call[]
  /** Those that leave the terms of the loss alone. */
  measure(state: State): Call[]
  /** What the terms come to, in a slot. */
  readonly sum: Call
}

/** What is wanted of them. */
interface Wish {
  readonly push: boolean
  readonly bend: boolean
  /** Whether the terms of the loss come with W's products. */
  readonly measured: boolean
}

/** Adds up the terms of the loss that the tiles have left. */
export function lossOf({ dots, slot }: Setting, { terms, termCount }: Tiles): Call {
  const groups = lossSums(dots)
  return sumTerms({ length: termCount, first: 0, low: SLOT.low, groups, terms: { buffer: terms }, into: slot })
}

/** A sum whose parts are whole steps of a workgroup, which takes as many rows as the rank. */
function partsInSteps(length: number, threads: number, rank: number, room: Room, most?: number): Parts {
  const step = Math.ceil(partsOf(length, threads, room.busyThreads, most).step / rank) * rank
  return { count: Math.ceil(length / step), step }
}

/** The products of some rows of X, from W·H formed for some of them at a time. */
export async function tileProducts(
  setting: Setting,
  { push, bend, measured: isMeasured }: Wish,
  rows: Panel = { first: 0, count: setting.data.rows },
): Promise<TileProducts> {
  const { spec, data, room, width, columns } = setting
  const { beta } = spec
  const isFused = !bend && width <= room.fusedRank
  const most = mostParts(rows.count * width * 4, room)

  function dealsFor(tallest: number): Readonly<Record<FactorName, Deal>> {
    if (isFused) {
      const partsW = partsInSteps(columns, xhtThreads(tallest, width), width, room, most)
      const partsHt = partsInSteps(tallest, xhtThreads(columns, width), width, room)
      return { W: { shape: UNSHARED, parts: partsW }, Ht: { shape: UNSHARED, parts: partsHt } }
    }
    return {
      W: dealOf('xht_dense', { rows: tallest, ranks: width, terms: columns }, room, most),
      Ht: dealOf('xtw_dense', { rows: columns, ranks: width, terms: tallest }, room),
    }
  }

  const termsFor = (tallest: number, stride: number) =>
    isFused && isMeasured ? xhtThreads(tallest, width) * dealsFor(tallest).W.parts.count : tileTerms(tallest, stride)
  const lists = { pull: !isFused, push: push && !isFused, bend }
  // of a dense tile no more is kept than terms of the loss
  const height = isFused && data.X.kind === 'dense' ? heightOf(padded(columns) / ENTRIES_A_TERM, room) : undefined
  const tiles = await tilesFor(setting, lists, { rows, most: height, termsFor })
  const { all, tallest, stride, Q, P, C, fill, modelled } = tiles
  const deals = dealsFor(tallest)

  /** The products of a tile, of which nothing is kept. */
  function fused(tile: Tile, factor: FactorName, state: State, { N, P: D }: Into, measured: boolean): Call[] {
    const turned = factor === 'Ht'
    const { made, of } = modelled(tile, state, beta)
    const product = betaXhtDense({
      ...{ ...of, turned, measured, parts: deals[factor].parts, accumulate: turned && of.adds },
      ...{ first: turned ? 0 : tile.first - rows.first, partLength: (turned ? columns : rows.count) * width },
      ...{ N: { buffer: N }, D: D && { buffer: D }, staging: stagingOf(width, D !== undefined, room) },
    })
    return [...made, product]
  }

  /** What a tile's entries contribute, and then the products of that. */
  function apart(tile: Tile, factor: FactorName, state: State, into: Into, measured: boolean): Call[] {
    const { first, count } = tile
    const multiply = (X: GPUBuffer, rank: number, deal: Deal, other: GPUBuffer, to: GPUBuffer): Call => {
      const sizes = { rows: count, columns, rank, stride, ...deal, X: { buffer: X } }
      if (factor === 'W') {
        const place = { firstRow: first - rows.first, partLength: rows.count * rank }
        return xhtDense({ ...sizes, ...place, Ht: { buffer: other }, N: { buffer: to } })
      }
      const adds = { firstRow: first, accumulate: tile !== all[0] }
      return xtwDense({ ...sizes, ...adds, W: { buffer: other }, A: { buffer: to }, S: undefined })
    }
    const other = (factor === 'W' ? setting.Ht : setting.W)[state]
    const { N, P: D, bound } = into
    return [
      ...fill(tile, state, beta, { pull: true, push: D !== undefined, bend: bound !== undefined, measure: measured }),
      multiply(Q!, width, deals[factor], other, N),
      ...(P && D ? [multiply(P, width, deals[factor], other, D)] : []),
      // a product of rank 1
      ...(C && bound ? [multiply(C, 1, { shape: UNSHARED, parts: ONE_PART }, bound.norms, bound.L)] : []),
    ]
  }

  return {
    parts: { W: deals.W.parts, Ht: deals.Ht.parts },
    form(factor, state, into, measured = false) {
      return all.flatMap(tile => (isFused ? fused : apart)(tile, factor, state, into, measured))
    },
    measure: state => all.flatMap(tile => fill(tile, state, beta, LOSS)),
    sum: lossOf(setting, tiles),
  }
}
