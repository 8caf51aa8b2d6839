import { NonnegError } from '../core/errors.js'
import type { ResolvedBatchOptions } from './batch-options.js'
import type { SolverName } from './solvers.js'

/** A loss above this is of models that float32 cannot hold, whatever the type that the backend computes in. */
const LARGEST_OF_FLOAT32 = 2 ** 256

/** What helps where a fit diverged that nothing bounds, by solver. */
function helpFor(solver: SolverName, { safe }: Pick<ResolvedBatchOptions, 'safe'>): string | undefined {
  if (solver === 'svrmu') return 'use larger batches (batchRows), a ratio below 1, or another solver'
  return safe ? undefined : 'use safe: true, which bounds the steps, or a smaller learningRate'
}

/**
 * A loss that is no number says that the factors are none either. Of a perfect fit rounding may leave one below 0.
 * @throws NonnegError ERR_NONNEG_DIVERGED where nothing bounded the steps, else _BACKEND
 */
export function checkedLoss(
  loss: number,
  { dtype, batches }: { readonly dtype: 'f32' | 'f64'; readonly batches: Pick<ResolvedBatchOptions, 'safe'> },
  solver: SolverName,
): number {
  const fix = helpFor(solver, batches)
  const isInRange = fix === undefined || dtype === 'f64' || loss < LARGEST_OF_FLOAT32
  if (Number.isFinite(loss) && isInRange) return Math.max(0, loss)
  const type = dtype === 'f32' ? 'float32' : 'float64'
  if (fix === undefined)
    throw new NonnegError('ERR_NONNEG_BACKEND', `the loss became ${loss}: numbers left the range of ${type}`)
  const cause = solver === 'svrmu' ? 'with these batches' : 'at these learning rates'
  throw new NonnegError('ERR_NONNEG_DIVERGED', `the fit diverged: ${cause} the loss left the range of ${type}`, {
    detail: { loss },
    fix,
  })
}
