import type { BatchProducts } from './batch-products.js'
import { columnSums } from './beta-calls.js'
import { lossSums, type Setting } from './family.js'
import { type Panel, SUM_PARTS, sumPartsOf } from './plan.js'
import { tileProducts } from './tile-products.js'

/** Any loss, from tiles of the batch's rows. */
export async function tilesOfBatch(setting: Setting, rows: Panel): Promise<BatchProducts> {
  const { owned, spec, data, dots, width, columns } = setting
  const { first, count } = rows
  const [W, Ht] = [{ buffer: setting.W[0] }, { buffer: setting.Ht[0] }]
  const shared = spec.beta === 1 && !data.weights
  const wish = { push: !shared, bend: false, measured: false }
  const { parts, form, measure, sum: lossSum } = await tileProducts(setting, wish, rows)
  const half = async (length: number) => ({ buffer: await owned.storage(length * width * 4) })
  const N = await half(parts.W.count * count)
  const A = await half(parts.Ht.count * columns)
  // the other factor's column sums, or the second half
  const D = await half(shared ? SUM_PARTS : parts.W.count * count)
  const B = await half(shared ? SUM_PARTS : parts.Ht.count * columns)
  const [cutHt, cutW] = [sumPartsOf(columns), sumPartsOf(count)]
  const sum = (operand: typeof N, parts: number) => ({ operand, parts })
  const sums = (operand: typeof N, parts: number) => ({ operand, parts, partLength: width })
  return {
    begin: shared ? [columnSums({ rows: columns, rank: width, parts: cutHt, F: Ht, into: D })] : [],
    forW: form('W', 0, { N: N.buffer, P: shared ? undefined : D.buffer }),
    W: { N: sum(N, parts.W.count), P: shared ? sums(D, cutHt.count) : sum(D, parts.W.count), shared },
    loss: [...measure(0), lossSum],
    constant: 0,
    parts: { ab: lossSums(dots), cd: 0, abFactor: 1, cdFactor: 0 },
    forH: [
      ...form('Ht', 0, { N: A.buffer, P: shared ? undefined : B.buffer }),
      ...(shared ? [columnSums({ rows: count, firstRow: first, rank: width, parts: cutW, F: W, into: B })] : []),
    ],
    Ht: { N: sum(A, parts.Ht.count), P: shared ? sums(B, cutW.count) : sum(B, parts.Ht.count), shared },
  }
}
