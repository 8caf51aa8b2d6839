import type { MatrixView } from '../../core/matrix.js'
import { familyOf } from '../../kernels/beta.js'
import type { FitSpec, Weights } from '../backend.js'
import { type Memory, totalBytes } from '../memory.js'
import { padded, ROWS_APART, type Room } from './plan.js'
import { BY_ROWS, memoryOfFit } from './support.js'

/** How much of X and its weights is on the device at a time, where not all of it is. */
export interface Residency {
  /** Bytes of a panel. */
  readonly panelBytes: number
  /** Panels of each matrix that there is room for: two that the others take turns in, and those that stay. */
  readonly panels: number
}

/** Large enough that a submission for each is worth it, and that two on their way take no more than uploads ever do. */
const MOST_BYTES = 32 * 2 ** 20
/** Panels that the room for X is cut into, so that most of it holds some that stay. */
const CUTS = 16

/** Whether the columns of a sparse X are listed too: for products that gather by them, or rows of Hᵀ that move by them. */
export function gathersColumns(X: MatrixView, { beta, fixed, rule }: FitSpec, weights: Weights | undefined): boolean {
  return X.kind === 'csr' && fixed !== 'H' && (BY_ROWS.includes(rule) || familyOf(X, beta, weights) !== 'tile')
}

/** Whether an update reads the columns of a dense matrix across all of its panels, again for every few of them. */
function readsAcross(X: MatrixView, { beta, fixed, rule }: FitSpec, weights: Weights | undefined): boolean {
  const isDense = X.kind === 'dense' || weights?.kind === 'dense'
  return BY_ROWS.includes(rule) && fixed !== 'H' && isDense && familyOf(X, beta, weights) === 'tile'
}

/** The matrices that are cut into panels: X by its rows, where it is sparse by its columns too, and dense weights. */
function matricesOf(X: MatrixView, spec: FitSpec, weights: Weights | undefined): number {
  return 1 + Number(gathersColumns(X, spec, weights)) + Number(weights?.kind === 'dense')
}

/** What a fit takes beside X and its weights. */
interface Beside {
  readonly bytes: number
  /** For each byte of a panel: what its entries leave, where a loss is formed at the entries. */
  readonly perByte: number
}

function besideX(X: MatrixView, spec: FitSpec, weights: Weights | undefined): Beside {
  const listed = familyOf(X, spec.beta, weights) === 'entries'
  // without the lists of all entries, which would be as long as X
  const { factors, workspace } = listed
    ? memoryOfFit(X, { ...spec, beta: 2 }, undefined)
    : memoryOfFit(X, spec, weights)
  return { bytes: factors + workspace, perByte: listed ? 1.5 : 0 }
}

/**
 * What of X a fit keeps on a device with so much memory: undefined where all of it has room, `'none'` where not even two
 * panels have, or panels that take turns would do so all the time.
 */
export function residencyOf(
  X: MatrixView,
  spec: FitSpec,
  weights: Weights | undefined,
  { memoryBytes, bindingBytes }: Pick<Room, 'memoryBytes' | 'bindingBytes'>,
): Residency | 'none' | undefined {
  if (totalBytes(memoryOfFit(X, spec, weights)) <= memoryBytes) return undefined
  if (readsAcross(X, spec, weights)) return 'none'
  const { bytes, perByte } = besideX(X, spec, weights)
  const left = memoryBytes - bytes
  const least = X.kind === 'dense' ? ROWS_APART * padded(X.columns) * 4 : 256
  const panelBytes = Math.max(least, Math.min(bindingBytes, MOST_BYTES, Math.floor(left / CUTS)))
  const panels = Math.floor((left - perByte * panelBytes) / matricesOf(X, spec, weights) / panelBytes)
  return panels < 2 || panelBytes > bindingBytes ? 'none' : { panelBytes, panels }
}

/** What a fit takes of a device with so much memory. */
export function memoryWithin(
  X: MatrixView,
  spec: FitSpec,
  weights: Weights | undefined,
  room: Pick<Room, 'memoryBytes' | 'bindingBytes'>,
): Memory {
  const whole = memoryOfFit(X, spec, weights)
  const residency = residencyOf(X, spec, weights, room)
  if (residency === undefined || residency === 'none') return whole
  const { panelBytes, panels } = residency
  const isWeighed = weights?.kind === 'dense'
  const { bytes, perByte } = besideX(X, spec, weights)
  const { factors } = whole
  return {
    X: (matricesOf(X, spec, weights) - Number(isWeighed)) * panels * panelBytes,
    weights: isWeighed ? panels * panelBytes : 0,
    factors,
    workspace: bytes - factors + perByte * panelBytes,
  }
}
