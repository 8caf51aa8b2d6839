import type { BatchProducts } from './batch-products.js'
import type { Call, Operand } from './calls.js'
import { type Setting, SLOT } from './family.js'
import { csrParts, type Deal, dealOf, type Panel } from './plan.js'
import { dotOf, gramOf, square, sumParts, xhtCsr, xhtDense, xtwDense } from './product-calls.js'
import { gramDeal } from './products.js'
import type { Sum } from './rule-calls.js'
import { UNSHARED } from './shapes.js'

/** What a run of rows has in common with each panel. */
export function piecesOf<T extends Panel>(panels: readonly T[], { first, count }: Panel): { panel: T; rows: Panel }[] {
  return panels.flatMap(panel => {
    const from = Math.max(first, panel.first)
    const to = Math.min(first + count, panel.first + panel.count)
    return from < to ? [{ panel, rows: { first: from, count: to - from } }] : []
  })
}

/** What a run of rows is for H's update, and the Gram matrix of their rows of W. */
export interface HalvesForH {
  /** Dispatches that make the Gram matrix. */
  readonly gram: readonly Call[]
  /** In one part. */
  readonly S: GPUBuffer
  /** Dispatches that make both halves, once the Gram matrix is there. */
  readonly calls: readonly Call[]
  readonly N: Sum
  readonly P: Sum
}

/** Xᵀ·W of these rows, and Hᵀ times the Gram matrix of theirs. */
export async function halvesForH(
  setting: Setting,
  rows: Panel,
  { W, Ht }: { W: Operand; Ht: Operand },
): Promise<HalvesForH> {
  const { owned, data, room, width, columns } = setting
  const { X } = data
  const { first, count } = rows
  const deal: Deal =
    X.kind === 'dense'
      ? dealOf('xtw_dense', { rows: columns, ranks: width, terms: count }, room)
      : sparseDeal(csrParts(X.byColumns!, width, room))
  const { parts } = deal
  const A = { buffer: await owned.storage(parts.count * columns * width * 4) }
  const B = { buffer: await owned.storage(columns * width * 4) }
  const sDeal = gramDeal(count, width, room)
  const S = { buffer: await owned.storage(sDeal.parts.count * width * width * 4) }

  function product(): Call[] {
    if (X.kind === 'dense') {
      const sizes = { columns, rank: width, stride: X.stride, half: X.half, ...deal }
      return piecesOf(X.panels, rows).map(({ panel, rows: own }) => {
        const from = { firstX: (own.first - panel.first) * X.stride, X: { buffer: panel.buffer } }
        const into = { accumulate: own.first > first, A, S: undefined }
        return xtwDense({ ...sizes, ...from, ...into, rows: own.count, firstRow: own.first, W })
      })
    }
    const indices = { low: first, high: first + count }
    return X.byColumns!.panels.map(panel =>
      xhtCsr({
        ...{ rows: panel.count, rank: width, firstRow: panel.first, parts: parts.count, partLength: columns * width },
        ...{ looked: { first: 0, indices }, indptr: { buffer: panel.indptr } },
        ...{ indices: { buffer: panel.indices }, values: { buffer: panel.values }, Ht: W, N: A },
      }),
    )
  }
  return {
    gram: [
      gramOf({ rows: count, firstRow: first, rank: width, ...sDeal, accumulate: false, F: W, G: S }),
      ...added(sDeal.parts.count, width, S),
    ],
    S: S.buffer,
    calls: [...product(), xhtDense({ ...square(width, columns, room), X: Ht, Ht: S, N: B })],
    // the columns of padding are among them, whether the rule that reads the sum moves those or not
    N: { operand: A, parts: parts.count, partLength: columns * width },
    P: { operand: B, parts: 1 },
  }
}

/** Of a sparse product, which has parts alone. */
function sparseDeal(count: number): Deal {
  return { shape: UNSHARED, parts: { count, step: 0 } }
}

/** The parts of a Gram matrix become one. */
function added(parts: number, width: number, F: Operand): Call[] {
  return parts > 1 ? [sumParts({ length: width * width, parts, F })] : []
}

/** Products with the Gram matrices at hand, each in one part. */
export interface GramBatch extends BatchProducts {
  /** H·Hᵀ, from `begin` on. */
  readonly G: GPUBuffer
  /** WᵀW of the batch's rows, from `loss` on. */
  readonly S: GPUBuffer
}

/** The Frobenius loss without weights: products of the batch's rows, and Gram matrices of theirs and of H. */
export async function gramOfBatch(setting: Setting, rows: Panel): Promise<GramBatch> {
  const { owned, data, room, dots, width, columns, slot } = setting
  const { X, normsBefore } = data
  const { first, count } = rows
  const [W, Ht] = [{ buffer: setting.W[0] }, { buffer: setting.Ht[0] }]
  const nDeal: Deal =
    X.kind === 'dense'
      ? dealOf('xht_dense', { rows: count, ranks: width, terms: columns }, room)
      : sparseDeal(csrParts({ ...X.byRows, rows: count }, width, room))
  const nParts = nDeal.parts
  const N = { buffer: await owned.storage(nParts.count * count * width * 4) }
  const P = { buffer: await owned.storage(count * width * 4) }
  const gDeal = gramDeal(columns, width, room)
  const G = { buffer: await owned.storage(gDeal.parts.count * width * width * 4) }
  const forH = await halvesForH(setting, rows, { W, Ht })

  function productForW(): Call[] {
    const partLength = count * width
    if (X.kind === 'dense') {
      const sizes = { columns, rank: width, stride: X.stride, half: X.half, ...nDeal, partLength }
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
  return {
    G: G.buffer,
    S: forH.S,
    begin: [
      gramOf({ rows: columns, rank: width, ...gDeal, accumulate: false, F: Ht, G }),
      ...added(gDeal.parts.count, width, G),
      ...productForW(),
    ],
    forW: [xhtDense({ ...square(width, count, room), firstX: first * width, X: W, Ht: G, N: P })],
    W: { N: { operand: N, parts: nParts.count }, P: { operand: P, parts: 1 }, shared: false },
    loss: [
      ...forH.gram,
      dotOf({
        ...{ threads: dots.threads, abGroups: dots.ab, cdGroups: dots.cd },
        ...{ abLength: count * width, cdLength: width * width },
        ...{ a: { operand: N, parts: nParts.count }, b: W, firstB: first * width },
        ...{ c: { operand: { buffer: forH.S }, parts: 1 }, d: { operand: G, parts: 1 }, partials: slot, low: SLOT.low },
      }),
    ],
    constant: 0.5 * (normsBefore![first + count] - normsBefore![first]),
    parts: { ab: dots.ab, cd: dots.cd, abFactor: -1, cdFactor: 0.5 },
    forH: forH.calls,
    Ht: { N: forH.N, P: forH.P, shared: false },
  }
}
