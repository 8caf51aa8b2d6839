import { inSlices } from '../../core/breathe.js'
import { NonnegError } from '../../core/errors.js'
import { type CsrView, type DenseView, transposeCsr } from '../../core/matrix.js'
import { type Call, gramOf, type Parts, sumParts, xhtCsr, xhtDense, xtwDense } from './calls.js'
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
import { uploadFloats, uploadIntegers, uploadRows } from './upload.js'

/** A device array that holds a sum in parts, one after the other. */
export interface Summed {
  readonly buffer: GPUBuffer
  readonly parts: number
}

/**
 * The products of one X with the factors, X resident. Ranks and columns are padded to multiples of 4 on the device; the
 * padding is zero and stays zero.
 */
export interface Products {
  /** Rows of Ht on the device. */
  readonly columns: number
  /** X·Hᵀ, rows × rank. */
  readonly N: Summed
  /** Xᵀ·W, columns × rank. */
  readonly A: Summed
  /** WᵀW, rank × rank. */
  readonly S: Summed
  /** Dispatches that make N. */
  forW(Ht: GPUBuffer): Call[]
  /** Dispatches that make A and S. */
  forH(W: GPUBuffer): Call[]
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

/** Uploads a dense X, in row panels where it is larger than one binding. */
export async function denseProducts(gpu: Gpu, owned: Owned, X: DenseView, rank: number, room: Room): Promise<Products> {
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
  const N = { buffer: await owned.storage(nParts.count * rows * rank * 4), parts: nParts.count }
  const A = { buffer: await owned.storage(aParts.count * columns * rank * 4), parts: aParts.count }
  const S = await gramBuffer(owned, rank, aParts, columns, room)
  return {
    columns,
    N,
    A,
    S,
    forW: Ht =>
      parts.map(({ panel, X }) =>
        xhtDense({
          rows: panel.count,
          columns,
          rank,
          stride: columns,
          firstRow: panel.first,
          parts: nParts,
          partLength: rows * rank,
          X: { buffer: X },
          Ht: { buffer: Ht },
          N,
        }),
      ),
    forH(W) {
      const calls = parts.map(({ panel, X }) =>
        xtwDense({
          rows: panel.count,
          columns,
          rank,
          stride: columns,
          firstRow: panel.first,
          parts: aParts,
          accumulate: panel.first > 0,
          X: { buffer: X },
          W: { buffer: W },
          A,
          S,
        }),
      )
      if (aParts.count > S.parts) calls.push(sumParts({ length: rank * rank, parts: aParts.count, F: S }))
      return calls
    },
  }
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

/** Uploads a sparse X and its transpose: both products gather by rows. */
export async function csrProducts(gpu: Gpu, owned: Owned, X: CsrView, rank: number, room: Room): Promise<Products> {
  const { rows, columns } = X
  const nParts = csrParts(X, await inSlices(longestRow(X)), rank, room)
  const byRows = await uploadCsr(gpu, owned, X, room)
  const transpose = await inSlices(transposeCsr(X))
  const longestColumn = await inSlices(longestRow(transpose))
  if (longestColumn * 4 > room.bindingBytes) {
    const reason = 'one column of X has more entries than this GPU lets a kernel see at once'
    throw new NonnegError('ERR_NONNEG_UNSUPPORTED', reason, { detail: { entries: longestColumn } })
  }
  const aParts = csrParts(transpose, longestColumn, rank, room)
  const byColumns = await uploadCsr(gpu, owned, transpose, room)
  const sParts = gramParts(rows, rank, room)
  const N = { buffer: await owned.storage(nParts * rows * rank * 4), parts: nParts }
  const A = { buffer: await owned.storage(aParts * columns * rank * 4), parts: aParts }
  const S = await gramBuffer(owned, rank, sParts, columns, room)
  return {
    columns,
    N,
    A,
    S,
    forW: Ht => csrCalls(byRows, rows, rank, Ht, N),
    forH: W => [
      ...csrCalls(byColumns, columns, rank, W, A),
      ...gramCalls({ F: W, rows, rank, parts: sParts, into: S }),
    ],
  }
}
