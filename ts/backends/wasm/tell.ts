import { type CsrView, type FloatArray, transposeCsr } from '../../core/matrix.js'
import { familyOf } from '../../kernels/beta.js'
import type { FitSpec } from '../backend.js'
import { entriesLayout } from './entries-layout.js'
import { gramLayout } from './gram-layout.js'
import type { Heap } from './heap.js'
import type { Dtype } from './kernels.js'
import type { Shape } from './layout.js'
import type { Create } from './messages.js'
import { settleCsr, settleDense } from './parts.js'
import { allocate, type CsrArrays, type CsrSource, type DenseSource, reals } from './source.js'
import type { Steps, Thread, Told } from './thread.js'
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
  const { beta, rule } = spec
  const family = familyOf(X, beta, weights)
  if (family === 'gram') return gramLayout(shape, threads, base)
  if (family === 'tile') return tileLayout(shape, rule, beta, weights !== undefined, threads, base)
  if (!shape.indptr) throw new TypeError('the entries of a dense matrix are not listed')
  return entriesLayout({ ...shape, indptr: shape.indptr }, rule, weights !== undefined, threads, base)
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
  const { rank, dtype } = spec
  const { rows, columns } = source
  const byColumn = source.kind === 'csr' ? yield* transposed(source, dtype, shared) : undefined
  const indptr = source.kind === 'csr' && byColumn ? ([source.indptr, byColumn.indptr] as const) : undefined
  const shape = { rows, columns, rank, dtype, indptr }
  const kind = source.kind === 'csr' && source.weights ? { kind: 'entries' } : weights
  const { bytes } = layoutOf(shape, spec, source, kind, threads, 0)
  blocks.push(heap.allocate(bytes))
  const layout = layoutOf(shape, spec, source, kind, threads, blocks[0])

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

  if (layout.scheme === 'tiles') {
    const settledWeights = weights?.kind === 'dense' ? yield* settledDense(weights) : weights
    const common = { spec, flags, layout, weights: settledWeights }
    if (source.kind === 'dense') return { ...common, source: yield* settledDense(source) }
    // transposed twice, the columns of every row ascend
    const turned = { kind: 'csr', rows: columns, columns: rows, ...byColumn! } as const
    return { ...common, byRow: yield* transposed(turned, dtype, shared), byColumn: byColumn! }
  }
  const common = { spec, flags }
  if (layout.scheme !== 'entries' && source.kind === 'dense') {
    return { ...common, layout, source: yield* settledDense(source) }
  }
  const [byRow, turned] = [yield* settledCsr(source as CsrSource), yield* settledCsr(byColumn!)]
  return layout.scheme === 'entries'
    ? { ...common, layout, byRow, byColumn: turned }
    : { ...common, layout, byRow, byColumn: turned }
}
