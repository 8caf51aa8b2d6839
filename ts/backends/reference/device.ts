import { machineMemory } from '../../core/environment.js'
import type { MatrixView } from '../../core/matrix.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import type { Device, Fit, FitSpec, Info, KernelCall, Problem, Support, Weights } from '../backend.js'
import { gramRuleRefusal, SUPPORTED, storageRefusal, unsupported } from '../backend.js'
import { type Memory, residentBytes } from '../memory.js'
import type { OptimizerSpec, Vectors } from '../vectors.js'
import { ReferenceFit } from './fit.js'
import { runReferenceKernel } from './kernel.js'
import { ReferenceVectors } from './vectors.js'

/**
 * Plain float64 TypeScript, straight from the formulas, on the calling thread in slices of a few milliseconds. It is the
 * oracle of the other backends and is not optimised.
 */
export class ReferenceDevice implements Device {
  readonly backend = 'reference'
  readonly emulated = false
  readonly info: Info = { precision: 'float64' }
  readonly alignment = 1
  readonly memoryLimit: number | undefined = machineMemory()

  supports(X: MatrixView, spec: FitSpec, weights?: Weights): Support {
    const refusal = storageRefusal(spec) ?? gramRuleRefusal(spec, weights)
    if (refusal) return unsupported(refusal)
    if (X.kind === 'dense' && weights?.kind === 'entries')
      return unsupported('a dense matrix lists no entries to weigh')
    return SUPPORTED
  }

  /** X and its transpose, in float64. */
  memory(X: MatrixView, spec: FitSpec, weights?: Weights): Memory {
    const resident = residentBytes(X, spec, weights, 8, 1)
    const whole = X.kind === 'dense' ? 2 * resident.X : resident.X
    const products = 8 * spec.rank * (X.rows + X.columns + 2 * spec.rank)
    return { ...resident, X: whole, weights: 2 * resident.weights, workspace: products }
  }

  createFit(problem: Problem, spec: FitSpec): Promise<Fit> {
    return ReferenceFit.create(problem, spec)
  }

  supportsOptimizer(): Support {
    return SUPPORTED
  }

  async createOptimizer(length: number, spec: OptimizerSpec): Promise<Vectors> {
    return new ReferenceVectors(length, spec)
  }

  supportsKernel(_spec: KernelSpec, _dims: Dims): Support {
    return SUPPORTED
  }

  async runKernel(spec: KernelSpec, call: KernelCall): Promise<void> {
    runReferenceKernel(spec, call)
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
