import { inSlices } from '../../core/breathe.js'
import { NonnegError } from '../../core/errors.js'
import { halfBits, halfValue, LARGEST_HALF } from '../../core/half.js'
import { type CsrView, type DenseView, type MatrixView, transposeCsr } from '../../core/matrix.js'
import { type Family as FamilyName, familyOf } from '../../kernels/beta.js'
import { holdoutThreshold, mix } from '../../kernels/holdout.js'
import type { FitSpec, Problem, Weights } from '../backend.js'
import { inBytes } from '../memory.js'
import type { Gpu } from './gpu.js'
import type { Owned } from './owned.js'
import { csrPanels, densePanels, listBytesOf, longestRow, type Panel, padded, ROWS_APART, type Room } from './plan.js'
import { gathersColumns, type Residency, residencyOf } from './residency.js'
import { place, type Readable } from './streamed.js'
import { uploadFloats, uploadHalfRows, uploadIntegers, uploadRows } from './upload.js'

/** Rows of a dense matrix on the device. */
export interface DensePanel extends Panel {
  readonly buffer: Readable
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

/** Where panels go: bytes that a list of one may have, and how much of the matrix stays. */
interface Ground {
  readonly bindingBytes: number
  readonly residency: Residency | undefined
}

/** How many of so many panels stay on the device. */
function keptOf({ residency }: Ground, panels: number): number {
  return residency && residency.panels < panels ? residency.panels - 2 : panels
}

async function uploadDense(
  gpu: Gpu,
  owned: Owned,
  X: DenseView,
  { bindingBytes, residency }: Ground,
  half = false,
): Promise<DensePanel[]> {
  const stride = padded(X.columns)
  const rowBytes = stride * (half ? 2 : 4)
  const panels = residency
    ? densePanels(X.rows, rowBytes, residency.panelBytes, ROWS_APART)
    : densePanels(X.rows, rowBytes, bindingBytes)
  const write = half ? uploadHalfRows : uploadRows
  const loads = panels.map(({ first, count }) => ({
    bytes: [count * rowBytes],
    write: ([memory]: readonly GPUBuffer[]) => write(gpu, memory, X, first, count, stride),
  }))
  const placed = await place(owned, loads, keptOf({ bindingBytes, residency }, panels.length))
  return panels.map((panel, at) => ({ ...panel, buffer: placed[at][0] }))
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
 * @throws NonnegError ERR_NONNEG_MEMORY where there is no room for panels of it
 */
export async function uploadData(
  gpu: Gpu,
  owned: Owned,
  { X, squaredNorm, weights }: Problem,
  { spec, batches, room }: { spec: FitSpec; batches: boolean; room: Room },
): Promise<Resident> {
  const { rows, columns } = X
  const family = familyOf(X, spec.beta, weights)
  const residency = residencyOf(X, spec, weights, room)
  if (residency === 'none') {
    const limit = inBytes(room.memoryBytes)
    throw new NonnegError('ERR_NONNEG_MEMORY', `the fit has no room for panels of X in ${limit} of GPU memory`, {
      fix: 'raise webgpu.memoryLimit (NONNEG_WEBGPU_MEMORY), or choose another backend',
    })
  }
  const ground: Ground = { bindingBytes: listBytesOf(family, room), residency }
  const entries = weights?.kind === 'entries' ? weights.values : undefined
  const gathers = gathersColumns(X, spec, weights)
  const stride = padded(columns)
  const V = weights?.kind === 'dense' ? weights : undefined
  const half = spec.storage === 'f16'
  const placed: Resident['X'] =
    X.kind === 'dense'
      ? { kind: 'dense', stride, half, panels: await uploadDense(gpu, owned, X, ground, half) }
      : {
          kind: 'csr',
          byRows: await uploadCsr(gpu, owned, X, entries, ground),
          byColumns: gathers ? await uploadTranspose(gpu, owned, X, entries, ground) : undefined,
        }
  const isCut = batches && family === 'gram'
  const normsBefore = isCut || half ? await inSlices(norms(X, half)) : undefined
  return {
    ...{ rows, columns, weights: weights?.kind, normsBefore },
    squaredNorm: half ? normsBefore![rows] : squaredNorm,
    streams: residency !== undefined,
    X: placed,
    V: V && { stride, panels: await uploadDense(gpu, owned, V, ground) },
    holdout: weights?.kind === 'holdout' ? holdoutOf(weights) : undefined,
  }
}

function holdoutOf({ fraction, seed, complement = false }: Extract<Weights, { kind: 'holdout' }>): Holdout {
  return { key: mix(seed), threshold: holdoutThreshold(fraction), complement }
}
