import type { BackendId, Factors, FitSpec, Weights } from '../../backends/backend.js'
import { totalBytes } from '../../backends/memory.js'
import { denseView } from '../../core/matrix.js'
import { usesThreads } from '../../engine/costs.js'
import { closeIdle, type DeviceOptions, withDevice } from '../../engine/devices.js'
import type { Plan } from '../../engine/plan.js'
import { planOf } from '../factorize.js'
import { runFit } from '../fit-loop.js'
import { loopOptions } from '../loop-options.js'
import type { ResolvedOptions } from '../options.js'
import { type Prepared, scaledCandidates } from '../prepare.js'
import { lossScale } from '../scale.js'
import type { Candidate, SolverName } from '../solvers.js'
import { randomFactors } from '../start.js'
import { meanAndSpread, type RankRow } from './choice.js'
import type { Hash, Stored } from './held-out.js'
import type { ResolvedRankOptions } from './options.js'
import { sideBySide } from './side-by-side.js'

/** Bytes that fits side by side may take together; each has its own copy of X. */
const BYTES_AT_ONCE = 2 ** 31

/** All fits of one choice: one X, looked at once, and one plan, so that every rank is fitted by the same backend. */
export interface Series {
  readonly prepared: Prepared
  readonly resolved: ResolvedOptions
  /** The caller's weights, or mask in that form. */
  readonly own: Stored | undefined
  /** Whether each fit has weights, be they those of a hash. */
  readonly weighted: boolean
  /** With the threads of one fit. */
  readonly plan: Plan & DeviceOptions
  readonly atOnce: number
}

/** How one fit went. */
export interface Outcome {
  readonly converged: boolean
  readonly solver: SolverName
  readonly backend: BackendId
  readonly emulated: boolean
}

/** Where it has come to. */
export interface Fitted {
  /** In the scale of the fits. */
  readonly factors: Factors
  /** Over the entries that it saw, in the scale of X. */
  readonly loss: number
  readonly outcome: Outcome
}

function candidatesOf(
  { prepared, resolved, weighted }: Pick<Series, 'prepared' | 'resolved' | 'weighted'>,
  rank: number,
): readonly Candidate[] {
  return scaledCandidates({ ...resolved, rank }, prepared.X, weighted, prepared.k)
}

/** Plans for the largest rank, as if all fits were one. Each of them has weights like those of the first hash, if any. */
export async function planSeries(
  prepared: Prepared,
  { fit: resolved, ranks, replicates, concurrency }: ResolvedRankOptions,
  hashes: readonly Hash[],
): Promise<Series> {
  // the options refuse a hash of the caller's
  const own = prepared.weights?.kind === 'holdout' ? undefined : prepared.weights
  const weights = own ?? hashes.map(hash => ({ kind: 'holdout', ...hash }) as const).at(0)
  const weighted = weights !== undefined
  const fits = ranks.length * replicates
  const candidates = candidatesOf({ prepared, resolved, weighted }, resolved.rank)
  const all = { ...resolved, maxIterations: resolved.maxIterations * fits }
  const plan = await planOf({ ...prepared, weights }, candidates, all)
  const affordable = Math.max(1, Math.floor(BYTES_AT_ONCE / totalBytes(plan.memory)))
  // wasm would open workers for each lane, and memory for each copy of X
  const lanes = plan.candidates[0].id === 'native' ? Math.min(plan.threads, affordable) : 1
  const atOnce = Math.min(fits, concurrency ?? lanes)
  const each = Math.max(1, Math.floor(plan.threads / atOnce))
  return { prepared, resolved, own, weighted, plan: { ...plan, threads: each }, atOnce }
}

/** One fit of a series, from the start that `seed` gives. */
export async function fitOnce(
  series: Series,
  rank: number,
  seed: number,
  weights: Weights | undefined,
  signal: AbortSignal,
): Promise<Fitted> {
  const { prepared, plan } = series
  const { X, squaredNorm } = prepared
  const resolved = { ...series.resolved, rank, seed, signal }
  const candidates = candidatesOf(series, rank)
  const start = await randomFactors(prepared, resolved, seed)
  const options = loopOptions(prepared, candidates, resolved)
  const result = await runFit({ X, squaredNorm, weights, ...start }, candidates, plan, options, undefined)
  const { factors, loss, reason, solver, backend, emulated } = result
  const outcome = { converged: reason === 'converged', solver, backend, emulated }
  return { factors, loss: loss * options.lossScale, outcome }
}

/** The loss, in the scale of X, of factors over other entries than they were fitted to. */
export async function lossOver(
  { prepared, resolved, plan }: Series,
  { factors, outcome }: Fitted,
  rank: number,
  weights: Weights,
): Promise<number> {
  const { X, squaredNorm, rows, columns, k } = prepared
  const { beta, dtype, storage } = resolved
  const spec: FitSpec = { rank, beta, rule: 'mu', dtype, storage }
  const W = denseView(factors.W, rows, rank)
  const H = denseView(factors.H, rank, columns)
  return await withDevice(outcome.backend, plan, async device => {
    const fit = await device.createFit({ X, squaredNorm, W, H, weights }, spec)
    try {
      return (await fit.evaluate()) * lossScale(beta, k)
    } finally {
      await fit[Symbol.asyncDispose]()
    }
  })
}

/** What every fit leaves behind: a number to tell of it, and how it went. */
interface Left {
  readonly value: number
  readonly outcome: Outcome
}

/**
 * Every replicate of every rank, by rank and replicate; the largest ranks go first, as they take longest. `work` gets the
 * series with devices that no other fit uses at the time.
 */
export async function everyFit<T extends Left>(
  series: Series,
  { ranks, replicates, onProgress, fit }: ResolvedRankOptions,
  work: (series: Series, rank: number, replicate: number, signal: AbortSignal) => Promise<T>,
): Promise<readonly (readonly T[])[]> {
  const found: T[][] = ranks.map(() => [])
  const jobs = ranks.flatMap((_, place) => Array.from({ length: replicates }, (_, replicate) => ({ place, replicate })))
  const total = jobs.length
  let done = 0
  try {
    await sideBySide(jobs.reverse(), series.atOnce, fit.signal, async ({ place, replicate }, signal, lane) => {
      const rank = ranks[place]
      const left = await work({ ...series, plan: { ...series.plan, lane } }, rank, replicate, signal)
      found[place][replicate] = left
      onProgress?.({ rank, replicate: replicate + 1, done: ++done, total, value: left.value })
    })
    return found
  } finally {
    // the first lane is where other fits go
    for (let lane = 1; lane < series.atOnce; lane++) {
      const own = series.plan.candidates.filter(({ id }) => usesThreads(id))
      await Promise.all(own.map(({ id }) => closeIdle(id, { ...series.plan, lane })))
    }
  }
}

/** What every method says of the fits of one rank. */
export function rowOf(rank: number, fits: readonly Left[]): RankRow {
  const values = fits.map(({ value }) => value)
  return { rank, ...meanAndSpread(values), values, converged: fits.filter(({ outcome }) => outcome.converged).length }
}
