import type { ScheduleResult } from '../../ts/cli/schedule-table.js'
import { compete } from '../../ts/nmf/schedule/protocol.js'
import { standings } from '../../ts/nmf/schedule/standing.js'
import type { Runner } from '../../ts/nmf/schedule/trial.js'
import { SCHEDULER_NAMES } from '../../ts/schedulers/registry.js'

/** Every scheduler there is, on losses that are made up; the last one diverges. */
export async function madeUp(file: string): Promise<ScheduleResult> {
  const last = SCHEDULER_NAMES.at(-1)
  const run: Runner = async ({ contestant, rate = 0, seed, epochs }) => {
    const fall = (epoch: number) => 100 + contestant.length + seed + 900 * Math.exp(-(rate + 1) * epoch)
    const losses = Array.from({ length: epochs + 1 }, (_, epoch) => fall(epoch))
    if (contestant === last) losses[epochs] = Number.POSITIVE_INFINITY
    const rates = Array.from({ length: 4 * epochs }, (_, step) => rate / (1 + step))
    const seconds = losses.map((_, epoch) => epoch / 10)
    const ended = contestant === last ? 'diverged' : 'done'
    return { losses, seconds, rates, every: 1, steps: 4 * epochs, forwards: 4 * epochs, ended }
  }
  const budget = { rates: [0.02, 0.2, 0.95], tuningEpochs: 3, repeats: 2, epochs: 6, seed: 0 }
  const contest = await compete(SCHEDULER_NAMES, ['mu', 'online'], budget, run, {})
  return {
    ...{ version: '1.2.3', file, rows: 40, columns: 30, nonzeros: 1200, sparse: false, rank: 3, budget },
    ...{ batchRows: 8, noise: 0.5, safe: true, backend: 'reference', emulated: false, threads: 1, seconds: 2 },
    ...contest,
    standings: standings(contest),
  }
}
