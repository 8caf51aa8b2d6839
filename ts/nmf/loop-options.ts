import { type Identity, identityOf } from './checkpoint.js'
import type { LoopOptions } from './fit-loop.js'
import type { ResolvedOptions } from './options.js'
import type { Prepared } from './prepare.js'
import { gradientScale, lossScale } from './scale.js'
import type { Candidate } from './solvers.js'
import { randomFactors } from './start.js'

/** What checkpoints of a fit are known by. */
export function identityFor(prepared: Prepared, { spec }: Candidate, resolved: ResolvedOptions): Identity {
  const { X, sum, squaredNorm, k, weighing } = prepared
  const { frozenComponents, batchRows, forgetFactor } = resolved
  const online = spec.batches ? { batchRows, forgetFactor } : {}
  const frozen = frozenComponents.join() || undefined
  return identityOf(X, { sum, squaredNorm }, { ...spec, ...online, frozen, weights: weighing }, k)
}

/** What the loop of a fit needs of its problem, beside the options. */
export function loopOptions(
  prepared: Prepared,
  candidates: readonly Candidate[],
  resolved: ResolvedOptions,
): LoopOptions {
  const { k } = prepared
  return {
    ...resolved,
    lossScale: lossScale(resolved.beta, k),
    violationScale: gradientScale(resolved.beta, k),
    identity: solver => identityFor(prepared, candidates.find(({ name }) => name === solver)!, resolved),
    another: async seed => {
      const { W, H } = await randomFactors(prepared, resolved, seed)
      return { W: W.data, H: H.data }
    },
  }
}
