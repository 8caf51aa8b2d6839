import { entryCount, type MatrixView } from '../../core/matrix.js'
import type { FitSpec, Weights } from '../backend.js'
import { frozenBytes, HELD_BY_EXTRAPOLATION, type Memory } from '../memory.js'
import { carriedBytes } from './layout.js'
import { denseBytes } from './source.js'
import { layoutOf } from './tell.js'
import type { SharedFit } from './thread.js'

type Layout = SharedFit['layout']

/** Row pointers of the transpose of CSR X, as though all its columns had as many entries: to count them takes a pass. */
function evenPointers({ columns }: MatrixView, entries: number): Uint32Array {
  return Uint32Array.from({ length: columns + 1 }, (_, j) => Math.floor((j * entries) / columns))
}

/**
 * The layout that a fit would have from address 0 on. Coordinate descent over listed entries wants room for the longest
 * column, of which this takes the mean.
 */
export function plannedLayout(X: MatrixView, spec: FitSpec, weights: Weights | undefined, threads: number): Layout {
  const { rows, columns } = X
  const indptr = X.kind === 'csr' ? ([X.indptr, evenPointers(X, entryCount(X))] as const) : undefined
  return layoutOf({ rows, columns, rank: spec.rank, dtype: spec.dtype, indptr }, spec, X, weights, threads, 0)
}

/** What of a fit can lie nowhere but in wasm memory. */
export function bytesWithin(layout: Layout, spec: FitSpec): number {
  return layout.bytes + (spec.batches ? carriedBytes(layout, spec.rule) : 0)
}

function bytesOfX(X: MatrixView, { size, scheme }: Layout): number {
  if (X.kind === 'dense') return denseBytes(X, size)
  const pointers = 4 * (X.rows + X.columns + 2)
  // entries that kernels read in place have their row pointers there too
  const copies = scheme === 'tiles' ? 1 : 2
  return 2 * (size + 4) * entryCount(X) + copies * pointers
}

function bytesOfWeights(weights: Weights | undefined, size: number): number {
  if (weights?.kind === 'dense') return denseBytes(weights, size)
  return weights?.kind === 'entries' ? 2 * size * weights.values.length : 0
}

/** What a fit takes: in wasm memory, and beside it where X and its weights find no room there. */
export function memoryOf(X: MatrixView, spec: FitSpec, weights: Weights | undefined, threads: number): Memory {
  const layout = plannedLayout(X, spec, weights, threads)
  const { rows, columns, stride, size } = layout
  const pairs = 1 + (spec.extrapolate ? HELD_BY_EXTRAPOLATION : 0)
  const factors = pairs * (rows + columns) * stride
  const carried = spec.batches ? carriedBytes(layout, spec.rule) : 0
  return {
    X: bytesOfX(X, layout),
    weights: bytesOfWeights(weights, size),
    // every worker has lists of its own
    factors: factors + carried + threads * frozenBytes(spec),
    workspace: layout.bytes - factors,
  }
}
