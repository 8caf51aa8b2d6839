import type { Info } from '../../ts/backends/backend.js'
import { webgpuBackend } from '../../ts/backends/webgpu/backend.js'
import type { GpuDevice } from '../../ts/backends/webgpu/device.js'
import { Gpu } from '../../ts/backends/webgpu/gpu.js'
import type { GpuProvider, GpuSource } from '../../ts/backends/webgpu/provider.js'

/** An open GPU: nonneg's device, and the WebGPU device below it for what the benchmarks bring themselves. */
export interface OpenGpu {
  readonly device: GpuDevice
  readonly gpu: Gpu
  readonly emulated: boolean
  /** What the adapter says of itself, in a few words, and that it is emulated where it is. */
  readonly name: string
  readonly info: Info
  /** Whether the device can say when a pass began and ended. */
  readonly timestamps: boolean
  close(): Promise<void>
}

const TIMESTAMPS = 'timestamp-query'

/** The same provider, whose devices can tell times where their adapter can; `seen` gets each device. */
function telling(provider: GpuProvider, seen: (device: GPUDevice) => void): GpuProvider {
  return {
    async find(): Promise<GpuSource> {
      const source = await provider.find()
      if (!source.found) return source
      const requestAdapter = async (options: GPURequestAdapterOptions) => {
        const adapter = await (source.gpu as GPU).requestAdapter(options)
        if (!adapter) return null
        const { info, limits } = adapter
        const own: GPUFeatureName[] = adapter.features.has(TIMESTAMPS) ? [TIMESTAMPS] : []
        const requestDevice = async (wish: GPUDeviceDescriptor) => {
          const device = await adapter.requestDevice({
            ...wish,
            requiredFeatures: [...(wish.requiredFeatures ?? []), ...own],
          })
          seen(device)
          return device
        }
        return { info, limits, features: adapter.features, requestDevice }
      }
      return { ...source, gpu: { requestAdapter } }
    },
  }
}

/** What results call a GPU: by its own name, or by its makers, as browsers tell no more. */
export function nameOf(info: Info, emulated: boolean): string {
  const { vendor, architecture, device, description } = info
  const words = [device, `${vendor ?? ''} ${architecture ?? ''}`, description, 'unnamed GPU']
  const name = words.map(word => String(word ?? '').replace(/^[\s-]+|[\s-]+$/g, '')).find(Boolean)
  return emulated ? `${name} (emulated)` : `${name}`
}

/** Opens what `provider` finds. @throws NonnegError with the reason where there is no GPU */
export async function openGpu(provider: GpuProvider): Promise<OpenGpu> {
  const devices: GPUDevice[] = []
  const opened = await webgpuBackend(telling(provider, device => devices.push(device))).open()
  const raw = devices[0]
  return {
    device: opened as GpuDevice,
    gpu: new Gpu(raw, true, (opened as GpuDevice).near),
    emulated: opened.emulated,
    name: nameOf(opened.info, opened.emulated),
    info: opened.info,
    timestamps: raw.features.has(TIMESTAMPS),
    close: async () => await opened[Symbol.asyncDispose](),
  }
}
