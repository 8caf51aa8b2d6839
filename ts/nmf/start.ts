import type { FitSpec } from '../backends/backend.js'
import { BACKEND_IDS } from '../backends/registry.js'
import { inSlices } from '../core/breathe.js'
import { NonnegError } from '../core/errors.js'
import { type DenseView, denseView, packedEntries } from '../core/matrix.js'
import { withDevice } from '../engine/devices.js'
import type { Plan } from '../engine/plan.js'
import { probeBackend } from '../engine/probe.js'
import { movingFirst, reordered } from './components.js'
import { mayHandOver } from './fit-loop.js'
import { constantFactor, ownStart, randomStart, type Sizes, type Start } from './init.js'
import { nndsvdStart } from './nndsvd.js'
import type { InitName, OwnStart, ResolvedOptions } from './options.js'
import type { Prepared } from './prepare.js'
import { largestSingular, SETTLED, type SingularVectors } from './svd.js'

/** Singular vectors from the first device that has bare products, those of the plan before others. */
async function singularVectors(
  prepared: Prepared,
  resolved: ResolvedOptions,
  plan: Plan,
  settled: number,
): Promise<SingularVectors> {
  const { rank, dtype, storage, seed, signal } = resolved
  const planned = plan.candidates.map(({ id }) => id)
  const spec: FitSpec = { rank, beta: 2, rule: 'product', dtype, storage }
  for (const id of [...planned, ...BACKEND_IDS.filter(id => !planned.includes(id)).reverse()]) {
    const report = await probeBackend(id)
    if (!report.available || (report.emulated && !planned.includes(id))) continue
    try {
      const found = await withDevice(id, plan, async device => {
        if (!device.supports(prepared.X, spec).supported) return undefined
        return await largestSingular(device, prepared, rank, { dtype, storage, seed, signal, settled })
      })
      if (found) return found
    } catch (error) {
      // the fit itself will tell of a device that fails; a start can come from any
      if (!mayHandOver(error)) throw error
    }
  }
  throw new NonnegError(
    'ERR_NONNEG_NO_BACKEND',
    'no backend here has the products that a singular value decomposition takes',
    {
      fix: "use init: 'random'",
    },
  )
}

function sizesOf({ rows, columns, mean, k }: Prepared, { rank, dtype }: ResolvedOptions): Sizes {
  return { rows, columns, rank, dtype, mean, k }
}

/** A start drawn from `seed`, in the scale of the fit. */
export async function randomFactors(prepared: Prepared, resolved: ResolvedOptions, seed: number): Promise<Start> {
  return await inSlices(randomStart(sizesOf(prepared, resolved), seed), resolved.signal)
}

/**
 * `'auto'`: where `solver: 'auto'` is coordinate descent, singular vectors lead it to better valleys than chance does; several
 * starts, and components beyond what X has room for, are left to chance.
 */
function startByProblem(
  { rows, columns, candidates }: Prepared,
  { rank, solver, starts }: ResolvedOptions,
): 'nndsvda' | 'random' {
  const isDescent = solver === 'auto' && candidates[0].name === 'ahals'
  return isDescent && starts === 1 && rank <= Math.min(rows, columns) ? 'nndsvda' : 'random'
}

/**
 * Copies of what is above its bound are brought down to it, but for what is to stay: an entry that no update moves would be
 * left there.
 */
function* underBounds(
  { W, H }: Start,
  { rank, maxW, maxH, frozen }: ResolvedOptions,
  { frozen: lines, k }: Prepared,
): Generator<void, Start> {
  const under = function* (
    F: DenseView,
    most: number | undefined,
    rows: number,
    stays: { readonly rows?: Uint32Array | undefined; readonly columns?: Uint32Array | undefined },
  ): Generator<void, DenseView> {
    if (most === undefined) return F
    const { columns } = F
    const given = yield* packedEntries(F)
    const data = given.slice()
    for (let i = 0; i < rows; i++) {
      for (let at = i * columns; at < (i + 1) * columns; at++) data[at] = Math.min(data[at], most / 2 ** k)
      for (const j of stays.columns ?? []) data[i * columns + j] = given[i * columns + j]
      yield
    }
    for (const i of stays.rows ?? []) {
      data.set(given.subarray(i * columns, (i + 1) * columns), i * columns)
      yield
    }
    return denseView(data, F.rows, columns)
  }
  return {
    W: yield* under(W, maxW, W.rows, { rows: lines.rows }),
    H: yield* under(H, maxH, rank - frozen, { columns: lines.columns }),
  }
}

/** Where a fit starts: in its scale and bounds, the components that stay behind the others. */
export async function startFactors(
  prepared: Prepared,
  resolved: ResolvedOptions,
  plan: Plan,
  fixedH: DenseView | undefined,
): Promise<Start> {
  const start = await unboundedStart(prepared, resolved, plan, fixedH)
  const maxH = fixedH ? undefined : resolved.maxH
  return await inSlices(underBounds(start, { ...resolved, maxH }, prepared), resolved.signal)
}

async function unboundedStart(
  prepared: Prepared,
  resolved: ResolvedOptions,
  plan: Plan,
  fixedH: DenseView | undefined,
): Promise<Start> {
  const { rank, init, seed, signal, frozenParts } = resolved
  const { rows, columns, k, mean } = prepared
  const sizes = sizesOf(prepared, resolved)
  if (fixedH) {
    if (typeof init !== 'string') return await inSlices(ownStart({ W: init.W, H: fixedH }, sizes, seed), signal)
    const W = constantFactor(rows, rank, Math.sqrt(mean / rank) * 2 ** k)
    return await inSlices(ownStart({ W, H: fixedH }, sizes, seed), signal)
  }
  const chosen: Exclude<InitName, 'auto'> | OwnStart = init === 'auto' ? startByProblem(prepared, resolved) : init
  if (chosen === 'random') return await inSlices(randomStart(sizes, seed), signal)
  if (typeof chosen === 'string') {
    const settled = init === 'auto' ? SETTLED.roughly : SETTLED.exactly
    const vectors = await singularVectors(prepared, resolved, plan, settled)
    return await inSlices(nndsvdStart(vectors, chosen, sizes, seed), signal)
  }
  const own = await inSlices(ownStart(chosen, sizes, seed), signal)
  if (frozenParts.components.length === 0) return own
  const order = movingFirst(rank, frozenParts.components)
  const factors = { W: await inSlices(packedEntries(own.W)), H: await inSlices(packedEntries(own.H)) }
  const { W, H } = await inSlices(reordered(factors, order), signal)
  return { W: denseView(W, rows, rank), H: denseView(H, rank, columns) }
}
