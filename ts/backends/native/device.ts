import { NonnegError } from '../../core/errors.js'
import type { MatrixView } from '../../core/matrix.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import type { VectorKernel } from '../../kernels/vector_kernel.js'
import {
  type Device,
  type Fit,
  type FitSpec,
  gramRuleRefusal,
  type Info,
  type KernelCall,
  type Problem,
  SUPPORTED,
  type Support,
  storageRefusal,
  unsupported,
  type Weights,
} from '../backend.js'
import type { Memory } from '../memory.js'
import { type OptimizerSpec, unknownKernel, type Vectors } from '../vectors.js'
import type { Addon } from './addon.js'
import { addonError, addonFitMemory, createAddonFit } from './addon-fit.js'

/** What optimizers alone take is loaded with the first of them. */
const vectors = () => import('./vectors.js')

/** The addon's kernels for one instruction set. */
export class NativeDevice implements Device {
  readonly backend = 'native'
  readonly emulated = false
  readonly alignment = 1
  readonly memoryLimit: number | undefined
  readonly info: Info
  readonly #addon: Addon
  readonly #isa: string
  readonly #threads: number

  constructor(addon: Addon, isa: string, threads: number, info: Info) {
    this.#addon = addon
    this.#isa = isa
    this.#threads = threads
    this.info = { ...info, threads }
    this.memoryLimit = addon.memoryLimit() || undefined
  }

  get #target() {
    return { device: 'cpu', isa: this.#isa, threads: this.#threads } as const
  }

  supports(_X: MatrixView, spec: FitSpec, weights?: Weights): Support {
    const refusal = storageRefusal(spec) ?? gramRuleRefusal(spec, weights)
    return refusal === undefined ? SUPPORTED : unsupported(refusal)
  }

  memory(X: MatrixView, spec: FitSpec, weights?: Weights): Memory {
    return addonFitMemory(this.#addon, this.#target, X, spec, weights)
  }

  async createFit(problem: Problem, spec: FitSpec): Promise<Fit> {
    const support = this.supports(problem.X, spec, problem.weights)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    return await createAddonFit(this.#addon, this.#target, problem, spec)
  }

  supportsOptimizer(_length: number, spec: OptimizerSpec): Support {
    const unknown = unknownKernel(spec, this.#addon.vectorKernels)
    return unknown === undefined ? SUPPORTED : unsupported(`there is no C++ kernel ${unknown}`)
  }

  async createOptimizer(length: number, spec: OptimizerSpec): Promise<Vectors> {
    const support = this.supportsOptimizer(length, spec)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    const { NativeVectors } = await vectors()
    return new NativeVectors(this.#addon, this.#isa, this.#threads, length, spec)
  }

  supportsKernel(spec: KernelSpec, _dims: Dims, dtype: 'f32' | 'f64' = 'f32'): Support {
    if (this.#addon.vectorKernels.includes(spec.name)) {
      return dtype === 'f32' ? SUPPORTED : unsupported('the kernels of the optimizers compute in f32')
    }
    const known = dtype === 'f64' ? this.#addon.kernels64 : this.#addon.kernels
    return known.includes(spec.name) ? SUPPORTED : unsupported(`there is no C++ kernel ${spec.name} for ${dtype}`)
  }

  async runKernel(spec: KernelSpec, call: KernelCall): Promise<void> {
    const support = this.supportsKernel(spec, call.dims, call.dtype)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    if (this.#addon.vectorKernels.includes(spec.name)) {
      const { runVectorKernel } = await vectors()
      return await runVectorKernel(this.#addon, this.#isa, spec as VectorKernel, call)
    }
    try {
      this.#addon.runKernel('cpu', this.#isa, spec.name, call.dims, call.buffers, call.dtype)
    } catch (error) {
      throw addonError(error)
    }
  }

  /** Nothing is held: the compute threads belong to the process, the fits to their owners. */
  async [Symbol.asyncDispose](): Promise<void> {}
}
