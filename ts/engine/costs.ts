import type { BackendId, FitSpec, Weights } from '../backends/backend.js'
import type { MatrixView } from '../core/matrix.js'
import { entryCount } from '../core/matrix.js'
import { familyOf } from '../kernels/beta.js'

/** What is to be computed: backends are asked about it and ranked for it. */
export interface Instance {
  readonly X: MatrixView
  readonly spec: FitSpec
  readonly weights?: Weights
}

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
  /** Steps of optimizers: GB/s of the arrays' memory, to which a second thread hardly adds, and seconds for one step of none. */
  readonly arrays: number
  readonly call: number
}

/** Backends whose arrays the host can address: gradients and parameters do not travel. */
const HOSTED: readonly BackendId[] = ['native', 'wasm', 'reference']

const COSTS: Readonly<Record<BackendId, Cost>> = {
  cuda: { dense: 4000, sparse: 200, scalesWithThreads: false, startup: 0.3, upload: 8, arrays: 500, call: 5e-5 },
  webgpu: { dense: 600, sparse: 60, scalesWithThreads: false, startup: 0.3, upload: 4, arrays: 100, call: 2e-3 },
  native: { dense: 80, sparse: 12, scalesWithThreads: true, startup: 0.005, upload: 8, arrays: 12, call: 2e-5 },
  wasm: { dense: 32, sparse: 8, scalesWithThreads: true, startup: 0.08, upload: 4, arrays: 8, call: 2e-5 },
  reference: { dense: 0.6, sparse: 0.4, scalesWithThreads: false, startup: 0, upload: 1, arrays: 0.3, call: 8e-5 },
}

/** Whether a device of this backend is made for a number of CPU threads. */
export function usesThreads(id: BackendId): boolean {
  return COSTS[id].scalesWithThreads
}

/** Bytes a second that X is taken to travel at to a backend's device. */
export function busRate(id: BackendId): number {
  return COSTS[id].upload * 1e9
}

/**
 * Estimated seconds for so many iterations of `flops` each. What each of them sends of X where that streams is on its way
 * while the device computes, so that the slower of the two counts.
 */
export function estimateSeconds(
  id: BackendId,
  { X, spec, weights }: Instance,
  flops: number,
  iterations: number,
  threads: number,
  sentBytes = 0,
): number {
  const cost = COSTS[id]
  const tiles = X.kind === 'dense' || familyOf(X, spec.beta, weights) === 'tile'
  // half as many float64 fit a vector; the reference has them anyway
  const width = spec.dtype === 'f64' && id !== 'reference' ? 0.5 : 1
  const rate = (tiles ? cost.dense : cost.sparse) * width * (cost.scalesWithThreads ? threads : 1)
  const uploadBytes = entryCount(X) * (X.kind === 'dense' ? 4 : 16)
  const bus = busRate(id)
  return cost.startup + uploadBytes / bus + iterations * Math.max(flops / (rate * 1e9), sentBytes / bus)
}

/** Estimated seconds of so many steps over `length` parameters, each of which moves `bytes` of an optimizer's arrays. */
export function estimateStepSeconds(id: BackendId, length: number, bytes: number, steps: number): number {
  const { startup, upload, arrays, call } = COSTS[id]
  // a gradient goes there, and the parameters come back
  const travel = HOSTED.includes(id) ? 0 : (8 * length) / upload
  return startup + steps * (call + (bytes / arrays + travel) / 1e9)
}
