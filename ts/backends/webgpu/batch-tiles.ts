import type { BatchProducts } from './batch-products.js'
import { columnSums, type Wanted } from './beta-calls.js'
import { lossSums, type Setting, SLOT } from './family.js'
import { dealOf, mostParts, type Panel, SUM_PARTS, sumPartsOf } from './plan.js'
import { xhtDense, xtwDense } from './product-calls.js'
import { sumTerms } from './rule-calls.js'
import { tilesFor } from './tiles.js'

const LOSS: Wanted = { push: false, bend: false, measure: true }

/** Any loss, from tiles of the batch's rows. */
export async function tilesOfBatch(setting: Setting, rows: Panel): Promise<BatchProducts> {
  const { owned, spec, data, room, dots, width, columns, slot } = setting
  const { beta } = spec
  const { first, count } = rows
  const [W, Ht] = [{ buffer: setting.W[0] }, { buffer: setting.Ht[0] }]
  const shared = beta === 1 && !data.weights
  const wanted: Wanted = { push: !shared, bend: false, measure: false }
  const { all, tallest, U, P, fill, terms, termCount } = await tilesFor(setting, wanted, rows)
  const most = mostParts(count * width * 4, room)
  const nDeal = dealOf('xht_dense', { rows: tallest, ranks: width, terms: columns }, room, most)
  const aDeal = dealOf('xtw_dense', { rows: columns, ranks: width, terms: tallest }, room)
  const [nParts, aParts] = [nDeal.parts, aDeal.parts]
  const half = async (length: number) => ({ buffer: await owned.storage(length * width * 4) })
  const N = await half(nParts.count * count)
  const A = await half(aParts.count * columns)
  // the other factor's column sums, or the second half
  const D = await half(shared ? SUM_PARTS : nParts.count * count)
  const B = await half(shared ? SUM_PARTS : aParts.count * columns)
  const [cutHt, cutW] = [sumPartsOf(columns), sumPartsOf(count)]
  const sizes = { columns, rank: width, stride: columns }
  const sum = (operand: typeof N, parts: number) => ({ operand, parts })
  const sums = (operand: typeof N, parts: number) => ({ operand, parts, partLength: width })
  return {
    begin: shared ? [columnSums({ rows: columns, rank: width, parts: cutHt, F: Ht, into: D })] : [],
    forW: all.flatMap(tile => {
      const cut = { rows: tile.count, firstRow: tile.first - first, ...nDeal, partLength: count * width }
      return [
        ...fill(tile, 0, beta, wanted),
        xhtDense({ ...sizes, ...cut, X: { buffer: U }, Ht, N }),
        ...(P ? [xhtDense({ ...sizes, ...cut, X: { buffer: P }, Ht, N: D })] : []),
      ]
    }),
    W: { N: sum(N, nParts.count), P: shared ? sums(D, cutHt.count) : sum(D, nParts.count), shared },
    loss: [
      ...all.flatMap(tile => fill(tile, 0, beta, LOSS)),
      sumTerms({
        ...{ length: termCount, first: 0, low: SLOT.low, groups: lossSums(dots) },
        ...{ terms: { buffer: terms }, into: slot },
      }),
    ],
    constant: 0,
    parts: { ab: lossSums(dots), cd: 0, abFactor: 1, cdFactor: 0 },
    forH: [
      ...all.flatMap(tile => {
        const cut = { rows: tile.count, firstRow: tile.first, ...aDeal, accumulate: tile !== all[0] }
        return [
          ...fill(tile, 0, beta, wanted),
          xtwDense({ ...sizes, ...cut, X: { buffer: U }, W, A, S: undefined }),
          ...(P ? [xtwDense({ ...sizes, ...cut, X: { buffer: P }, W, A: B, S: undefined })] : []),
        ]
      }),
      ...(shared ? [columnSums({ rows: count, firstRow: first, rank: width, parts: cutW, F: W, into: B })] : []),
    ],
    Ht: { N: sum(A, aParts.count), P: shared ? sums(B, cutW.count) : sum(B, aParts.count), shared },
  }
}
