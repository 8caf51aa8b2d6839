import { inSlices } from '../../core/breathe.js'
import type { Evidence } from './choice.js'
import { agreement, assignments, sampledRows } from './consensus.js'
import { sidesUnder } from './held-out.js'
import type { ResolvedRankOptions } from './options.js'
import { chooseByAgreement } from './rules.js'
import { everyFit, fitOnce, rowOf, type Series } from './series.js'

/** The weight of all entries together. */
async function wholeWeight({ prepared, own, resolved }: Series): Promise<number> {
  const { X } = prepared
  if (!own) return X.rows * X.columns
  const { observed, heldOut } = await inSlices(sidesUnder(X, own, { fraction: 0.5, seed: 0 }), resolved.signal)
  return observed + heldOut
}

/** Fits all of X from different starts, and asks whether they put the same rows together. */
export async function byConsensus(series: Series, resolved: ResolvedRankOptions): Promise<Evidence> {
  const { prepared, own } = series
  const { ranks, sampleRows, rule, fit } = resolved
  const weight = await wholeWeight(series)
  const samples = await inSlices(sampledRows(prepared.rows, sampleRows, fit.seed), fit.signal)
  const fits = await everyFit(series, resolved, async (lane, rank, replicate, signal) => {
    const { factors, loss, outcome } = await fitOnce(lane, rank, fit.seed + replicate, own, signal)
    return { value: loss / weight, labels: await inSlices(assignments(factors, rank, samples), signal), outcome }
  })
  const table = []
  for (const [place, rank] of ranks.entries()) {
    const agreed = await inSlices(agreement(fits[place].map(({ labels }) => labels)), fit.signal)
    table.push({ ...rowOf(rank, fits[place]), ...agreed })
  }
  return {
    table,
    verdict: chooseByAgreement(table, rule === 'cophenetic' ? rule : 'dispersion'),
    outcome: fits[0][0].outcome,
    samples: samples.length,
  }
}
