import { NonnegError } from '../../core/errors.js'
import type { MatrixView } from '../../core/matrix.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import {
  type Backend,
  type Device,
  type Fit,
  type FitSpec,
  type Info,
  type KernelCall,
  type Probe,
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
import { loadAddon } from '../native/load.js'
import type { Vectors } from '../vectors.js'

type Found =
  | { readonly addon: Addon; readonly emulated: boolean; readonly info: Info }
  | { readonly addon: undefined; readonly reason: string; readonly fix: string; readonly info?: Info }

/** The addon with the CUDA device that it has opened, or what is missing for that. */
async function find(): Promise<Found> {
  const loaded = loadAddon()
  if (!loaded.addon) return loaded
  const { available, emulated, reason, fix, info } = await loaded.addon.probeCuda()
  if (!available) return { addon: undefined, reason, fix, info }
  return { addon: loaded.addon, emulated, info }
}

/** Specs that native/cuda has a file for. */
const KERNELS: readonly string[] = ['xht_dense', 'xtw_dense', 'xht_csr', 'gram', 'mu_update', 'dot']

class CudaDevice implements Device {
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

/**
 * CUDA by way of the addon, which opens the driver library at run time. `NONNEG_CUDA_DEVICE` chooses among several
 * devices; `NONNEG_CUDA=emulated` takes the emulation on the CPU that a development build brings.
 */
export const cudaBackend: Backend = {
  id: 'cuda',
  async probe(): Promise<Probe> {
    const found = await find()
    if (!found.addon) return { available: false, reason: found.reason, fix: found.fix, info: found.info }
    return { available: true, emulated: found.emulated, info: found.info }
  },
  async open(): Promise<Device> {
    const found = await find()
    if (!found.addon) throw new NonnegError('ERR_NONNEG_BACKEND', found.reason, { fix: found.fix })
    return new CudaDevice(found.addon, found.emulated, found.info)
  },
}
