import { usesThreads } from '../../engine/costs.js'
import { LOSSES } from '../loss.js'
import { SOLVERS } from '../solvers.js'
import type { RankChoice } from './choice.js'
import type { ResolvedRankOptions } from './options.js'
import { brief } from './rules.js'

/** A choice without its own words and pictures. */
export type Told = Omit<RankChoice, 'explain' | 'plot'>

function howItWasDone({ method, replicates, samples }: Told, { holdout, fit }: ResolvedRankOptions): string {
  const loss = Object.entries(LOSSES).find(([, beta]) => beta === fit.beta)?.[0] ?? `β = ${fit.beta}`
  if (method === 'consensus') {
    return `consensus (${loss}): ${replicates} random starts at each rank, ${samples} rows compared by the component that is largest in W, rows of H at length 1`
  }
  const share = `about ${brief(100 * holdout)} % of the entries`
  return `cross-validation (${loss}): ${replicates} times at each rank a hash held out ${share}, each time others, the same at every rank`
}

function line({ rank, mean, spread, training, cophenetic, dispersion }: Told['table'][number]): string {
  if (dispersion === undefined) {
    return `rank ${rank}: held-out error ${brief(mean)} ± ${brief(spread)}, of what was seen ${brief(training!)}`
  }
  return `rank ${rank}: dispersion ${brief(dispersion)}, cophenetic correlation ${brief(cophenetic!)}, loss of an entry ${brief(mean)} ± ${brief(spread)}`
}

function unfinished({ table, replicates }: Told, { fit }: ResolvedRankOptions): string[] {
  const cut = table.filter(({ converged }) => converged < replicates).map(({ rank }) => rank)
  if (cut.length === 0 || fit.tolerance === 0) return []
  return [`some fits of rank ${cut.join(', ')} had not converged after maxIterations (${fit.maxIterations})`]
}

/** What was done and found, in a few lines. */
export function explainChoice(choice: Told, options: ResolvedRankOptions): string {
  const { rank, why, table, solver, backend, concurrency, threads, seconds } = choice
  const each = usesThreads(backend) ? ` with ${threads} thread${threads === 1 ? '' : 's'} each` : ''
  return [
    `rank ${rank}: ${why}`,
    howItWasDone(choice, options),
    `${table.length * choice.replicates} fits by solver ${solver} (${SOLVERS[solver].summary}) on ${backend}, ${concurrency} at once${each}, ${brief(seconds)} s`,
    ...table.map(line),
    ...unfinished(choice, options),
  ].join('\n')
}
