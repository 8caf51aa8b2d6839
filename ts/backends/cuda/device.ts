import { NonnegError } from '../../core/errors.js'
import type { MatrixView } from '../../core/matrix.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import {
  type Device,
  type Fit,
  type FitSpec,
  type Info,
  type KernelCall,
  type Problem,
  SUPPORTED,
  type Support,
  unsupported,
  type Weights,
} from '../backend.js'
import { callBeyondFrobeniusMu, fitBeyondFrobeniusMu, memoryOfMu } from '../frobenius-mu.js'
import type { Memory } from '../memory.js'
import type { Addon } from '../native/addon.js'
import { addonError, createAddonFit } from '../native/addon-fit.js'
import type { Vectors } from '../vectors.js'

/** Specs that native/cuda has a file for. */
const KERNELS: readonly string[] = ['xht_dense', 'xtw_dense', 'xht_csr', 'gram', 'mu_update', 'dot']

/** The GPU that the addon has opened. */
export class CudaDevice implements Device {
  readonly backend = 'cuda'
  readonly losable = true
  readonly alignment = 1
  readonly emulated: boolean
  readonly info: Info
  readonly #addon: Addon

  constructor(addon: Addon, emulated: boolean, info: Info) {
    this.#addon = addon
    this.emulated = emulated
    this.info = info
  }

  supports(_X: MatrixView, spec: FitSpec, weights?: Weights): Support {
    const beyond = fitBeyondFrobeniusMu('CUDA', spec, weights)
    return beyond === undefined ? SUPPORTED : unsupported(beyond)
  }

  memory(X: MatrixView, spec: FitSpec): Memory {
    return memoryOfMu(X, spec)
  }

  async createFit(problem: Problem, spec: FitSpec): Promise<Fit> {
    const support = this.supports(problem.X, spec, problem.weights)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    return await createAddonFit(this.#addon, { device: 'cuda', isa: '', threads: 1 }, problem, spec)
  }

  supportsOptimizer(): Support {
    return unsupported('there are no CUDA kernels for optimizers')
  }

  async createOptimizer(): Promise<Vectors> {
    throw new NonnegError('ERR_NONNEG_UNSUPPORTED', 'there are no CUDA kernels for optimizers')
  }

  supportsKernel(spec: KernelSpec, dims: Dims, dtype?: 'f32' | 'f64'): Support {
    if (!KERNELS.includes(spec.name)) return unsupported(`there is no CUDA kernel ${spec.name}`)
    const beyond = callBeyondFrobeniusMu('CUDA', spec, dims, dtype)
    return beyond === undefined ? SUPPORTED : unsupported(beyond)
  }

  async runKernel(spec: KernelSpec, call: KernelCall): Promise<void> {
    const support = this.supportsKernel(spec, call.dims, call.dtype)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    try {
      this.#addon.runKernel('cuda', '', spec.name, call.dims, call.buffers)
    } catch (error) {
      throw addonError(error)
    }
  }

  /** Nothing is held: the CUDA context belongs to the process, the fits to their owners. */
  async [Symbol.asyncDispose](): Promise<void> {}
}
