import { type CsrView, type FloatArray, transposeCsr } from '../../core/matrix.js'
import { familyOf } from '../../kernels/beta.js'
import type { FitSpec } from '../backend.js'
import { entriesLayout } from './entries-layout.js'
import { gramLayout } from './gram-layout.js'
import type { Heap } from './heap.js'
import type { Dtype } from './kernels.js'
import type { Shape } from './layout.js'
import type { Create } from './messages.js'
import { settleCsr, settleDense, unsettledCsr } from './parts.js'
import { allocate, type CsrArrays, type CsrSource, type DenseSource, type HoldoutSource, reals } from './source.js'
import type { SharedFit, Steps, Thread, Told } from './thread.js'
import { tileLayout } from './tile-layout.js'

/** Lets a generator that yields nothing take part in the coordinator's turns. */
export function* inTurns<T>(steps: Generator<void, T>): Steps<T> {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
    yield 'turn'
  }
}

function* transposed(X: CsrSource, dtype: Dtype, shared: boolean): Steps<CsrArrays> {
  const view: CsrView = X
  const { indptr, indices, values } = yield* inTurns(transposeCsr(view))
  // entries of one place keep their order, so that the weights are carried over as the values are
  const weights = X.weights && (yield* inTurns(transposeCsr({ ...view, values: X.weights }))).values
  const moved = <T extends Uint32Array | FloatArray>(from: T, to: T) => {
    to.set(from)
    return to
  }
  const words = (array: Uint32Array) => new Uint32Array(allocate(array.byteLength, shared))
  const list = (array: FloatArray) => moved(array, reals(dtype, array.length, shared))
  return {
    indptr: moved(indptr, words(indptr)),
    indices: moved(indices, words(indices)),
    values: list(values),
    weights: weights && list(weights),
  }
}

type Kind = { readonly kind: string }

/** The layout of a fit whose memory starts at `base`. */
export function layoutOf(
  shape: Shape,
  spec: FitSpec,
  X: Parameters<typeof familyOf>[0],
  weights: Kind | undefined,
  threads: number,
  base: number,
): Told['layout'] {
  const family = familyOf(X, spec.beta, weights)
  if (family === 'gram') return gramLayout(shape, spec, threads, base)
  if (family === 'tile') return tileLayout(shape, spec, weights !== undefined, threads, base)
  if (!shape.indptr) throw new TypeError('the entries of a dense matrix are not listed')
  return entriesLayout({ ...shape, indptr: shape.indptr }, spec, weights !== undefined, threads, base)
}

/** X and the weights of its entries as threads have them: dense X or CSR both ways; weights of entries lie with these. */
interface Data {
  readonly source?: DenseSource | undefined
  readonly byRow?: CsrArrays | undefined
  readonly byColumn?: CsrArrays | undefined
  readonly weights?: DenseSource | HoldoutSource | undefined
}

/** The layout of a fit, in memory that is taken for it and then named first in `blocks`. */
function layoutIn(
  heap: Heap,
  blocks: number[],
  spec: FitSpec,
  size: { readonly rows: number; readonly columns: number },
  { byRow, byColumn, weights }: Data,
  threads: number,
): Told['layout'] {
  const indptr = byRow && byColumn ? ([byRow.indptr, byColumn.indptr] as const) : undefined
  const shape = { rows: size.rows, columns: size.columns, rank: spec.rank, dtype: spec.dtype, indptr }
  const X = { kind: indptr ? 'csr' : 'dense' } as const
  const kind = byRow?.weights ? { kind: 'entries' } : weights
  const at = (base: number) => layoutOf(shape, spec, X, kind, threads, base)
  blocks.push(heap.allocate(at(0).bytes))
  return at(blocks[0])
}

/**
 * What threads are to know of a new fit.
 * @param blocks is given the addresses of what the fit takes of wasm memory, that of the layout first
 */
export function* tell(
  thread: Thread,
  heap: Heap,
  shared: boolean,
  { spec, threads, source, weights, flags }: Create,
  blocks: number[],
): Steps<Told> {
  const { dtype } = spec

  function* settledDense(dense: DenseSource): Steps<DenseSource> {
    const settled = yield* settleDense(thread, heap, dtype, dense)
    if (settled.address !== 0) blocks.push(settled.address)
    return settled
  }

  function* settledCsr(arrays: CsrArrays): Steps<CsrArrays> {
    const settled = yield* settleCsr(thread, heap, dtype, arrays)
    if (settled.place) blocks.push(settled.place.indptr)
    return settled
  }

  if (source.kind === 'dense') {
    const layout = layoutIn(heap, blocks, spec, source, { source, weights }, threads)
    const settledWeights = weights?.kind === 'dense' ? yield* settledDense(weights) : weights
    return toldOf(spec, flags, layout, { weights: settledWeights, source: yield* settledDense(source) })
  }
  const byColumn = yield* transposed(source, dtype, shared)
  const layout = layoutIn(heap, blocks, spec, source, { byRow: source, byColumn, weights }, threads)
  if (layout.scheme === 'tiles') {
    const settledWeights = weights?.kind === 'dense' ? yield* settledDense(weights) : weights
    const byRow = yield* ascending(layout, byColumn, shared)
    return toldOf(spec, flags, layout, { weights: settledWeights, byRow, byColumn })
  }
  const byRow = yield* settledCsr(source)
  return toldOf(spec, flags, layout, { byRow, byColumn: yield* settledCsr(byColumn) })
}

/**
 * The same of a fit that measures the factors of another under `beta`: X and the weights stay where that one has them,
 * but for CSR X that comes in tiles here and did not there, of which this one has a copy.
 */
export function* tellSibling(
  thread: Thread,
  heap: Heap,
  shared: boolean,
  of: SharedFit,
  beta: number,
  threads: number,
  blocks: number[],
): Steps<Told> {
  const data: Data = of
  const { rank, dtype } = of.layout
  const spec = { rank, dtype, beta, rule: 'mu' } as const
  const layout = layoutIn(heap, blocks, spec, of.layout, data, threads)
  if (!data.byColumn || layout.scheme !== 'tiles' || of.layout.scheme === 'tiles') {
    return toldOf(spec, of.flags, layout, data)
  }
  const byColumn = yield* unsettledCsr(thread, dtype, data.byColumn, shared)
  return toldOf(spec, of.flags, layout, { byRow: yield* ascending(layout, byColumn, shared), byColumn })
}

/** The rows of CSR X with ascending columns: those of the transpose's transpose. */
function ascending({ rows, columns, dtype }: Told['layout'], byColumn: CsrArrays, shared: boolean): Steps<CsrArrays> {
  return transposed({ kind: 'csr', rows: columns, columns: rows, ...byColumn }, dtype, shared)
}

/** The scheme of the layout decides which of the data there are. */
function toldOf(spec: FitSpec, flags: Int32Array, layout: Told['layout'], data: Data): Told {
  const { source, byRow, byColumn, weights } = data
  return { spec, flags, layout, source, byRow, byColumn, weights } as Told
}
