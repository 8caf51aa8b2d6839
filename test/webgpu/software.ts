import type { Backend } from '../../ts/backends/backend.js'
import { type WebgpuLimits, webgpuBackend } from '../../ts/backends/webgpu/backend.js'
import type { GpuProvider, GpuSource } from '../../ts/backends/webgpu/provider.js'
import { nodeGpu } from '../../ts/backends/webgpu/provider-node.js'

/** The software driver exists for linux-x64 alone; there its absence is a failure. */
export const hasDriver: boolean = process.platform === 'linux' && process.arch === 'x64'

export function softwareBackend(limits?: WebgpuLimits, provider: GpuProvider = nodeGpu): Backend {
  // set to the empty string, it names the GPU of this machine
  process.env.NONNEG_WEBGPU ??= 'software'
  return webgpuBackend(provider, limits)
}

/** What a watched device has done and how it may be disturbed. */
export interface Watch {
  readonly provider: GpuProvider
  readonly devices: GPUDevice[]
  /** Buffers made and not yet destroyed, and their bytes. */
  readonly live: Map<GPUBuffer, number>
  /** Largest sum of live bytes. */
  peak(): number
  submissions(): number
  dispatches(): number
  /** Buffers made in all. */
  made(): number
  /** Buffers mapped for reading. */
  maps(): number
  /** Bytes written to storage buffers from the host. */
  uploaded(): number
  /** Bytes of the largest range of a storage buffer that a kernel was given. */
  bound(): number
  /** Bytes of each storage buffer made. */
  stored(): readonly number[]
}

/** GPUBufferUsage.STORAGE; the global object that names it exists in browsers only. */
const STORAGE = 0x80

/** The software GPU with every buffer counted. */
export function watched(): Watch {
  const devices: GPUDevice[] = []
  const live = new Map<GPUBuffer, number>()
  let peak = 0
  let submissions = 0
  let dispatches = 0
  let made = 0
  let maps = 0
  let uploaded = 0
  let bound = 0
  const stored: number[] = []

  function watchDevice(device: GPUDevice): GPUDevice {
    devices.push(device)
    const { queue } = device
    const createBuffer = device.createBuffer.bind(device)
    device.createBuffer = descriptor => {
      const buffer = createBuffer(descriptor)
      made++
      if (descriptor.usage & STORAGE) stored.push(descriptor.size)
      live.set(buffer, descriptor.size)
      const mapAsync = buffer.mapAsync.bind(buffer)
      buffer.mapAsync = (...range) => {
        maps++
        return mapAsync(...range)
      }
      peak = Math.max(
        peak,
        [...live.values()].reduce((sum, bytes) => sum + bytes, 0),
      )
      const destroy = buffer.destroy.bind(buffer)
      buffer.destroy = () => {
        live.delete(buffer)
        return destroy()
      }
      return buffer
    }
    const createBindGroup = device.createBindGroup.bind(device)
    device.createBindGroup = descriptor => {
      for (const { resource } of descriptor.entries) {
        const { buffer, offset = 0, size = buffer.size - offset } = resource as GPUBufferBinding
        if (buffer.usage & STORAGE) bound = Math.max(bound, size)
      }
      return createBindGroup(descriptor)
    }
    const writeBuffer = queue.writeBuffer.bind(queue)
    queue.writeBuffer = (buffer: GPUBuffer, offset: number, data: ArrayBufferView<ArrayBuffer>) => {
      if (buffer.usage & STORAGE) uploaded += data.byteLength
      return writeBuffer(buffer, offset, data)
    }
    const submit = queue.submit.bind(queue)
    queue.submit = commands => {
      submissions++
      return submit(commands)
    }
    const createCommandEncoder = device.createCommandEncoder.bind(device)
    device.createCommandEncoder = () => {
      const encoder = createCommandEncoder()
      const beginComputePass = encoder.beginComputePass.bind(encoder)
      encoder.beginComputePass = () => {
        const pass = beginComputePass()
        const dispatchWorkgroups = pass.dispatchWorkgroups.bind(pass)
        pass.dispatchWorkgroups = (...groups) => {
          dispatches++
          return dispatchWorkgroups(...groups)
        }
        return pass
      }
      return encoder
    }
    return device
  }

  const provider: GpuProvider = {
    async find(): Promise<GpuSource> {
      const source = await nodeGpu.find()
      if (!source.found) return source
      const gpu = {
        async requestAdapter(options: GPURequestAdapterOptions) {
          const adapter = await (source.gpu as GPU).requestAdapter(options)
          if (!adapter) return null
          const { info, limits, features } = adapter
          const requestDevice = async (wish: GPUDeviceDescriptor) => watchDevice(await adapter.requestDevice(wish))
          return { info, limits, features, requestDevice }
        },
      }
      return { ...source, gpu }
    },
  }
  const counts = { submissions: () => submissions, dispatches: () => dispatches, made: () => made }
  return {
    provider,
    devices,
    live,
    peak: () => peak,
    ...counts,
    maps: () => maps,
    uploaded: () => uploaded,
    bound: () => bound,
    stored: () => stored,
  }
}
