import { inSlices } from '../../core/breathe.js'
import { abortError, NonnegError } from '../../core/errors.js'
import type { MatrixInput } from '../../core/input.js'
import { denseView, packedEntries, transposeDense } from '../../core/matrix.js'
import { withDevice } from '../../engine/devices.js'
import { stabilityBound } from '../../schedulers/stability.js'
import { planOf } from '../factorize.js'
import type { ResolvedOptions } from '../options.js'
import { type Prepared, prepare } from '../prepare.js'
import { rateScale } from '../scale.js'
import { rowOrder } from '../shuffle.js'
import { randomFactors } from '../start.js'
import type { Comparison } from './comparison.js'
import { mixedRows } from './mixed-rows.js'
import { type CompareOptions, type ResolvedCompareOptions, resolveCompareOptions } from './options.js'
import { type Budget, compete } from './protocol.js'
import { ResidentFit } from './resident.js'
import { runnerOn } from './run.js'
import { standings } from './standing.js'

/** Batches of an epoch, where nobody says how large they are: enough for a schedule to be one. */
const BATCHES = 16
const MOST_BATCH_ROWS = 1024

/** The rates to try: as multiples of the bound; where nothing bounds the steps, of the bound at the start of the tuning. */
async function ratesOf(
  prepared: Prepared,
  resolved: ResolvedOptions,
  asked: ResolvedCompareOptions,
): Promise<readonly number[]> {
  const { rates, safe, seed } = asked
  if (safe) return rates
  const { rows, k } = prepared
  const { W, H } = await randomFactors(prepared, resolved, seed)
  const columns = await inSlices(transposeDense(await inSlices(packedEntries(W)), W.rows, W.columns))
  const batch = Math.min(rows, resolved.batches.batchRows)
  const bound = Math.min(stabilityBound(H), stabilityBound(denseView(columns, W.columns, W.rows), { batch }))
  return rates.map(rate => (rate * bound) / rateScale(2, k))
}

/**
 * Runs learning-rate schedulers against each other on one matrix X (rows × columns) under equal budgets, by the protocol of
 * `compete`, with stochastic gradient steps under the Frobenius loss. X is looked at and sent to the backend once.
 *
 * The rows of a dense X are put in another order where they are: hand in an array that nobody else needs.
 *
 * @throws NonnegError ERR_NONNEG_OPTION for options, also for a time budget in which not one round of full runs fits; what
 * `factorize` throws for X and from the machine; ERR_NONNEG_ABORTED where the signal comes before the first round is whole
 */
export async function compareSchedulers(X: MatrixInput, options: CompareOptions): Promise<Comparison> {
  const start = performance.now()
  const asked = resolveCompareOptions(options)
  const { signal, timeBudgetMs, schedulers, references, noise, safe, seed } = asked
  if (signal?.aborted) throw abortError(signal)
  const prepared = await prepare(X, asked.fit)
  const { rows, columns } = prepared
  const batchRows = Math.min(rows, asked.batchRows ?? Math.min(MOST_BATCH_ROWS, Math.ceil(rows / BATCHES)))
  const resolved = { ...asked.fit, batches: { ...asked.fit.batches, batchRows } }
  const plan = await planOf(prepared, prepared.candidates, resolved)
  const rates = await ratesOf(prepared, resolved, asked)
  const budget: Budget = { rates, tuningEpochs: asked.tuningEpochs, repeats: asked.repeats, epochs: asked.epochs, seed }
  const order = await inSlices(rowOrder(rows, seed), signal)
  const ground = { ...prepared, X: await inSlices(mixedRows(prepared.X, order), signal) }
  const { W, H } = await randomFactors(ground, resolved, seed)
  const [{ id }] = plan.candidates
  const { contest, emulated } = await withDevice(id, plan, async device => {
    const resident = new ResidentFit(device, { X: ground.X, squaredNorm: ground.squaredNorm, W, H })
    try {
      const run = runnerOn({ prepared: ground, resolved, resident })
      const left = timeBudgetMs === undefined ? undefined : Math.max(0, timeBudgetMs - (performance.now() - start))
      const controls = { signal, timeBudgetMs: left, onEpoch: asked.onEpoch }
      return { contest: await compete(schedulers, references, budget, run, controls), emulated: device.emulated }
    } finally {
      await resident[Symbol.asyncDispose]()
    }
  })
  if (contest.seeds.length === 0) throw nothingToShow(contest.ended === 'aborted' ? signal : undefined, timeBudgetMs)
  return {
    ...{ rows, columns, rank: resolved.rank, budget, standings: standings(contest) },
    ...{ batchRows, noise, safe, backend: id, emulated, threads: plan.threads },
    seconds: (performance.now() - start) / 1000,
    ...contest,
  }
}

function nothingToShow(signal: AbortSignal | undefined, timeBudgetMs: number | undefined): NonnegError {
  if (signal) return abortError(signal)
  return new NonnegError(
    'ERR_NONNEG_OPTION',
    `timeBudgetMs is ${timeBudgetMs}: no seed was run by every scheduler in it`,
    {
      detail: { option: 'timeBudgetMs', value: timeBudgetMs },
      fix: 'give it more, or fewer schedulers, tuning runs or epochs',
    },
  )
}
