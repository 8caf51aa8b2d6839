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
import type { Memory } from '../memory.js'
import { type OptimizerSpec, unknownKernel, type Vectors } from '../vectors.js'
import type { DotGroups } from './family.js'
import { GpuFit } from './fit.js'
import { Gpu } from './gpu.js'
import { misfit, type Room, TILE_BYTES } from './plan.js'
import type { GpuProvider, GpuSource } from './provider.js'
import { KERNEL_ALIGNMENT, runKernel, supportsKernel } from './run-kernel.js'
import { fitRefusal, memoryOfFit } from './support.js'
import { VECTOR_KERNELS } from './vector-calls.js'
import { GpuVectors } from './vectors.js'

/** Overrides of what the adapter says, to bring rare paths into small problems. */
export interface WebgpuLimits {
  /** Bytes that one binding may span: a larger X is cut into row panels. */
  readonly bindingBytes?: number
  /** Threads that a dispatch should have: more of them cut sums into more parts. */
  readonly busyThreads?: number
  /** Values of Gram parts that an update may read before they are added up first. */
  readonly gramReads?: number
  /** Bytes of a tile of W·H. */
  readonly tileBytes?: number
}

/** Threads that fill a large GPU; a smaller one runs them in turn at no loss. */
const BUSY_THREADS = 65_536
/** A driver on the CPU has a few cores: cutting sums only costs additions there, and workgroup memory is slow. */
const BUSY_THREADS_EMULATED = 256
/** 64 MiB: about what a small GPU's caches deliver in the time of a dispatch. */
const GRAM_READS = 2 ** 24
const DOTS: DotGroups = { ab: 56, cd: 8, terms: 31 }
const DOTS_EMULATED: DotGroups = { ab: 3, cd: 1, terms: 2 }

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render|\bwarp\b|software/i

/** The adapter's facts as they are shown to people. */
function describe(adapter: GPUAdapter, origin: string): { emulated: boolean; info: Info } {
  const { vendor, architecture, device, description } = adapter.info
  // an older place of the same flag
  const former = (adapter as unknown as { isFallbackAdapter?: boolean }).isFallbackAdapter
  const fallback = adapter.info.isFallbackAdapter ?? former ?? false
  const names = { vendor, architecture, device, description }
  const info = {
    origin,
    ...Object.fromEntries(Object.entries(names).filter(([, text]) => text)),
    maxBufferSize: adapter.limits.maxBufferSize,
    maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize,
  }
  return { emulated: fallback || SOFTWARE.test(Object.values(names).join(' ')), info }
}

type Found = Extract<GpuSource, { found: true }>
type Adapter = { readonly found: true; readonly adapter: GPUAdapter; readonly source: Found } | Missing
type Missing = Extract<GpuSource, { found: false }>

async function findAdapter(provider: GpuProvider): Promise<Adapter> {
  const source = await provider.find()
  if (!source.found) return source
  try {
    const adapter = await (source.gpu as GPU).requestAdapter({ powerPreference: 'high-performance' })
    if (adapter) return { found: true, adapter, source }
    return {
      found: false,
      reason: `WebGPU (${source.origin}) found no GPU and no driver for one`,
      fix: 'Install or update the GPU driver (on Linux, Vulkan); in a browser, see that hardware acceleration is on.',
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return {
      found: false,
      reason: `WebGPU (${source.origin}) gave no adapter: ${message}`,
      fix: 'Update the GPU driver.',
    }
  }
}

class GpuBackendDevice implements Device {
  readonly backend = 'webgpu'
  readonly losable = true
  readonly emulated: boolean
  readonly info: Info
  readonly alignment: number = KERNEL_ALIGNMENT
  readonly #gpu: Gpu
  readonly #room: Room
  readonly #dots: DotGroups
  readonly #closed: (() => void) | undefined

  constructor(gpu: Gpu, facts: { emulated: boolean; info: Info }, source: Found, limits: WebgpuLimits) {
    this.#gpu = gpu
    this.#closed = source.endWithProcess?.(() => gpu.close())
    this.emulated = facts.emulated
    this.info = facts.info
    const { maxStorageBufferBindingSize, maxBufferSize } = gpu.device.limits
    this.#room = {
      bindingBytes: limits.bindingBytes ?? Math.min(maxStorageBufferBindingSize, maxBufferSize),
      busyThreads: limits.busyThreads ?? (facts.emulated ? BUSY_THREADS_EMULATED : BUSY_THREADS),
      gramReads: limits.gramReads ?? GRAM_READS,
      tileBytes: limits.tileBytes ?? TILE_BYTES,
    }
    this.#dots = facts.emulated ? DOTS_EMULATED : DOTS
  }

  supports(X: MatrixView, spec: FitSpec, weights?: Weights): Support {
    const reason = fitRefusal(X, spec, weights) ?? misfit(X, spec.rank, this.#room)
    return reason === undefined ? SUPPORTED : unsupported(reason)
  }

  memory(X: MatrixView, spec: FitSpec, weights?: Weights): Memory {
    return memoryOfFit(X, spec, weights)
  }

  async createFit(problem: Problem, spec: FitSpec): Promise<Fit> {
    this.#gpu.check()
    const support = this.supports(problem.X, spec, problem.weights)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    return GpuFit.create(this.#gpu, problem, spec, this.#room, this.#dots)
  }

  supportsOptimizer(length: number, spec: OptimizerSpec): Support {
    const unknown = unknownKernel(spec, VECTOR_KERNELS)
    if (unknown !== undefined) return unsupported(`WebGPU has no kernel ${unknown} for optimizers`)
    if (length * 4 <= this.#room.bindingBytes) return SUPPORTED
    return unsupported(
      `optimizers of ${length} parameters need more than the ${this.#room.bindingBytes} bytes of a binding`,
    )
  }

  async createOptimizer(length: number, spec: OptimizerSpec): Promise<Vectors> {
    this.#gpu.check()
    const support = this.supportsOptimizer(length, spec)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    return await GpuVectors.create(this.#gpu, length, spec)
  }

  supportsKernel(spec: KernelSpec, dims: Dims, dtype?: 'f32' | 'f64'): Support {
    return supportsKernel(spec, dims, dtype, this.#room)
  }

  async runKernel(spec: KernelSpec, call: KernelCall): Promise<void> {
    const support = this.supportsKernel(spec, call.dims, call.dtype)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    await runKernel(this.#gpu, spec, call, this.#dots)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gpu.close()
    this.#closed?.()
  }
}

/**
 * The WebGPU backend on the GPU that `provider` finds.
 * @param limits for tests only
 */
export function webgpuBackend(provider: GpuProvider, limits: WebgpuLimits = {}): Backend {
  return {
    id: 'webgpu',
    async probe(): Promise<Probe> {
      const found = await findAdapter(provider)
      if (!found.found) return { available: false, reason: found.reason, fix: found.fix }
      return { available: true, ...describe(found.adapter, found.source.origin) }
    },
    async open(): Promise<Device> {
      const found = await findAdapter(provider)
      if (!found.found) {
        throw new NonnegError('ERR_NONNEG_BACKEND', `WebGPU is not available: ${found.reason}`, { fix: found.fix })
      }
      const { adapter, source } = found
      const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits
      try {
        // without explicit limits a device has the least that the specification asks for: 128 MiB a binding
        const device = await adapter.requestDevice({
          label: 'nonneg',
          requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
        })
        return new GpuBackendDevice(new Gpu(device), describe(adapter, source.origin), source, limits)
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error)
        throw new NonnegError('ERR_NONNEG_BACKEND', `the GPU refused a device: ${message}`, {
          cause: error,
          fix: 'Update the GPU driver, or choose another backend.',
        })
      }
    },
  }
}
