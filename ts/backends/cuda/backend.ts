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
} from '../backend.js'
import type { Addon } from '../native/addon.js'
import { addonError, createAddonFit } from '../native/addon-fit.js'
import { loadAddon } from '../native/load.js'

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

class CudaDevice implements Device {
  readonly backend = 'cuda'
  readonly alignment = 1
  readonly emulated: boolean
  readonly info: Info
  readonly #addon: Addon

  constructor(addon: Addon, emulated: boolean, info: Info) {
    this.#addon = addon
    this.emulated = emulated
    this.info = info
  }

  supports(_X: MatrixView, spec: FitSpec): Support {
    if (spec.dtype !== 'f32') return unsupported('the CUDA kernels compute in f32')
    if (spec.beta !== 2) return unsupported('the CUDA kernels have the Frobenius loss alone')
    return SUPPORTED
  }

  createFit(problem: Problem, spec: FitSpec): Promise<Fit> {
    return createAddonFit(this.#addon, { device: 'cuda', isa: '', threads: 1 }, problem, spec)
  }

  supportsKernel(spec: KernelSpec, _dims: Dims): Support {
    // in one launch, blocks of rows could not add to A and S without atomics, whose order changes from run to run
    if (spec.name === 'sweep_dense') return unsupported('on CUDA a sweep is composed of the other kernels')
    return SUPPORTED
  }

  async runKernel(spec: KernelSpec, call: KernelCall): Promise<void> {
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
