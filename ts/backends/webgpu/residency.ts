import { entryCount, type MatrixView } from '../../core/matrix.js'
import { familyOf } from '../../kernels/beta.js'
import type { FitSpec, Weights } from '../backend.js'
import { type Memory, type Streaming, totalBytes } from '../memory.js'
import { densePanels, type Panel, padded, ROWS_APART, type Room } from './plan.js'
import { arraysOf, BY_ROWS, memoryOfFit, mostAtATime } from './support.js'

/** How much of X and its weights is on the device at a time, where not all of it is. */
export interface Residency {
  /** Bytes of a panel. */
  readonly panelBytes: number
  /** Panels of each matrix that there is room for: all, or those that stay and two that the others take turns in. */
  readonly panels: number
}

/** How the memory that a fit may take is shared. */
export interface Allotment {
  /** Bytes of an array that holds what a tile of W·H contributes, for losses that need one. */
  readonly tileBytes: number
  /** Undefined: all of X stays. */
  readonly residency: Residency | undefined
}

/** What of a device's room the memory of a fit depends on. */
export type Limits = Pick<Room, 'memoryBytes' | 'bindingBytes' | 'tileBytes' | 'busyThreads'>

/** Large enough that a submission for each is worth it, and that two on their way take no more than uploads ever do. */
const MOST_BYTES = 32 * 2 ** 20
/** Panels that the room for X is cut into, so that most of it holds some that stay. */
const CUTS = 16
/** Bytes of a tile that a thread works on: of 4 × 4 entries. Smaller ones leave threads without work. */
const THREAD_BYTES = 64
/** Pieces that X is cut into at most, but for very large ones. */
const MOST_PIECES = 256
/** Columns that panels of columns are cut into at least: rows of four values. */
const COLUMNS_APART = 4

/** Whether the columns of a sparse X are listed too: for products that gather by them, or rows of Hᵀ that move by them. */
export function gathersColumns(X: MatrixView, { beta, fixed, rule }: FitSpec, weights: Weights | undefined): boolean {
  return X.kind === 'csr' && fixed !== 'H' && (BY_ROWS.includes(rule) || familyOf(X, beta, weights) !== 'tile')
}

/** Whether an update goes along the columns of dense matrices, which then stream in panels of columns too. */
export function goesAlongColumns(X: MatrixView, { beta, fixed, rule }: FitSpec, weights: Weights | undefined): boolean {
  return BY_ROWS.includes(rule) && fixed !== 'H' && familyOf(X, beta, weights) === 'tile'
}

/** Panels of whole columns of a dense matrix, as they stream: cut alike whatever its elements are. */
export function columnPanels(rows: number, columns: number, panelBytes: number): Panel[] {
  return densePanels(columns, rows * 4, panelBytes, COLUMNS_APART)
}

/** A matrix that is cut into panels. */
interface Streamed {
  readonly isWeights: boolean
  readonly bytes: number
  /** How often an iteration reads it, with its loss. */
  readonly passes: number
  /** Its panels of so many bytes at most: how many, and the bytes of each but the last. */
  cut(panelBytes: number): { readonly count: number; readonly each: number }
}

/** X by its rows, and by its columns where updates go along these, and dense weights likewise. */
function matricesOf(X: MatrixView, spec: FitSpec, weights: Weights | undefined): readonly Streamed[] {
  const { fixed, rule, rounds = 1 } = spec
  const { rows, columns } = X
  const family = familyOf(X, spec.beta, weights)
  // rounds of coordinate descent follow each other on the rows that are there
  const often = BY_ROWS.includes(rule) ? 1 : rounds
  const updates = fixed === 'H' ? [often] : [often, often]
  const across = goesAlongColumns(X, spec, weights)
  const passesByRows = (): number => {
    const [W, H = 0] = updates
    // with H as it is, the product with X is formed once for all iterations
    if (family === 'gram') return fixed === 'H' ? 0 : 1
    // see `Gradients.ahead`
    const apart = BY_ROWS.includes(rule) || spec.extrapolate || spec.batches
    return Number(apart ?? false) + W + (gathersColumns(X, spec, weights) || across ? 0 : H)
  }

  function dense(isWeights: boolean, size: number): Streamed[] {
    const ofLine = { rows: padded(columns) * size, columns: rows * size }
    const cutInto = (panels: readonly Panel[], lineBytes: number) => {
      return { count: panels.length, each: panels[0].count * lineBytes }
    }
    const own = { isWeights, bytes: rows * ofLine.rows }
    const byRows: Streamed = {
      ...{ ...own, passes: passesByRows() },
      cut: panelBytes => cutInto(densePanels(rows, ofLine.rows, panelBytes, ROWS_APART), ofLine.rows),
    }
    const byColumns: Streamed = {
      ...{ ...own, passes: 1 },
      cut: panelBytes => cutInto(columnPanels(rows, columns, panelBytes), ofLine.columns),
    }
    return across ? [byRows, byColumns] : [byRows]
  }

  function sparse(lines: number, passes: number): Streamed {
    const entries = entryCount(X)
    const bytes = bytesOfEntry(weights) * entries + 4 * (lines + 1)
    const cut = (panelBytes: number) => {
      const count = Math.ceil(Math.max(entries, lines + 1) / Math.floor(panelBytes / bytesOfPlace(weights)))
      return { count, each: bytes / count }
    }
    return { isWeights: false, bytes, passes, cut }
  }

  const [updatesOfH = 0] = updates.slice(1)
  const ofX =
    X.kind === 'dense'
      ? dense(false, spec.storage === 'f16' ? 2 : 4)
      : [
          sparse(rows, passesByRows()),
          ...(gathersColumns(X, spec, weights) ? [sparse(columns, family === 'gram' ? 1 : updatesOfH)] : []),
        ]
  return [...ofX, ...(weights?.kind === 'dense' ? dense(true, 4) : [])]
}

/** Bytes of an entry of a sparse X: its column, its value, and its weight where it has one. */
function bytesOfEntry(weights: Weights | undefined): number {
  return weights?.kind === 'entries' ? 12 : 8
}

/** Bytes that a panel has room for in each of its lists, one of which has the ends of rows, for one entry. */
export function bytesOfPlace(weights: Weights | undefined): number {
  return bytesOfEntry(weights) + 4
}

/** The smallest panels: of as many rows and columns as bindings can begin with, and not too many of them. */
function leastPanel(X: MatrixView, spec: FitSpec, weights: Weights | undefined): number {
  const { rows, columns } = X
  const largest = Math.max(...matricesOf(X, spec, weights).map(({ bytes }) => bytes))
  const isDense = X.kind === 'dense' || weights?.kind === 'dense'
  const size = X.kind === 'dense' && spec.storage === 'f16' && weights?.kind !== 'dense' ? 2 : 4
  const byRows = isDense ? ROWS_APART * padded(columns) * size : 256
  const byColumns = goesAlongColumns(X, spec, weights) ? COLUMNS_APART * rows * 4 : 0
  return Math.max(byRows, byColumns, worthOf(largest))
}

/** The smallest tile: as many rows as bindings can begin with, or a column where a descent goes along it. */
function leastTile(X: MatrixView, spec: FitSpec, weights: Weights | undefined): number {
  const rows = Math.min(X.rows, ROWS_APART)
  const lines = 4 * Math.max(rows * padded(X.columns), goesAlongColumns(X, spec, weights) ? X.rows : 0)
  return Math.max(lines, worthOf(mostAtATime(X, spec, weights)))
}

/** Bytes of a piece of something at least, so that the dispatches of all of them are recorded in little memory. */
function worthOf(bytes: number): number {
  return Math.ceil(Math.min(MOST_BYTES, bytes / MOST_PIECES) / 4) * 4
}

/** Bytes that the entries of a panel take where they are worked on at a time: a tile, or one of the lists of a sparse one. */
function atATime(X: MatrixView, spec: FitSpec, weights: Weights | undefined, panelBytes: number): number {
  const family = familyOf(X, spec.beta, weights)
  if (family === 'gram') return 0
  if (family === 'entries') return (4 * panelBytes) / bytesOfPlace(weights)
  const tile = X.kind === 'dense' && spec.storage === 'f16' ? 2 * panelBytes : panelBytes
  return Math.min(mostAtATime(X, spec, weights), Math.max(tile, leastTile(X, spec, weights)))
}

/** What a fit takes whose X is in panels of so many bytes. */
function streamedMemory(
  X: MatrixView,
  spec: FitSpec,
  weights: Weights | undefined,
  { panelBytes, panels }: Residency,
): Memory {
  const { factors, workspace } = memoryOfFit(X, spec, weights, atATime(X, spec, weights, panelBytes))
  const matrices = matricesOf(X, spec, weights)
  const bytesOf = (isWeights: boolean) =>
    matrices.filter(one => one.isWeights === isWeights).length * panels * panelBytes
  const memory = { X: bytesOf(false), weights: bytesOf(true), factors, workspace }
  const parts = matrices.map(({ bytes, passes, cut }): Streaming => {
    const { count, each } = cut(panelBytes)
    const staying = stayingOf(panels, count)
    const sent = staying === count ? 0 : passes * (bytes - staying * each)
    return { panels: count, staying, bytesPerIteration: Math.round(sent) }
  })
  // where less is worked on at a time all panels may have room
  if (parts.every(one => one.staying === one.panels)) return memory
  const sum = (name: keyof Streaming) => parts.reduce((total, one) => total + one[name], 0)
  return {
    ...memory,
    streams: { panels: sum('panels'), staying: sum('staying'), bytesPerIteration: sum('bytesPerIteration') },
  }
}

/** How many of a matrix's panels stay where there is room for so many. */
export function stayingOf(room: number, panels: number): number {
  return room < panels ? room - 2 : panels
}

/** Panels of X by turns, as large as the memory allows, and tiles of their size; undefined where two have no room. */
function streamed(
  X: MatrixView,
  spec: FitSpec,
  weights: Weights | undefined,
  { memoryBytes, bindingBytes, tileBytes }: Limits,
): Allotment | undefined {
  const { factors, workspace } = memoryOfFit(X, spec, weights, 0)
  const left = memoryBytes - factors - workspace
  const count = matricesOf(X, spec, weights).length
  const least = leastPanel(X, spec, weights)
  const beside = (panelBytes: number) => arraysOf(X, spec, weights) * atATime(X, spec, weights, panelBytes)
  // where tiles or lists of a panel take many times as much as it does, it is smaller than that
  const cuts = Math.max(CUTS, beside(least) / least + 4 * count)
  const panelBytes = Math.max(least, Math.min(bindingBytes, MOST_BYTES, Math.floor(left / cuts)))
  const panels = Math.floor((left - beside(panelBytes)) / count / panelBytes)
  if (panels < 2 || panelBytes > bindingBytes) return undefined
  const tile = familyOf(X, spec.beta, weights) === 'tile' ? atATime(X, spec, weights, panelBytes) : panelBytes
  return { tileBytes: Math.min(tileBytes, tile), residency: { panelBytes, panels } }
}

/**
 * How a fit shares the memory of a device; undefined where it has no room. As long as they keep threads at work, tiles are made
 * smaller before any of X goes, since dispatches cost less than sending it. Smaller ones than that are for what cannot stream.
 */
export function allotmentOf(
  X: MatrixView,
  spec: FitSpec,
  weights: Weights | undefined,
  limits: Limits,
): Allotment | undefined {
  const { memoryBytes, tileBytes, busyThreads } = limits
  const arrays = arraysOf(X, spec, weights)
  const most = mostAtATime(X, spec, weights)
  const left = memoryBytes - totalBytes(memoryOfFit(X, spec, weights, 0))
  const least = leastTile(X, spec, weights)
  if (familyOf(X, spec.beta, weights) !== 'tile') {
    const spare = left - arrays * most
    if (spare < 0) return streamed(X, spec, weights, limits)
    // for another loss that is asked for in passing
    return { tileBytes: Math.max(least, Math.min(tileBytes, spare / 2)), residency: undefined }
  }
  const full = Math.min(tileBytes, most)
  const tile = Math.min(full, Math.floor(left / arrays))
  const resident: Allotment = { tileBytes: tile, residency: undefined }
  if (tile >= Math.min(full, Math.max(least, busyThreads * THREAD_BYTES))) return resident
  return streamed(X, spec, weights, limits) ?? (tile >= least ? resident : undefined)
}

/** What a fit takes of a device with so much memory; the least that it could do with, where that has not so much. */
export function memoryWithin(X: MatrixView, spec: FitSpec, weights: Weights | undefined, limits: Limits): Memory {
  const own = allotmentOf(X, spec, weights, limits)
  const isTile = familyOf(X, spec.beta, weights) === 'tile'
  const resident = (tile: number) => memoryOfFit(X, spec, weights, isTile ? tile : undefined)
  if (own) return own.residency ? streamedMemory(X, spec, weights, own.residency) : resident(own.tileBytes)
  const whole = resident(leastTile(X, spec, weights))
  const panelBytes = leastPanel(X, spec, weights)
  if (panelBytes > limits.bindingBytes) return whole
  const panels = streamedMemory(X, spec, weights, { panelBytes, panels: 2 })
  return totalBytes(panels) < totalBytes(whole) ? panels : whole
}
