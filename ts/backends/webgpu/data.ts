import { inSlices } from '../../core/breathe.js'
import { NonnegError } from '../../core/errors.js'
import { halfBits, halfValue, LARGEST_HALF } from '../../core/half.js'
import { type CsrView, type DenseView, type MatrixView, transposeCsr } from '../../core/matrix.js'
import { type Family as FamilyName, familyOf } from '../../kernels/beta.js'
import { holdoutThreshold, mix } from '../../kernels/holdout.js'
import type { Problem, Weights } from '../backend.js'
import type { Gpu } from './gpu.js'
import type { Owned } from './owned.js'
import { csrPanels, densePanels, longestRow, type Panel, padded, type Room } from './plan.js'
import { uploadFloats, uploadHalfRows, uploadIntegers, uploadRows } from './upload.js'

/** Rows of a dense matrix on the device. */
export interface DensePanel extends Panel {
  readonly buffer: GPUBuffer
}

/** X where it is dense. */
export interface DenseX {
  readonly kind: 'dense'
  readonly stride: number
  /** Whether it is in half precision. */
  readonly half: boolean
  readonly panels: readonly DensePanel[]
}

/** Rows of a CSR matrix, with the weights of its entries where they have any. */
export interface CsrPanel extends Panel {
  readonly entries: number
  readonly indptr: GPUBuffer
  readonly indices: GPUBuffer
  readonly values: GPUBuffer
  readonly weights: GPUBuffer | undefined
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

/** X and its weights in the GPU's memory. Both are in row panels where they are larger than one binding. */
export interface Resident {
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
  /** Weights of all entries, in rows of `stride` values. */
  readonly V: { readonly stride: number; readonly panels: readonly DensePanel[] } | undefined
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

async function uploadDense(gpu: Gpu, owned: Owned, X: DenseView, room: Room, half = false): Promise<DensePanel[]> {
  const stride = padded(X.columns)
  const size = half ? 2 : 4
  const panels: DensePanel[] = []
  for (const { first, count } of densePanels(X.rows, stride, room.bindingBytes, size)) {
    const buffer = await owned.storage(count * stride * size)
    await (half ? uploadHalfRows : uploadRows)(gpu, buffer, X, first, count, stride)
    panels.push({ first, count, buffer })
  }
  return panels
}

type Values = CsrView['values']

async function uploadCsr(
  gpu: Gpu,
  owned: Owned,
  X: CsrView,
  weights: Values | undefined,
  room: Room,
): Promise<CsrRows> {
  const panels: CsrPanel[] = []
  for (const { first, count } of csrPanels(X, room.bindingBytes)) {
    const begin = X.indptr[first]
    const entries = X.indptr[first + count] - begin
    const floats = async (list: Values) => {
      const buffer = await owned.storage(entries * 4)
      await uploadFloats(gpu, buffer, list, begin, entries)
      return buffer
    }
    const indptr = await owned.storage((count + 1) * 4)
    const indices = await owned.storage(entries * 4)
    await uploadIntegers(gpu, indptr, X.indptr, first, count + 1, begin)
    await uploadIntegers(gpu, indices, X.indices, begin, entries)
    const values = await floats(X.values)
    panels.push({ first, count, entries, indptr, indices, values, weights: weights && (await floats(weights)) })
  }
  return { rows: X.rows, panels, entries: X.indptr[X.rows], longest: await inSlices(longestRow(X)) }
}

/** The transpose of a sparse X and of the weights of its entries: products gather by its rows. */
async function uploadTranspose(
  gpu: Gpu,
  owned: Owned,
  X: CsrView,
  weights: Values | undefined,
  room: Room,
): Promise<CsrRows> {
  const turned = await inSlices(transposeCsr(X))
  const longest = await inSlices(longestRow(turned))
  if (longest * 4 > room.bindingBytes) {
    const reason = 'one column of X has more entries than this GPU lets a kernel see at once'
    throw new NonnegError('ERR_NONNEG_UNSUPPORTED', reason, { detail: { entries: longest } })
  }
  const over = weights && (await inSlices(transposeCsr({ ...X, values: weights })))
  return await uploadCsr(gpu, owned, turned, over?.values, room)
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
 * Uploads X and its weights. `fixed`: H stays as it is; `beta` is the fit's own; `batches`: there will be some; `descends`:
 * rows of H are led by the entries of their columns; `half`: X is stored in half precision, and is what that makes of it,
 * its norm too.
 */
export async function uploadData(
  gpu: Gpu,
  owned: Owned,
  { X, squaredNorm, weights }: Problem,
  o: { fixed: boolean; beta: number; batches: boolean; descends: boolean; half: boolean; room: Room },
): Promise<Resident> {
  const { fixed, beta, batches, descends, half, room } = o
  const { rows, columns } = X
  // coordinate descent may keep the models of a panel's entries, and something beside them
  const listRoom = descends ? { ...room, bindingBytes: room.bindingBytes / 2 } : room
  const entries = weights?.kind === 'entries' ? weights.values : undefined
  const gathers = !fixed && (descends || familyOf(X, beta, weights) !== 'tile')
  const stride = padded(columns)
  const V = weights?.kind === 'dense' ? weights : undefined
  const isCut = batches && familyOf(X, beta, weights) === 'gram'
  const normsBefore = isCut || half ? await inSlices(norms(X, half)) : undefined
  return {
    ...{ rows, columns, weights: weights?.kind, normsBefore },
    squaredNorm: half ? normsBefore![rows] : squaredNorm,
    X:
      X.kind === 'dense'
        ? { kind: 'dense', stride, half, panels: await uploadDense(gpu, owned, X, room, half) }
        : {
            kind: 'csr',
            byRows: await uploadCsr(gpu, owned, X, entries, listRoom),
            byColumns: gathers ? await uploadTranspose(gpu, owned, X, entries, listRoom) : undefined,
          },
    V: V && { stride, panels: await uploadDense(gpu, owned, V, room) },
    holdout: weights?.kind === 'holdout' ? holdoutOf(weights) : undefined,
  }
}

function holdoutOf({ fraction, seed, complement = false }: Extract<Weights, { kind: 'holdout' }>): Holdout {
  return { key: mix(seed), threshold: holdoutThreshold(fraction), complement }
}
