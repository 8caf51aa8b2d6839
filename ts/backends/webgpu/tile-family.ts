import { columnSums, rowNorms, type Wanted } from './beta-calls.js'
import type { Call } from './calls.js'
import { type Family, lossSums, type Measure, type Setting, SLOT, type State } from './family.js'
import { gradientRules, type Halves } from './gradient-rules.js'
import { type Deal, dealOf, mostParts, SUM_PARTS, sumPartsOf } from './plan.js'
import { ONE_PART, xhtDense, xtwDense } from './product-calls.js'
import { sumTerms } from './rule-calls.js'
import { type Tile, type Tiles, tilesFor } from './tiles.js'

const LOSS: Wanted = { push: false, bend: false, measure: true }

/** The loss of any β from W·H, one tile after another. */
function measureOf({ dots, slot }: Setting, tiles: Tiles, beta: number): Measure {
  const { all, fill, terms, termCount } = tiles
  const groups = lossSums(dots)
  return {
    measure: state => [
      ...all.flatMap(tile => fill(tile, state, beta, LOSS)),
      sumTerms({ length: termCount, first: 0, low: SLOT.low, groups, terms: { buffer: terms }, into: slot }),
    ],
    constant: 0,
    parts: { ab: groups, cd: 0, abFactor: 1, cdFactor: 0 },
  }
}

export async function tileMeasure(setting: Setting, beta: number): Promise<Measure> {
  return measureOf(setting, await tilesFor(setting, { push: false, bend: false }), beta)
}

/** Products that one factor's update takes from the tiles. */
interface Side {
  readonly name: 'W' | 'Ht'
  readonly rows: number
  readonly deal: Deal
  readonly N: GPUBuffer
  /** Absent where the other factor's column sums are all of it. */
  readonly P: GPUBuffer | undefined
  readonly L: GPUBuffer | undefined
}

/** Any loss, any X and any weights, from W·H formed for some rows at a time. */
export async function tileFamily(setting: Setting): Promise<Family> {
  const { owned, spec, data, room, width, columns } = setting
  const { beta, rule, rounds = 1 } = spec
  const { rows } = data
  const bend = rule === 'pg'
  // Kullback–Leibler pushes back with the other factor alone, where every entry counts
  const shared = beta === 1 && !data.weights
  const wanted: Wanted = { push: !shared, bend, measure: false }
  const tiles = await tilesFor(setting, wanted)
  const { all, tallest, U, P, C, fill } = tiles
  const rules = await gradientRules(owned, setting)
  const most = mostParts(rows * width * 4, room)
  const ofW = dealOf('xht_dense', { rows: tallest, ranks: width, terms: columns }, room, most)
  const ofHt = dealOf('xtw_dense', { rows: columns, ranks: width, terms: tallest }, room)
  const norms = bend ? await owned.storage(Math.max(rows, columns) * 4) : undefined
  const sums = shared ? await owned.storage(width * 4 * SUM_PARTS) : undefined

  async function sideOf(name: 'W' | 'Ht', count: number, deal: Deal): Promise<Side> {
    const bytes = count * width * deal.parts.count * 4
    return {
      ...{ name, rows: count, deal, N: await owned.storage(bytes) },
      P: shared ? undefined : await owned.storage(bytes),
      L: bend ? await owned.storage(count * 4) : undefined,
    }
  }
  const W = await sideOf('W', rows, ofW)
  const Ht = spec.fixed === 'H' ? undefined : await sideOf('Ht', columns, ofHt)

  /** What a tile adds to a product: to W's by its rows, to H's by all of them. */
  function product({ name, rows: count, deal }: Side, tile: Tile, X: GPUBuffer, into: GPUBuffer): Call {
    const { first, count: height } = tile
    const sizes = { rows: height, columns, rank: width, stride: columns, firstRow: first }
    if (name === 'W') {
      const [O, N] = [{ buffer: setting.Ht[0] }, { buffer: into }]
      return xhtDense({ ...sizes, ...deal, partLength: count * width, X: { buffer: X }, Ht: O, N })
    }
    const [F, A] = [{ buffer: setting.W[0] }, { buffer: into }]
    return xtwDense({ ...sizes, ...deal, accumulate: tile !== all[0], X: { buffer: X }, W: F, A, S: undefined })
  }

  /** The curvatures times the squared norms of the other factor's rows: a product of rank 1. */
  function bending({ name, L }: Side, tile: Tile): Call[] {
    if (!C || !L || !norms) return []
    const { first, count: height } = tile
    const sizes = { rows: height, columns, rank: 1, stride: columns, firstRow: first, parts: ONE_PART }
    const [X, O, into] = [{ buffer: C }, { buffer: norms }, { buffer: L }]
    if (name === 'W') return [xhtDense({ ...sizes, partLength: 0, X, Ht: O, N: into })]
    return [xtwDense({ ...sizes, accumulate: tile !== all[0], X, W: O, A: into, S: undefined })]
  }

  function update(side: Side, state: State): Call[] {
    const isW = side.name === 'W'
    const other = { rows: isW ? columns : rows, rank: width, F: { buffer: (isW ? setting.Ht : setting.W)[state] } }
    const cut = sumPartsOf(other.rows)
    const halves: Halves = {
      N: { operand: { buffer: side.N }, parts: side.deal.parts.count },
      P: sums
        ? { operand: { buffer: sums }, parts: cut.count, partLength: width }
        : { operand: { buffer: side.P! }, parts: side.deal.parts.count },
      shared,
      L: side.L && { operand: { buffer: side.L }, terms: 1, step: 0, stride: 1 },
    }
    const once = [
      ...(norms ? [rowNorms({ ...other, into: { buffer: norms } })] : []),
      ...(sums ? [columnSums({ ...other, parts: cut, into: { buffer: sums } })] : []),
    ]
    const round = all.flatMap(tile => [
      ...fill(tile, state, beta, wanted),
      product(side, tile, U, side.N),
      ...(P && side.P ? [product(side, tile, P, side.P)] : []),
      ...bending(side, tile),
    ])
    const many = Array.from({ length: rounds }, (_, at) => [...round, rules.move(side.name, halves, at)])
    return [...once, ...many.flat()]
  }

  const measure = measureOf(setting, tiles, beta)
  return {
    ...measure,
    begin: () => [],
    updateW: state => update(W, state),
    updateH: state => (Ht ? update(Ht, state) : []),
    loss: measure.measure,
    left: { buffer: await owned.storage(0), bytes: 0 },
    terms: rules.terms,
    termCount: rules.termCount,
  }
}
