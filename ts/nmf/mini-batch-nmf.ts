import { refuse } from '../core/checks.js'
import { NMF } from './nmf.js'
import type { FactorizeOptions } from './options.js'

/**
 * {@link NMF} by the online solver: `fit` passes over X batch after batch (`batchRows`, `forgetFactor`), `partialFit` takes
 * batches as they come. As scikit-learn's `MiniBatchNMF`, but that an iteration is a whole pass, and stopping is by
 * `tolerance` on the loss of all of X, as elsewhere here.
 */
export class MiniBatchNMF extends NMF {
  /** @throws NonnegError ERR_NONNEG_OPTION for any other solver than `'online'` */
  constructor(options: FactorizeOptions) {
    if (options?.solver !== undefined && options.solver !== 'online') {
      throw refuse('solver', options.solver, "'online', which is what MiniBatchNMF is")
    }
    super({ ...options, solver: 'online' })
  }
}
