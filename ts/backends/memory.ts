import { entryCount, type MatrixView } from '../core/matrix.js'
import type { FitSpec, Weights } from './backend.js'

/** Bytes that a fit takes on its device, by purpose. */
export interface Memory {
  /** X; where it is sparse, its transpose too. */
  readonly X: number
  readonly weights: number
  /** W and H, and what extrapolation and batches keep beside them. */
  readonly factors: number
  /** Products, Gram matrices and scratch. */
  readonly workspace: number
  /** Present where X has no room as a whole, and some of it is sent again and again. */
  readonly streams?: Streaming
}

/** How a fit goes on without all of X on its device. */
export interface Streaming {
  /** Panels that X and its weights are cut into: of rows, and of columns where updates of H go along these. */
  readonly panels: number
  /** Those of them that stay on the device. */
  readonly staying: number
  /** Bytes of the others that each iteration, its loss included, sends: of a sparse X to within a panel or so. */
  readonly bytesPerIteration: number
}

/** Factors that extrapolation holds beside those there are: the ones before the last step, and those to go back to. */
export const HELD_BY_EXTRAPOLATION = 2

/** Rows of the rank that batches keep: of `mu` numerators and denominators, of `sgd` a gradient, of `svrmu` a snapshot. */
export function heldByBatches({ batches, rule }: FitSpec, { rows, columns }: MatrixView): number {
  if (!batches) return 0
  if (rule === 'sgd') return columns
  return rule === 'svrmu' ? rows + 2 * columns : 2 * columns
}

/** The lists of rows and columns that stay. */
export function frozenBytes({ frozenW, frozenH }: FitSpec): number {
  return (frozenW?.byteLength ?? 0) + (frozenH?.byteLength ?? 0)
}

/** What X, weights and factors take in elements of `size` bytes, the rank padded to a multiple of `padding`. */
export function residentBytes(
  X: MatrixView,
  spec: FitSpec,
  weights: Weights | undefined,
  size: number,
  padding: number,
): Omit<Memory, 'workspace'> {
  const { rows, columns } = X
  const entries = entryCount(X)
  const rank = Math.ceil(spec.rank / padding) * padding
  const pairs = 1 + (spec.extrapolate ? HELD_BY_EXTRAPOLATION : 0)
  const lists = weights?.kind === 'entries' ? 2 * entries : 0
  return {
    X: X.kind === 'dense' ? size * entries : 2 * (size + 4) * entries + 4 * (rows + columns + 2),
    weights: size * (weights?.kind === 'dense' ? rows * columns : lists),
    factors: size * rank * (pairs * (rows + columns) + heldByBatches(spec, X)) + frozenBytes(spec),
  }
}

export function totalBytes({ X, weights, factors, workspace }: Memory): number {
  return X + weights + factors + workspace
}

/** Bytes for people. */
export function inBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  let [value, unit] = [bytes, 0]
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1]
  return `${unit === 0 ? value : value.toPrecision(3)} ${units[unit]}`
}
