import { inSlices } from '../../core/breathe.js'
import { NonnegError } from '../../core/errors.js'
import { type CsrView, type DenseView, type MatrixView, transposeCsr } from '../../core/matrix.js'
import type { Call } from './calls.js'
import type { Gpu } from './gpu.js'
import type { Owned } from './owned.js'
import {
  collapses,
  csrPanels,
  csrParts,
  densePanels,
  longestRow,
  type Panel,
  padded,
  partsOf,
  type Room,
} from './plan.js'
import { gramOf, type Parts, sumParts, xhtCsr, xhtDense, xtwDense } from './product-calls.js'
import { uploadFloats, uploadIntegers, uploadRows } from './upload.js'

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
export function gramCalls(o: { F: GPUBuffer; rows: number; rank: number; parts: Parts; into: Summed }): Call[] {
  const { F, rows, rank, parts, into } = o
  const G = { buffer: into.buffer }
  const calls = [gramOf({ rows, rank, parts, accumulate: false, F: { buffer: F }, G })]
  if (parts.count > into.parts) calls.push(sumParts({ length: rank * rank, parts: parts.count, F: G }))
  return calls
}

/** A Gram matrix's buffer, and how its rows are cut. `consumerRows`: rows of the factor that is updated with it. */
export async function gramBuffer(
  owned: Owned,
  rank: number,
  parts: Parts,
  consumerRows: number,
  room: Room,
): Promise<Summed> {
  const buffer = await owned.storage(parts.count * rank * rank * 4)
  return { buffer, parts: collapses(parts.count, consumerRows, rank, room) ? 1 : parts.count }
}

export function gramParts(rows: number, rank: number, room: Room): Parts {
  return partsOf(rows, (rank / 4) ** 2, room.busyThreads)
}

/** Columns of X as the device has them. */
export function deviceColumns(X: MatrixView): number {
  return X.kind === 'dense' ? padded(X.columns) : X.columns
}

/** Uploads X, and makes room for its products. */
export function productsOf(gpu: Gpu, owned: Owned, X: MatrixView, options: ProductOptions): Promise<Products> {
  return X.kind === 'dense' ? denseProducts(gpu, owned, X, options) : csrProducts(gpu, owned, X, options)
}

/** A dense X, in row panels where it is larger than one binding. */
async function denseProducts(gpu: Gpu, owned: Owned, X: DenseView, options: ProductOptions): Promise<Products> {
  const { rank, room, fixed, readers } = options
  const { rows } = X
  const columns = padded(X.columns)
  const panels = densePanels(rows, columns, room.bindingBytes)
  const rankTiles = rank / 4
  const nParts = partsOf(columns, Math.ceil(panels[0].count / 4) * rankTiles, room.busyThreads)
  const aParts = partsOf(panels[0].count, (columns / 4 + rankTiles) * rankTiles, room.busyThreads)
  const parts: { panel: Panel; X: GPUBuffer }[] = []
  for (const panel of panels) {
    const buffer = await owned.storage(panel.count * columns * 4)
    await uploadRows(gpu, buffer, X, panel.first, panel.count, columns)
    parts.push({ panel, X: buffer })
  }
  const sizes = { columns, rank, stride: columns }
  const N = { buffer: await owned.storage(nParts.count * rows * rank * 4), parts: nParts.count }
  const forW = (Ht: GPUBuffer) =>
    parts.map(({ panel: { first, count }, X }) => {
      const cut = { rows: count, firstRow: first, parts: nParts, partLength: rows * rank }
      return xhtDense({ ...sizes, ...cut, X: { buffer: X }, Ht: { buffer: Ht }, N })
    })
  if (fixed) return { N, forW, forH: undefined }
  const A = { buffer: await owned.storage(aParts.count * columns * rank * 4), parts: aParts.count }
  const S = await gramBuffer(owned, rank, aParts, readers(columns), room)
  const calls = (W: GPUBuffer) => {
    const products = parts.map(({ panel: { first, count }, X }) => {
      const cut = { rows: count, firstRow: first, parts: aParts, accumulate: first > 0 }
      return xtwDense({ ...sizes, ...cut, X: { buffer: X }, W: { buffer: W }, A, S })
    })
    return aParts.count > S.parts
      ? [...products, sumParts({ length: rank * rank, parts: aParts.count, F: S })]
      : products
  }
  return { N, forW, forH: { A, S, calls } }
}

interface CsrPanel extends Panel {
  readonly indptr: GPUBuffer
  readonly indices: GPUBuffer
  readonly values: GPUBuffer
}

async function uploadCsr(gpu: Gpu, owned: Owned, X: CsrView, room: Room): Promise<CsrPanel[]> {
  const done: CsrPanel[] = []
  for (const { first, count } of csrPanels(X, room.bindingBytes)) {
    const begin = X.indptr[first]
    const entries = X.indptr[first + count] - begin
    const indptr = await owned.storage((count + 1) * 4)
    const indices = await owned.storage(entries * 4)
    const values = await owned.storage(entries * 4)
    await uploadIntegers(gpu, indptr, X.indptr, first, count + 1, begin)
    await uploadIntegers(gpu, indices, X.indices, begin, entries)
    await uploadFloats(gpu, values, X.values, begin, entries)
    done.push({ first, count, indptr, indices, values })
  }
  return done
}

function csrCalls(panels: readonly CsrPanel[], rows: number, rank: number, F: GPUBuffer, into: Summed): Call[] {
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

/** A sparse X, and unless H is fixed its transpose: both products gather by rows. */
async function csrProducts(gpu: Gpu, owned: Owned, X: CsrView, options: ProductOptions): Promise<Products> {
  const { rank, room, fixed, readers } = options
  const { rows, columns } = X
  const nParts = csrParts(X, await inSlices(longestRow(X)), rank, room)
  const byRows = await uploadCsr(gpu, owned, X, room)
  const N = { buffer: await owned.storage(nParts * rows * rank * 4), parts: nParts }
  const forW = (Ht: GPUBuffer) => csrCalls(byRows, rows, rank, Ht, N)
  if (fixed) return { N, forW, forH: undefined }
  const transpose = await inSlices(transposeCsr(X))
  const longestColumn = await inSlices(longestRow(transpose))
  if (longestColumn * 4 > room.bindingBytes) {
    const reason = 'one column of X has more entries than this GPU lets a kernel see at once'
    throw new NonnegError('ERR_NONNEG_UNSUPPORTED', reason, { detail: { entries: longestColumn } })
  }
  const aParts = csrParts(transpose, longestColumn, rank, room)
  const byColumns = await uploadCsr(gpu, owned, transpose, room)
  const sParts = gramParts(rows, rank, room)
  const A = { buffer: await owned.storage(aParts * columns * rank * 4), parts: aParts }
  const S = await gramBuffer(owned, rank, sParts, readers(columns), room)
  const calls = (W: GPUBuffer) => [
    ...csrCalls(byColumns, columns, rank, W, A),
    ...gramCalls({ F: W, rows, rank, parts: sParts, into: S }),
  ]
  return { N, forW, forH: { A, S, calls } }
}
