import { abortError } from '../../core/errors.js'
import type { MatrixInput } from '../../core/input.js'
import { prepare } from '../prepare.js'
import { byConsensus } from './by-consensus.js'
import type { RankChoice } from './choice.js'
import { byCrossValidation, hashesOf } from './cross-validation.js'
import { type ChooseRankOptions, resolveRankOptions } from './options.js'
import { rankPlot } from './plot.js'
import { planSeries } from './series.js'
import { explainChoice } from './words.js'

/** `chooseRank`. */
export async function decideRank(X: MatrixInput, options: ChooseRankOptions): Promise<RankChoice> {
  const start = performance.now()
  const resolved = resolveRankOptions(options)
  const { fit, method, replicates } = resolved
  if (fit.signal?.aborted) throw abortError(fit.signal)
  const prepared = await prepare(X, fit)
  const hashes = hashesOf(resolved)
  const series = await planSeries(prepared, resolved, hashes)
  const evidence = await (method === 'consensus'
    ? byConsensus(series, resolved)
    : byCrossValidation(series, resolved, hashes))
  const { table, verdict, outcome, samples } = evidence
  const { solver, backend, emulated } = outcome
  const masks = hashes.map(({ fraction: holdout, seed }) => ({ holdout, seed }))
  const choice = {
    ...verdict,
    ...{ method, table, replicates, masks, samples, solver, backend, emulated },
    concurrency: series.atOnce,
    threads: series.plan.threads,
    seconds: (performance.now() - start) / 1000,
  }
  return { ...choice, explain: () => explainChoice(choice, resolved), plot: () => rankPlot(choice) }
}
