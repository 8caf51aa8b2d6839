import { piecesOf } from './batch-gram.js'
import type { BatchProducts } from './batch-products.js'
import { type Beside, betaEntries, columnSums, entryTerms } from './beta-calls.js'
import type { Call } from './calls.js'
import type { CsrPanel } from './data.js'
import { listed, listsFor } from './entries-family.js'
import { type Setting, SLOT } from './family.js'
import { csrParts, type Panel, SUM_PARTS, sumPartsOf } from './plan.js'
import { dotOf, type Looked, xhtCsr } from './product-calls.js'
import { sumTerms } from './rule-calls.js'

const LOSS: Beside = { push: false, bend: false, measure: true }

/** Any loss at the listed entries of the batch's rows. */
export async function entriesOfBatch(setting: Setting, rows: Panel): Promise<BatchProducts> {
  const { owned, spec, data, room, dots, width, columns, slot } = setting
  const { beta } = spec
  const { first, count } = rows
  const [W, Ht] = [{ buffer: setting.W[0] }, { buffer: setting.Ht[0] }]
  const shared = !data.weights
  const wanted: Beside = { push: !shared, bend: false, measure: false }
  const byRows = listed(setting)
  const byColumns = data.X.kind === 'csr' ? data.X.byColumns! : byRows
  const lists = await listsFor(setting, [byRows, byColumns], shared ? 1 : 2)
  const nParts = csrParts({ ...byRows, rows: count }, width, room)
  const aParts = csrParts(byColumns, width, room)
  const half = async (length: number) => ({ buffer: await owned.storage(length * width * 4) })
  const N = await half(nParts * count)
  const A = await half(aParts * columns)
  // the other factor's column sums, or the second half
  const D = await half(shared ? SUM_PARTS : nParts * count)
  const B = await half(shared ? SUM_PARTS : aParts * columns)
  const [cutHt, cutW] = [sumPartsOf(columns), sumPartsOf(count)]
  const termCount = entryTerms(count, nParts)
  const terms = { buffer: await owned.storage(termCount * 4) }

  /** What the entries of some rows of a panel contribute; `own` are those of F. */
  function contribute(panel: CsrPanel, own: Panel, looked: Looked, what: Beside, isW: boolean): Call {
    return betaEntries({
      ...{ panel: own, rank: width, parts: isW ? nParts : aParts, beta, wanted: what, zeros: shared, looked },
      ...{ partLength: lists.length, firstTerm: (own.first - first) * nParts * Number(isW) },
      ...{ indptr: { buffer: panel.indptr }, indices: { buffer: panel.indices }, values: { buffer: panel.values } },
      weights: panel.weights && { buffer: panel.weights },
      ...{ F: isW ? W : Ht, O: isW ? Ht : W, entries: { buffer: lists.buffer } },
      terms: what.measure ? terms : undefined,
    })
  }
  /** One of their lists times the other factor. */
  function product(panel: CsrPanel, own: Panel, looked: Looked, list: number, isW: boolean, into: typeof N): Call {
    return xhtCsr({
      ...{ rows: own.count, rank: width, firstRow: own.first, parts: isW ? nParts : aParts },
      ...{ partLength: (isW ? count : columns) * width, looked },
      ...{ indptr: { buffer: panel.indptr }, indices: { buffer: panel.indices } },
      values: { buffer: lists.buffer, offset: list * lists.length * 4, size: lists.length * 4 },
      ...{ Ht: isW ? Ht : W, N: into },
    })
  }
  const pieces = piecesOf(byRows.panels, rows)
  const indices = { low: first, high: first + count }
  const sum = (operand: typeof N, parts: number) => ({ operand, parts })
  const sums = (operand: typeof N, parts: number) => ({ operand, parts, partLength: width })
  const ofHt = columnSums({ rows: columns, rank: width, parts: cutHt, F: Ht, into: D })
  const ofW = columnSums({ rows: count, firstRow: first, rank: width, parts: cutW, F: W, into: B })
  const none = { operand: undefined, parts: 0 }
  const from = shared ? dots.cd : 0
  return {
    begin: shared ? [ofHt] : [],
    forW: pieces.flatMap(({ panel, rows: own }) => {
      const looked = { first: own.first - panel.first }
      const local = { first: own.first - first, count: own.count }
      return [
        contribute(panel, own, looked, wanted, true),
        product(panel, local, looked, 0, true, N),
        ...(shared ? [] : [product(panel, local, looked, 1, true, D)]),
      ]
    }),
    W: { N: sum(N, nParts), P: shared ? sums(D, cutHt.count) : sum(D, nParts), shared },
    loss: [
      ...pieces.map(({ panel, rows: own }) => contribute(panel, own, { first: own.first - panel.first }, LOSS, true)),
      ...(shared
        ? [
            ofW,
            dotOf({
              threads: dots.threads,
              ...{ abGroups: 0, cdGroups: dots.cd, abLength: 0, cdLength: width, a: none, b: undefined },
              c: { operand: B, parts: cutW.count },
              d: { operand: D, parts: cutHt.count },
              ...{ partials: slot, low: SLOT.low },
            }),
          ]
        : []),
      sumTerms({ length: termCount, first: from, low: SLOT.low + from, groups: dots.ab, terms, into: slot }),
    ],
    constant: 0,
    parts: { ab: from, cd: dots.ab, abFactor: 1, cdFactor: 1 },
    // where P is shared, the loss has left the column sums of these rows
    forH: byColumns.panels.flatMap(panel => [
      contribute(panel, panel, { first: 0, indices }, wanted, false),
      product(panel, panel, { first: 0, indices }, 0, false, A),
      ...(shared ? [] : [product(panel, panel, { first: 0, indices }, 1, false, B)]),
    ]),
    Ht: { N: sum(A, aParts), P: shared ? sums(B, cutW.count) : sum(B, aParts), shared },
  }
}
