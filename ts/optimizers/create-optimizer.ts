import type { FloatArray } from '../core/matrix.js'
import type { Optimizer } from './optimizer.js'
import type { OptimizerOptions } from './options.js'

/**
 * An optimizer that steps flat parameters in place: `await optimizer.step(gradient)`. Its arrays live on the backend until it
 * is disposed of (`await using`, or `await optimizer[Symbol.asyncDispose]()`).
 *
 * @param params copied to the backend once; every step writes them back
 * @throws NonnegError ERR_NONNEG_DTYPE, _SHAPE, _OPTION before any work; _NO_BACKEND, _MEMORY, _BACKEND, _ABORTED
 */
export async function createOptimizer(params: FloatArray, options: OptimizerOptions): Promise<Optimizer> {
  // loaded when one is wanted: programs that only factorise never do
  const { makeOptimizer } = await import('./make-optimizer.js')
  return await makeOptimizer(params, options)
}
