import type { Call } from './calls.js'
import type { CsrRows, DensePanel, DenseX, Resident } from './data.js'
import type { Buffers } from './owned.js'
import { collapses, csrParts, type Deal, dealOf, type Panel, type Room } from './plan.js'
import { gramOf, sumParts, xhtCsr, xhtDense, xtwDense } from './product-calls.js'

/** A device array that holds a sum in parts, one after the other. */
export interface Summed {
  readonly buffer: GPUBuffer
  readonly parts: number
}

/** What H's update needs. */
export interface ProductsForH {
  /** Xᵀ·W, columns × rank. */
  readonly A: Summed
  /** WᵀW, rank × rank. */
  readonly S: Summed
  /** Dispatches that make both. */
  calls(W: GPUBuffer): Call[]
}

/**
 * The products of one X with the factors, X resident. Ranks and columns are padded to multiples of 4 on the device; the
 * padding is zero and stays zero.
 */
export interface Products {
  /** X·Hᵀ, rows × rank. */
  readonly N: Summed
  /** Dispatches that make N. */
  forW(Ht: GPUBuffer): Call[]
  /** Absent where H stays as it is. */
  readonly forH: ProductsForH | undefined
  /** Where the panels of a dense X are not always there, and H moves. */
  readonly sweep: Sweep | undefined
}

/** The products of one panel of X after the other. */
export interface Sweep {
  readonly panels: readonly SweptPanel[]
  /** What is left to do when all have passed. */
  readonly finish: readonly Call[]
}

export interface SweptPanel extends Panel {
  /** N becomes the product of this panel alone. */
  forW(Ht: GPUBuffer): Call
  /** Adds its share to A and S. */
  forH(W: GPUBuffer): Call
}

/** What products are made for. */
export interface ProductOptions {
  /** Padded. */
  readonly rank: number
  readonly room: Room
  /** Whether W alone moves. */
  readonly fixed: boolean
  /** Rows for which an update of so many reads a Gram matrix, four at a time: see `collapses`. */
  readonly readers: (rows: number) => number
}

/** Dispatches that make the Gram matrix of a tall factor, added up where its consumer would read the parts too often. */
export function gramCalls(o: { F: GPUBuffer; rows: number; rank: number; deal: Deal; into: Summed }): Call[] {
  const { F, rows, rank, deal, into } = o
  const { parts } = deal
  const G = { buffer: into.buffer }
  const calls = [gramOf({ rows, rank, ...deal, accumulate: false, F: { buffer: F }, G })]
  if (parts.count > into.parts) calls.push(sumParts({ length: rank * rank, parts: parts.count, F: G }))
  return calls
}

/** A Gram matrix's buffer, and how its rows are cut. `consumerRows`: rows of the factor that is updated with it. */
export async function gramBuffer(
  owned: Buffers,
  rank: number,
  { parts }: Deal,
  consumerRows: number,
  room: Room,
): Promise<Summed> {
  const buffer = await owned.storage(parts.count * rank * rank * 4)
  return { buffer, parts: collapses(parts.count, consumerRows, rank, room) ? 1 : parts.count }
}

export function gramDeal(rows: number, rank: number, room: Room): Deal {
  return dealOf('gram', { rows: rank, ranks: rank, terms: rows }, room)
}

/** Makes room for the products of X. */
export function productsOf(
  owned: Buffers,
  { X, rows, columns, streams }: Resident,
  options: ProductOptions,
): Promise<Products> {
  if (X.kind === 'dense') return denseProducts(owned, X, rows, streams, options)
  return csrProducts(owned, X.byRows, X.byColumns, rows, columns, options)
}

async function denseProducts(
  owned: Buffers,
  { panels, stride: columns, half }: DenseX,
  rows: number,
  streams: boolean,
  { rank, room, fixed, readers }: ProductOptions,
): Promise<Products> {
  const sweeps = streams && !fixed
  const height = sweeps ? panels[0].count : rows
  const most = Math.floor(room.bindingBytes / (height * rank * 4))
  const nDeal = dealOf('xht_dense', { rows: panels[0].count, ranks: rank, terms: columns }, room, most)
  // the rows of WᵀW come after those of Xᵀ·W
  const aDeal = dealOf('xtw_dense', { rows: columns + rank, ranks: rank, terms: panels[0].count }, room)
  const [nParts, aParts] = [nDeal.parts, aDeal.parts]
  const sizes = { columns, rank, stride: columns, half }
  const N = { buffer: await owned.storage(nParts.count * height * rank * 4), parts: nParts.count }
  const forW = (Ht: GPUBuffer) =>
    panels.map(({ first, count, buffer }) => {
      const cut = { rows: count, firstRow: first, ...nDeal, partLength: rows * rank }
      return xhtDense({ ...sizes, ...cut, X: { buffer }, Ht: { buffer: Ht }, N })
    })
  if (fixed) return { N, forW, forH: undefined, sweep: undefined }
  const A = { buffer: await owned.storage(aParts.count * columns * rank * 4), parts: aParts.count }
  const S = await gramBuffer(owned, rank, aDeal, readers(columns), room)
  const ofPanel = ({ first, count, buffer }: DensePanel, W: GPUBuffer) => {
    const cut = { rows: count, firstRow: first, ...aDeal, accumulate: first > 0 }
    return xtwDense({ ...sizes, ...cut, X: { buffer }, W: { buffer: W }, A, S })
  }
  const finish = aParts.count > S.parts ? [sumParts({ length: rank * rank, parts: aParts.count, F: S })] : []
  const calls = (W: GPUBuffer) => [...panels.map(panel => ofPanel(panel, W)), ...finish]
  const swept = panels.map((panel): SweptPanel => {
    const { first, count, buffer } = panel
    const cut = { rows: count, firstRow: 0, ...nDeal, partLength: count * rank }
    return {
      ...{ first, count },
      forW: Ht => xhtDense({ ...sizes, ...cut, X: { buffer }, Ht: { buffer: Ht }, N }),
      forH: W => ofPanel(panel, W),
    }
  })
  return { N, forW, forH: { A, S, calls }, sweep: sweeps ? { panels: swept, finish } : undefined }
}

function csrCalls({ rows, panels }: CsrRows, rank: number, F: GPUBuffer, into: Summed): Call[] {
  return panels.map(({ first, count, indptr, indices, values }) =>
    xhtCsr({
      rows: count,
      rank,
      firstRow: first,
      parts: into.parts,
      partLength: rows * rank,
      indptr: { buffer: indptr },
      indices: { buffer: indices },
      values: { buffer: values },
      Ht: { buffer: F },
      N: into,
    }),
  )
}

async function csrProducts(
  owned: Buffers,
  byRows: CsrRows,
  byColumns: CsrRows | undefined,
  rows: number,
  columns: number,
  { rank, room, fixed, readers }: ProductOptions,
): Promise<Products> {
  const nParts = csrParts(byRows, rank, room)
  const N = { buffer: await owned.storage(nParts * rows * rank * 4), parts: nParts }
  const forW = (Ht: GPUBuffer) => csrCalls(byRows, rank, Ht, N)
  if (fixed || !byColumns) return { N, forW, forH: undefined, sweep: undefined }
  const aParts = csrParts(byColumns, rank, room)
  const sDeal = gramDeal(rows, rank, room)
  const A = { buffer: await owned.storage(aParts * columns * rank * 4), parts: aParts }
  const S = await gramBuffer(owned, rank, sDeal, readers(columns), room)
  const calls = (W: GPUBuffer) => [
    ...csrCalls(byColumns, rank, W, A),
    ...gramCalls({ F: W, rows, rank, deal: sDeal, into: S }),
  ]
  return { N, forW, forH: { A, S, calls }, sweep: undefined }
}
