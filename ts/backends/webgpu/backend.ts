import { bytesIn } from '../../core/bytes.js'
import { environment } from '../../core/environment.js'
import { NonnegError } from '../../core/errors.js'
import { problemsIn } from '../../core/setting-problems.js'
import type { Backend, Device, Info, OpenOptions, Probe } from '../backend.js'
import { HALF, SUBGROUPS } from './features.js'
import type { WebgpuOptions } from './options.js'
import type { FoundGpu, GpuProvider, GpuSource } from './provider.js'
import { askedShape, type Shape } from './shapes.js'
import { checkWish, nearOf, sizesOf, wishOf } from './subgroups.js'

/** Overrides of what the adapter says, to bring rare paths into small problems. */
export interface WebgpuLimits {
  /** Bytes that one binding may span: a larger X is cut into row panels. */
  readonly bindingBytes?: number
  /** Threads that a dispatch should have: more of them cut sums into more parts. */
  readonly busyThreads?: number
  /** Whether threads are cheap and a load is a long wait. */
  readonly parallel?: boolean
  /** Values of Gram parts that an update may read before they are added up first. */
  readonly gramReads?: number
  /** Bytes of an array that holds what a tile of W·H contributes. */
  readonly tileBytes?: number
  /** Values of the models that a workgroup of coordinate descent holds. */
  readonly modelValues?: number
  /** Rank up to which products are formed beside the model. */
  readonly fusedRank?: number
  /** Threads that may hand values to each other where there are subgroups. */
  readonly near?: number
  /** How products are dealt to threads wherever there is a choice. */
  readonly shape?: Shape
}

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render|\bwarp\b|software/i

/** A GPU's facts as they are shown to people: an adapter's, or those of a device that came without one. */
function describe(
  {
    info: about,
    limits,
    features,
  }: {
    readonly info: Partial<GPUAdapterInfo>
    readonly limits: GPUSupportedLimits
    readonly features: ReadonlySet<string>
  },
  origin: string,
): { emulated: boolean; info: Info } {
  const { vendor, architecture, device, description, isFallbackAdapter = false } = about
  const names = { vendor, architecture, device, description }
  const info = {
    origin,
    ...Object.fromEntries(Object.entries(names).flatMap(([name, text]) => (text ? [[name, text]] : []))),
    maxBufferSize: limits.maxBufferSize,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    [HALF]: features.has(HALF),
    subgroups: sizesOf(features, about),
  }
  return { emulated: isFallbackAdapter || SOFTWARE.test(Object.values(names).join(' ')), info }
}

/** An adapter's facts. */
function describeAdapter(adapter: GPUAdapter, origin: string): { emulated: boolean; info: Info } {
  const facts = describe(adapter, origin)
  // an older place of the same flag
  const { isFallbackAdapter = false } = adapter as unknown as { isFallbackAdapter?: boolean }
  return { ...facts, emulated: facts.emulated || isFallbackAdapter }
}

/** The facts of a device whose subgroups have `near` threads at least, 1 where they are not used, and with so much memory. */
function asUsed({ emulated, info }: { emulated: boolean; info: Info }, near: number, memoryLimit: number | undefined) {
  const used = { subgroups: near > 1 && info.subgroups, memoryLimit: memoryLimit ?? false }
  return { emulated, info: { ...info, ...used }, near, memoryLimit }
}

/** Bytes that fits may take, or undefined. @throws NonnegError ERR_NONNEG_OPTION for a variable that names none */
function memoryLimitOf({ memoryLimit }: WebgpuOptions): number | undefined {
  const variable = environment('NONNEG_WEBGPU_MEMORY')
  if (memoryLimit !== undefined || variable === undefined) return memoryLimit
  const bytes = bytesIn(variable)
  if (!Number.isNaN(bytes)) return bytes
  throw new NonnegError('ERR_NONNEG_OPTION', `NONNEG_WEBGPU_MEMORY is "${variable}", not a number of bytes above 0`, {
    detail: { variable: 'NONNEG_WEBGPU_MEMORY', value: variable },
    fix: 'set it to a number of bytes, such as 8000000000, 8GB or 2GiB, or unset it',
  })
}

/** Features that some fits take, where there are. */
const FEATURES: readonly GPUFeatureName[] = [HALF, SUBGROUPS]

type Adapter = { readonly found: true; readonly adapter: GPUAdapter; readonly source: FoundGpu } | Missing
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

/**
 * The WebGPU backend on the GPU that `provider` finds. Its kernels are loaded when it is opened: most programs never do.
 * @param limits for tests only
 */
export function webgpuBackend(provider: GpuProvider, limits: WebgpuLimits = {}): Backend {
  return {
    id: 'webgpu',
    async probe(): Promise<Probe> {
      const found = await findAdapter(provider)
      let memoryLimit: number | undefined
      const problems = problemsIn([
        () => {
          memoryLimit = memoryLimitOf({})
        },
        () => {
          const wish = wishOf({})
          if (found.found) checkWish(wish, found.adapter.features)
        },
        askedShape,
      ])
      if (!found.found) return { available: false, reason: found.reason, fix: found.fix, problems }
      const { emulated, info } = describeAdapter(found.adapter, found.source.origin)
      return { available: true, emulated, info: { ...info, memoryLimit: memoryLimit ?? false }, problems }
    },
    async open({ webgpu = {} }: OpenOptions = {}): Promise<Device> {
      const memoryLimit = memoryLimitOf(webgpu)
      const wish = wishOf(webgpu)
      const own = { ...limits, shape: limits.shape ?? askedShape() }
      if (webgpu.device) {
        const device = webgpu.device as unknown as GPUDevice
        const { features, limits: granted, adapterInfo: info = {} as Partial<GPUAdapterInfo> } = device
        checkWish(wish, features)
        const { GpuDevice } = await import('./device.js')
        const found = describe({ info, limits: granted, features }, 'passed in')
        const facts = asUsed(found, nearOf(wish, features, info), memoryLimit)
        return new GpuDevice(device, { ...facts, isOwn: false }, own)
      }
      const found = await findAdapter(provider)
      if (!found.found) {
        throw new NonnegError('ERR_NONNEG_BACKEND', `WebGPU is not available: ${found.reason}`, { fix: found.fix })
      }
      const { adapter, source } = found
      const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits
      checkWish(wish, adapter.features)
      try {
        const wanted = FEATURES.filter(name => name !== SUBGROUPS || wish.subgroups !== false)
        // without explicit limits a device has the least that the specification asks for: 128 MiB a binding
        const device = await adapter.requestDevice({
          label: 'nonneg',
          requiredFeatures: wanted.filter(name => adapter.features.has(name)),
          requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
        })
        try {
          const { GpuDevice } = await import('./device.js')
          const near = nearOf(wish, device.features, adapter.info)
          const facts = asUsed(describeAdapter(adapter, source.origin), near, memoryLimit)
          return new GpuDevice(device, { ...facts, isOwn: true }, own, source)
        } catch (error) {
          // nobody else knows of it
          device.destroy()
          throw error
        }
      } catch (error) {
        if (error instanceof NonnegError) throw error
        const message = error instanceof Error ? error.message : String(error)
        throw new NonnegError('ERR_NONNEG_BACKEND', `the GPU refused a device: ${message}`, {
          cause: error,
          fix: 'Update the GPU driver, or choose another backend.',
        })
      }
    },
  }
}
