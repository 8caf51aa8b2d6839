import { inSlices } from '../../core/breathe.js'
import { NonnegError } from '../../core/errors.js'
import { halfBits, halfValue, LARGEST_HALF } from '../../core/half.js'
import { type CsrView, type DenseView, type MatrixView, transposeCsr } from '../../core/matrix.js'
import { type Family as FamilyName, familyOf } from '../../kernels/beta.js'
import { holdoutThreshold, mix } from '../../kernels/holdout.js'
import type { FitSpec, Problem, Weights } from '../backend.js'
import type { Gpu } from './gpu.js'
import type { Owned } from './owned.js'
import { csrPanels, densePanels, listBytesOf, longestRow, type Panel, padded, ROWS_APART } from './plan.js'
import { columnPanels, gathersColumns, goesAlongColumns, type Residency, stayingOf } from './residency.js'
import { type Load, place, type Readable, streamsAny } from './streamed.js'
import { halfRows, uploadFloats, uploadHalfRows, uploadHalves, uploadIntegers, uploadRows } from './upload.js'

/** Rows of a dense matrix on the device. */
export interface DensePanel extends Panel {
  readonly buffer: Readable
}

/** Columns of a dense matrix on the device, all rows of them. */
export interface ColumnPanel extends DensePanel {
  readonly stride: number
}

/** A dense matrix in panels of rows. */
export interface DenseRows {
  readonly stride: number
  readonly panels: readonly DensePanel[]
  /** The same in panels of columns, where it streams and updates go along these. */
  readonly byColumns: readonly ColumnPanel[] | undefined
}

/** X where it is dense. */
export interface DenseX extends DenseRows {
  readonly kind: 'dense'
  /** Whether it is in half precision. */
  readonly half: boolean
}

/** Rows of a CSR matrix, with the weights of its entries where they have any. */
export interface CsrPanel extends Panel {
  readonly entries: number
  readonly indptr: Readable
  readonly indices: Readable
  readonly values: Readable
  readonly weights: Readable | undefined
}

/** A sparse matrix in panels. */
export interface CsrRows {
  readonly rows: number
  readonly panels: readonly CsrPanel[]
  readonly entries: number
  /** Entries of the fullest row. */
  readonly longest: number
}

/** A hash that holds entries out, as shaders take it. */
export interface Holdout {
  readonly key: number
  readonly threshold: number
  readonly complement: boolean
}

/**
 * X and its weights in the GPU's memory. Both are in row panels where they are larger than one binding; where they are larger
 * than the memory some of these are written anew whenever they are to be read.
 */
export interface Resident {
  /** Whether any may be. */
  readonly streams: boolean
  readonly rows: number
  readonly columns: number
  readonly squaredNorm: number
  /** ‖X‖² of the rows before each, and of all, where batches want those of some rows. */
  readonly normsBefore: Float64Array | undefined
  readonly X:
    | DenseX
    /** The transpose is absent where H stays as it is, or where no product gathers by columns. */
    | { readonly kind: 'csr'; readonly byRows: CsrRows; readonly byColumns: CsrRows | undefined }
  readonly weights: Weights['kind'] | undefined
  /** Weights of all entries. */
  readonly V: DenseRows | undefined
  readonly holdout: Holdout | undefined
}

/** How a loss forms its products with this X. */
export function familyFor({ X, weights }: Pick<Resident, 'X' | 'weights'>, beta: number): FamilyName {
  return familyOf(X, beta, weights && { kind: weights })
}

/** Columns of X as the device has them in the factor Hᵀ. */
export function deviceColumns(X: MatrixView): number {
  return X.kind === 'dense' ? padded(X.columns) : X.columns
}

/** Where panels go: bytes that a list of one may have, how much of the matrix stays, and which way updates go. */
interface Ground {
  readonly bindingBytes: number
  readonly residency: Residency | undefined
  readonly alongColumns: boolean
}

/** How many of so many panels stay on the device. */
function keptOf({ residency }: Ground, panels: number): number {
  return residency ? stayingOf(residency.panels, panels) : panels
}

/** Parts of a dense matrix, each padded to rows of four values. */
async function uploadParts(
  gpu: Gpu,
  owned: Owned,
  parts: readonly DenseView[],
  ground: Ground,
  half: boolean,
): Promise<readonly (readonly Readable[])[]> {
  const kept = keptOf(ground, parts.length)
  const loads = parts.map((part, at): Load => {
    const { rows, columns } = part
    const stride = padded(columns)
    const bytes = [rows * stride * (half ? 2 : 4)]
    if (!half) return { bytes, write: ([memory]) => uploadRows(gpu, memory, part, 0, rows, stride) }
    if (at < kept) return { bytes, write: ([memory]) => uploadHalfRows(gpu, memory, part, 0, rows, stride) }
    // entries take longer to be rounded than to be sent: what goes there often is rounded once
    let words: Promise<Uint16Array<ArrayBuffer>> | undefined
    return {
      bytes,
      async write([memory]) {
        words ??= inSlices(halfRows(part, stride))
        await uploadHalves(gpu, memory, await words)
      },
    }
  })
  return await place(owned, loads, kept)
}

async function uploadDense(gpu: Gpu, owned: Owned, X: DenseView, ground: Ground, half = false): Promise<DenseRows> {
  const { bindingBytes, residency, alongColumns } = ground
  const { rows, columns } = X
  const stride = padded(columns)
  const rowBytes = stride * (half ? 2 : 4)
  const panels = residency
    ? densePanels(rows, rowBytes, residency.panelBytes, ROWS_APART)
    : densePanels(rows, rowBytes, bindingBytes)
  const byRows = panels.map(({ first, count }) => ({ ...X, offset: X.offset + first * X.stride, rows: count }))
  const placed = await uploadParts(gpu, owned, byRows, ground, half)
  const own = { stride, panels: panels.map((panel, at) => ({ ...panel, buffer: placed[at][0] })) }
  if (!residency || !alongColumns) return { ...own, byColumns: undefined }
  const across = columnPanels(rows, columns, residency.panelBytes)
  const byColumns = across.map(({ first, count }) => ({ ...X, offset: X.offset + first, columns: count }))
  const turned = await uploadParts(gpu, owned, byColumns, ground, half)
  return {
    ...own,
    byColumns: across.map((panel, at) => ({ ...panel, stride: padded(panel.count), buffer: turned[at][0] })),
  }
}

type Values = CsrView['values']

async function uploadCsr(
  gpu: Gpu,
  owned: Owned,
  X: CsrView,
  weights: Values | undefined,
  ground: Ground,
): Promise<CsrRows> {
  const { bindingBytes, residency } = ground
  const lists = weights ? [X.values, weights] : [X.values]
  const listBytes = residency ? residency.panelBytes / (2 + lists.length) : bindingBytes
  const panels = csrPanels(X, listBytes).map(({ first, count }) => {
    const begin = X.indptr[first]
    return { first, count, begin, entries: X.indptr[first + count] - begin }
  })
  const loads = panels.map(({ first, count, begin, entries }) => ({
    bytes: [(count + 1) * 4, entries * 4, ...lists.map(() => entries * 4)],
    async write([indptr, indices, ...floats]: readonly GPUBuffer[]) {
      await uploadIntegers(gpu, indptr, X.indptr, first, count + 1, begin)
      await uploadIntegers(gpu, indices, X.indices, begin, entries)
      for (const [at, list] of lists.entries()) await uploadFloats(gpu, floats[at], list, begin, entries)
    },
  }))
  const placed = await place(owned, loads, keptOf(ground, panels.length))
  return {
    rows: X.rows,
    panels: panels.map(({ first, count, entries }, at) => {
      const [indptr, indices, values, over] = placed[at]
      return { first, count, entries, indptr, indices, values, weights: over }
    }),
    entries: X.indptr[X.rows],
    longest: await inSlices(longestRow(X)),
  }
}

/** The transpose of a sparse X and of the weights of its entries: products gather by its rows. */
async function uploadTranspose(
  gpu: Gpu,
  owned: Owned,
  X: CsrView,
  weights: Values | undefined,
  ground: Ground,
): Promise<CsrRows> {
  const turned = await inSlices(transposeCsr(X))
  const longest = await inSlices(longestRow(turned))
  if (longest * 4 > ground.bindingBytes) {
    const reason = 'one column of X has more entries than this GPU lets a kernel see at once'
    throw new NonnegError('ERR_NONNEG_UNSUPPORTED', reason, { detail: { entries: longest } })
  }
  const over = weights && (await inSlices(transposeCsr({ ...X, values: weights })))
  return await uploadCsr(gpu, owned, turned, over?.values, ground)
}

/**
 * ‖X‖² of the rows before each row, and of all; with `half` of X as half precision has it.
 * @throws NonnegError ERR_NONNEG_DTYPE where an entry is above what half precision holds
 */
function* norms(X: MatrixView, half: boolean): Generator<void, Float64Array> {
  const before = new Float64Array(X.rows + 1)
  for (let i = 0; i < X.rows; i++) {
    const [data, from, to] =
      X.kind === 'dense'
        ? [X.data, X.offset + i * X.stride, X.offset + i * X.stride + X.columns]
        : [X.values, X.indptr[i], X.indptr[i + 1]]
    let sum = 0
    for (let at = from; at < to; at++) sum += (half ? asHalf(data[at]) : data[at]) ** 2
    before[i + 1] = before[i] + sum
    yield
  }
  return before
}

function asHalf(value: number): number {
  const stored = halfValue(halfBits(value))
  if (stored !== Number.POSITIVE_INFINITY) return stored
  const message = `X has an entry of ${value}: half precision (storage: 'f16') holds numbers up to ${LARGEST_HALF}`
  throw new NonnegError('ERR_NONNEG_DTYPE', message, { detail: { value, largest: LARGEST_HALF }, fix: 'scale X' })
}

/**
 * Uploads X and its weights, all of it or what there is room for. `batches`: there will be some. X that is stored in half
 * precision is what that makes of it, its norm too.
 */
export async function uploadData(
  gpu: Gpu,
  owned: Owned,
  { X, squaredNorm, weights }: Problem,
  o: { spec: FitSpec; batches: boolean; bindingBytes: number; residency: Residency | undefined },
): Promise<Resident> {
  const { spec, batches, residency } = o
  const { rows, columns } = X
  const family = familyOf(X, spec.beta, weights)
  const alongColumns = goesAlongColumns(X, spec, weights)
  const ground: Ground = { bindingBytes: listBytesOf(family, o), residency, alongColumns }
  const entries = weights?.kind === 'entries' ? weights.values : undefined
  const gathers = gathersColumns(X, spec, weights)
  const V = weights?.kind === 'dense' ? weights : undefined
  const half = spec.storage === 'f16'
  const placed: Resident['X'] =
    X.kind === 'dense'
      ? { kind: 'dense', half, ...(await uploadDense(gpu, owned, X, ground, half)) }
      : {
          kind: 'csr',
          byRows: await uploadCsr(gpu, owned, X, entries, ground),
          byColumns: gathers ? await uploadTranspose(gpu, owned, X, entries, ground) : undefined,
        }
  const over = V && (await uploadDense(gpu, owned, V, ground))
  const isCut = batches && family === 'gram'
  const normsBefore = isCut || half ? await inSlices(norms(X, half)) : undefined
  return {
    ...{ rows, columns, weights: weights?.kind, normsBefore },
    squaredNorm: half ? normsBefore![rows] : squaredNorm,
    streams: streamsAny([...buffersOf(placed), ...(over ? denseBuffers(over) : [])]),
    X: placed,
    V: over,
    holdout: weights?.kind === 'holdout' ? holdoutOf(weights) : undefined,
  }
}

function denseBuffers({ panels, byColumns = [] }: DenseRows): Readable[] {
  return [...panels, ...byColumns].map(({ buffer }) => buffer)
}

function buffersOf(X: Resident['X']): Readable[] {
  if (X.kind === 'dense') return denseBuffers(X)
  return [...X.byRows.panels, ...(X.byColumns?.panels ?? [])].map(({ indptr }) => indptr)
}

function holdoutOf({ fraction, seed, complement = false }: Extract<Weights, { kind: 'holdout' }>): Holdout {
  return { key: mix(seed), threshold: holdoutThreshold(fraction), complement }
}
