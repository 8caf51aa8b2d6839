import type { BackendId, Device } from '../backends/backend.js'
import type { OptimizerSpec } from '../backends/vectors.js'
import { estimateStepSeconds } from './costs.js'
import { type Ranking, type RankingOptions, type Refusal, rankBackends } from './ranking.js'

/** What is to be stepped. */
export interface OptimizerRequest {
  readonly length: number
  readonly spec: OptimizerSpec
  /** Of the caller's parameters. */
  readonly dtype: 'f32' | 'f64'
}

/** A training run that is worth thinking about. */
const STEPS = 1000

/** Bytes that a step moves: each kernel is run once, and a gradient and the parameters are copied. */
function bytesOf({ length, spec }: OptimizerRequest): number {
  const passes = spec.kernels.reduce((bytes, kernel) => bytes + kernel.bytes({ ...kernel.benchmark, length }), 0)
  return passes + 16 * length
}

function answerOf(device: Device, { length, spec }: OptimizerRequest): object | Omit<Refusal, 'id'> {
  const support = device.supportsOptimizer(length, spec)
  return support.supported ? {} : { reason: support.reason, fix: null }
}

/**
 * Ranks the backends for one optimizer, as `rankBackends` does. Only the reference keeps float64: parameters of that type run
 * there unless another backend is asked for by name.
 * @throws NonnegError ERR_NONNEG_NO_BACKEND
 */
export async function planOptimizer(request: OptimizerRequest, options: RankingOptions): Promise<Ranking> {
  const bytes = bytesOf(request)
  const keepsFloat64 = (id: BackendId) => id === 'reference'
  const { ranking } = await rankBackends<object>(
    {
      estimatedSeconds: id => estimateStepSeconds(id, request.length, bytes, STEPS),
      ...(request.dtype === 'f64' && {
        unasked: (id: BackendId) =>
          keepsFloat64(id) ? undefined : 'it steps in float32, and the parameters are float64',
      }),
      answer: device => answerOf(device, request),
    },
    options,
  )
  return ranking
}
