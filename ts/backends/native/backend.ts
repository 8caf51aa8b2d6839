import { availableThreads, environment } from '../../core/environment.js'
import { NonnegError } from '../../core/errors.js'
import type { MatrixView } from '../../core/matrix.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import { vectorKernels } from '../../kernels/vectors.js'
import {
  type Backend,
  type Device,
  type Fit,
  type FitSpec,
  gramRuleRefusal,
  type Info,
  type KernelCall,
  type OpenOptions,
  type Probe,
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
import { loadAddon } from './load.js'
import { NativeVectors, runVectorKernel } from './vectors.js'

type Found =
  | { readonly addon: Addon; readonly isa: string; readonly info: Info }
  | { readonly addon: undefined; readonly reason: string; readonly fix: string }

/** The addon with the instruction set that NONNEG_ISA asks for, by default the fastest. */
function find(): Found {
  const loaded = loadAddon()
  if (!loaded.addon) return loaded
  const { addon } = loaded
  const chosen = addon.chooseIsa(environment('NONNEG_ISA') ?? '')
  if ('reason' in chosen) {
    const fix = `set NONNEG_ISA to one of ${addon.isas.join(', ')}, or unset it`
    return { addon: undefined, reason: `NONNEG_ISA: ${chosen.reason}`, fix }
  }
  return { addon, isa: chosen.isa, info: { isa: chosen.isa, isas: addon.isas, compiler: addon.compiler } }
}

function threadCount(options: OpenOptions): number {
  const threads = options.threads ?? Number(environment('NONNEG_THREADS') ?? Math.min(64, availableThreads()))
  if (Number.isInteger(threads) && threads >= 1) return threads
  throw new NonnegError('ERR_NONNEG_OPTION', `the number of threads must be a whole number from 1, not ${threads}`)
}

class NativeDevice implements Device {
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
    const vector = vectorKernels.find(({ name }) => name === spec.name)
    if (vector) return await runVectorKernel(this.#addon, this.#isa, vector, call)
    try {
      this.#addon.runKernel('cpu', this.#isa, spec.name, call.dims, call.buffers, call.dtype)
    } catch (error) {
      throw addonError(error)
    }
  }

  /** Nothing is held: the compute threads belong to the process, the fits to their owners. */
  async [Symbol.asyncDispose](): Promise<void> {}
}

/** C++ on the CPU's vector units and threads, by way of the addon that `npx nonneg build-native` compiles. */
export const nativeBackend: Backend = {
  id: 'native',
  async probe(): Promise<Probe> {
    const found = find()
    if (!found.addon) return { available: false, reason: found.reason, fix: found.fix }
    return { available: true, emulated: false, info: found.info }
  },
  async open(options: OpenOptions = {}): Promise<Device> {
    const found = find()
    if (!found.addon) throw new NonnegError('ERR_NONNEG_BACKEND', found.reason, { fix: found.fix })
    return new NativeDevice(found.addon, found.isa, threadCount(options), found.info)
  },
}
