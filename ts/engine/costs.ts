import type { BackendId } from '../backends/backend.js'
import type { MatrixView } from '../core/matrix.js'
import { entryCount } from '../core/matrix.js'

/**
 * Rough figures by which backends are ranked before anything is timed. The CPU rates are measured on server cores with
 * the kernels of this package, per thread; the GPU rates are guesses on the low side, since a device can be anything.
 */
interface Cost {
  /** GFLOP/s on dense and on sparse X. */
  readonly dense: number
  readonly sparse: number
  readonly scalesWithThreads: boolean
  /** Seconds before the first iteration that do not depend on the problem: workers, devices, pipelines. */
  readonly startup: number
  /** GB/s at which X gets there. */
  readonly upload: number
}

const COSTS: Readonly<Record<BackendId, Cost>> = {
  cuda: { dense: 4000, sparse: 200, scalesWithThreads: false, startup: 0.3, upload: 8 },
  webgpu: { dense: 600, sparse: 60, scalesWithThreads: false, startup: 0.3, upload: 4 },
  native: { dense: 80, sparse: 12, scalesWithThreads: true, startup: 0.005, upload: 8 },
  wasm: { dense: 32, sparse: 8, scalesWithThreads: true, startup: 0.08, upload: 4 },
  reference: { dense: 0.6, sparse: 0.4, scalesWithThreads: false, startup: 0, upload: 1 },
}

/** Whether a device of this backend is made for a number of CPU threads. */
export function usesThreads(id: BackendId): boolean {
  return COSTS[id].scalesWithThreads
}

/** Flops of one Frobenius MU iteration: two products with X, two Gram matrices and two updates for the factors. */
export function iterationFlops(X: MatrixView, rank: number): number {
  return 4 * entryCount(X) * rank + 4 * (X.rows + X.columns) * rank * rank
}

/** Estimated seconds for a whole fit. */
export function estimateSeconds(
  id: BackendId,
  X: MatrixView,
  rank: number,
  iterations: number,
  threads: number,
): number {
  const cost = COSTS[id]
  const rate = (X.kind === 'dense' ? cost.dense : cost.sparse) * (cost.scalesWithThreads ? threads : 1)
  const uploadBytes = entryCount(X) * (X.kind === 'dense' ? 4 : 16)
  return cost.startup + uploadBytes / (cost.upload * 1e9) + (iterations * iterationFlops(X, rank)) / (rate * 1e9)
}
