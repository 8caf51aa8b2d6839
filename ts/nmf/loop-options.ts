import { inSlices } from '../core/breathe.js'
import { ratesInWords } from './batch-options.js'
import { type Identity, identityOf } from './checkpoint.js'
import type { Start } from './init.js'
import type { ResolvedOptions } from './options.js'
import type { Prepared } from './prepare.js'
import { gradientScale, lossScale, rateScale } from './scale.js'
import { denseRows } from './shuffle.js'
import { type Candidate, drawsBatches, type SolverName } from './solvers.js'
import { randomFactors } from './start.js'

/** Options, and what losses and violations are multiplied by on their way out: fits see X in a scale of their own. */
export interface LoopOptions extends ResolvedOptions {
  readonly lossScale: number
  readonly violationScale: number
  /** What lengths of steps are multiplied by on their way in. */
  readonly rateScale: number
  /** What checkpoints are known by, for one solver. */
  identity(solver: SolverName): Identity
  /** Draws the start of another seed. */
  another(seed: number): Promise<Start>
  /** Ends the fit at the next crossing, with the factors that there are. */
  readonly stop?: AbortSignal
}

/** What checkpoints of a fit are known by. */
export function identityFor(prepared: Prepared, { name, spec }: Candidate, resolved: ResolvedOptions): Identity {
  const { X, sum, squaredNorm, k, weighing, freezing } = prepared
  const { frozenParts, seed, batches } = resolved
  const { batchRows, forgetFactor, shuffle, rates } = batches
  const drawn = drawsBatches(name)
    ? { shuffle, seed, rates: name === 'sgd' ? ratesInWords(rates) : undefined }
    : { forgetFactor }
  const online = spec.batches ? { batchRows, ...drawn } : {}
  const frozen = frozenParts.components.join() || undefined
  // long lists are kept in words of their own
  const { frozenW: _rows, frozenH: _columns, ...numbers } = spec
  const lists = { frozen, 'frozen rows': freezing.rows, 'frozen columns': freezing.columns, weights: weighing }
  return identityOf(X, { sum, squaredNorm }, { ...numbers, ...online, ...lists }, k)
}

/**
 * What the loop of a fit needs of its problem, beside the options.
 * @param order the row of X at each place of the fit, where rows are mixed
 */
export function loopOptions(
  prepared: Prepared,
  candidates: readonly Candidate[],
  resolved: ResolvedOptions,
  order?: Uint32Array,
): LoopOptions {
  const { k } = prepared
  return {
    ...resolved,
    lossScale: lossScale(resolved.beta, k),
    violationScale: gradientScale(resolved.beta, k),
    rateScale: rateScale(resolved.beta, k),
    identity: solver => identityFor(prepared, candidates.find(({ name }) => name === solver)!, resolved),
    another: async seed => {
      const start = await randomFactors(prepared, resolved, seed)
      return order ? { ...start, W: await inSlices(denseRows(start.W, order)) } : start
    },
  }
}
