import { NonnegError } from '../core/errors.js'
import type { ResolvedBatchOptions } from './batch-options.js'

/**
 * A loss that is no number says that the factors are none either. Of a perfect fit rounding may leave one below 0.
 * @throws NonnegError ERR_NONNEG_DIVERGED where nothing bounded the steps, else _BACKEND
 */
export function checkedLoss(
  loss: number,
  { dtype, batches }: { readonly dtype: 'f32' | 'f64'; readonly batches: Pick<ResolvedBatchOptions, 'safe'> },
): number {
  if (Number.isFinite(loss)) return Math.max(0, loss)
  const type = dtype === 'f32' ? 'float32' : 'float64'
  if (batches.safe)
    throw new NonnegError('ERR_NONNEG_BACKEND', `the loss became ${loss}: numbers left the range of ${type}`)
  throw new NonnegError(
    'ERR_NONNEG_DIVERGED',
    `the fit diverged: at these learning rates the loss left the range of ${type}`,
    {
      detail: { loss },
      fix: 'use safe: true, which bounds the steps, or a smaller learningRate',
    },
  )
}
