import type { BatchProducts } from './batch-products.js'
import type { Call } from './calls.js'
import { type Setting, SLOT } from './family.js'
import { csrParts, type Panel, partsOf } from './plan.js'
import { dotOf, gramOf, ONE_PART, sumParts, xhtCsr, xhtDense, xtwDense } from './product-calls.js'
import { gramParts } from './products.js'

/** What a run of rows has in common with each panel. */
export function piecesOf<T extends Panel>(panels: readonly T[], { first, count }: Panel): { panel: T; rows: Panel }[] {
  return panels.flatMap(panel => {
    const from = Math.max(first, panel.first)
    const to = Math.min(first + count, panel.first + panel.count)
    return from < to ? [{ panel, rows: { first: from, count: to - from } }] : []
  })
}

/** The Frobenius loss without weights: products of the batch's rows, and Gram matrices of theirs and of H. */
export async function gramOfBatch(setting: Setting, rows: Panel): Promise<BatchProducts> {
  const { owned, data, room, dots, width, columns, slot } = setting
  const { X, normsBefore } = data
  const { first, count } = rows
  const [W, Ht] = [{ buffer: setting.W[0] }, { buffer: setting.Ht[0] }]
  const tilesOf = (length: number) => Math.ceil(length / 4) * (width / 4)
  const nParts =
    X.kind === 'dense'
      ? partsOf(columns, tilesOf(count), room.busyThreads)
      : { count: csrParts({ ...X.byRows, rows: count }, width, room), step: 0 }
  const aParts =
    X.kind === 'dense'
      ? partsOf(count, tilesOf(columns), room.busyThreads)
      : { count: csrParts(X.byColumns!, width, room), step: 0 }
  const N = { buffer: await owned.storage(nParts.count * count * width * 4) }
  const P = { buffer: await owned.storage(count * width * 4) }
  const A = { buffer: await owned.storage(aParts.count * columns * width * 4) }
  const B = { buffer: await owned.storage(columns * width * 4) }
  const [gParts, sParts] = [columns, count].map(length => gramParts(length, width, room))
  const G = { buffer: await owned.storage(gParts.count * width * width * 4) }
  const S = { buffer: await owned.storage(sParts.count * width * width * 4) }

  const added = (parts: number, F: typeof G) => (parts > 1 ? [sumParts({ length: width * width, parts, F })] : [])
  const square = { columns: width, rank: width, stride: width, firstRow: 0, parts: ONE_PART, partLength: 0 }
  function productForW(): Call[] {
    const partLength = count * width
    if (X.kind === 'dense') {
      const sizes = { columns, rank: width, stride: X.stride, parts: nParts, partLength }
      return piecesOf(X.panels, rows).map(({ panel, rows: own }) => {
        const from = { firstX: (own.first - panel.first) * X.stride, X: { buffer: panel.buffer } }
        return xhtDense({ ...sizes, ...from, rows: own.count, firstRow: own.first - first, Ht, N })
      })
    }
    return piecesOf(X.byRows.panels, rows).map(({ panel, rows: own }) =>
      xhtCsr({
        ...{ rows: own.count, rank: width, firstRow: own.first - first, parts: nParts.count, partLength },
        ...{ looked: { first: own.first - panel.first }, indptr: { buffer: panel.indptr } },
        ...{ indices: { buffer: panel.indices }, values: { buffer: panel.values }, Ht, N },
      }),
    )
  }
  function productForH(): Call[] {
    if (X.kind === 'dense') {
      const sizes = { columns, rank: width, stride: X.stride, parts: aParts }
      return piecesOf(X.panels, rows).map(({ panel, rows: own }) => {
        const from = { firstX: (own.first - panel.first) * X.stride, X: { buffer: panel.buffer } }
        const into = { accumulate: own.first > first, A, S: undefined }
        return xtwDense({ ...sizes, ...from, ...into, rows: own.count, firstRow: own.first, W })
      })
    }
    const indices = { low: first, high: first + count }
    return X.byColumns!.panels.map(panel =>
      xhtCsr({
        ...{ rows: panel.count, rank: width, firstRow: panel.first, parts: aParts.count, partLength: columns * width },
        ...{ looked: { first: 0, indices }, indptr: { buffer: panel.indptr } },
        ...{ indices: { buffer: panel.indices }, values: { buffer: panel.values }, Ht: W, N: A },
      }),
    )
  }
  return {
    begin: [
      gramOf({ rows: columns, rank: width, parts: gParts, accumulate: false, F: Ht, G }),
      ...added(gParts.count, G),
      ...productForW(),
    ],
    forW: [xhtDense({ ...square, rows: count, firstX: first * width, X: W, Ht: G, N: P })],
    W: { N: { operand: N, parts: nParts.count }, P: { operand: P, parts: 1 }, shared: false },
    loss: [
      gramOf({ rows: count, firstRow: first, rank: width, parts: sParts, accumulate: false, F: W, G: S }),
      ...added(sParts.count, S),
      dotOf({
        ...{ abGroups: dots.ab, cdGroups: dots.cd, abLength: count * width, cdLength: width * width },
        ...{ a: { operand: N, parts: nParts.count }, b: W, firstB: first * width },
        ...{ c: { operand: S, parts: 1 }, d: { operand: G, parts: 1 }, partials: slot, low: SLOT.low },
      }),
    ],
    constant: 0.5 * (normsBefore![first + count] - normsBefore![first]),
    parts: { ab: dots.ab, cd: dots.cd, abFactor: -1, cdFactor: 0.5 },
    forH: [...productForH(), xhtDense({ ...square, rows: columns, X: Ht, Ht: S, N: B })],
    Ht: { N: { operand: A, parts: aParts.count }, P: { operand: B, parts: 1 }, shared: false },
  }
}
