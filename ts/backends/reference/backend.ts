import type { MatrixView } from '../../core/matrix.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import type { Backend, Device, Fit, FitSpec, KernelCall, Probe, Problem, Support, Weights } from '../backend.js'
import { gramRuleRefusal, SUPPORTED, unsupported } from '../backend.js'
import type { OptimizerSpec, Vectors } from '../vectors.js'
import { ReferenceFit } from './fit.js'
import { runReferenceKernel } from './kernel.js'
import { ReferenceVectors } from './vectors.js'

/**
 * Plain float64 TypeScript, straight from the formulas, on the calling thread in slices of a few milliseconds. It is the
 * oracle of the other backends and is not optimised.
 */
class ReferenceDevice implements Device {
  readonly backend = 'reference'
  readonly emulated = false
  readonly info = { precision: 'float64' }
  readonly alignment = 1

  supports(X: MatrixView, spec: FitSpec, weights?: Weights): Support {
    const refusal = gramRuleRefusal(spec, weights)
    if (refusal) return unsupported(refusal)
    if (X.kind === 'dense' && weights?.kind === 'entries')
      return unsupported('a dense matrix lists no entries to weigh')
    return SUPPORTED
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

export const referenceBackend: Backend = {
  id: 'reference',
  async probe(): Promise<Probe> {
    return { available: true, emulated: false, info: { precision: 'float64' } }
  },
  async open(): Promise<Device> {
    return new ReferenceDevice()
  },
}
