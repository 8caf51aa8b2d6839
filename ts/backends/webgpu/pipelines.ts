import { NonnegError } from '../../core/errors.js'
import { type ShaderName, shaders } from '../../generated/shaders.js'
import type { Gpu } from './gpu.js'

/** Threads of a workgroup: a multiple of every GPU's subgroup, and below every limit. */
export const WORKGROUP = 64

/** Storage bindings of a kernel: the uniform block comes first, then what it reads, then what it writes. */
export const BINDINGS: Readonly<Record<ShaderName, { readonly reads: number; readonly writes: number }>> = {
  dot: { reads: 4, writes: 1 },
  gram: { reads: 2, writes: 1 },
  mu_update: { reads: 5, writes: 1 },
  sum_parts: { reads: 0, writes: 1 },
  xht_csr: { reads: 5, writes: 1 },
  xht_dense: { reads: 4, writes: 1 },
  xtw_dense: { reads: 4, writes: 2 },
}

const STAGE_COMPUTE = 0x4

export interface Pipeline {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
}

/** The compiled kernels of one device. A kernel is compiled on first use, once per variant. */
export class Pipelines {
  readonly #gpu: Gpu
  readonly #made: Map<string, Promise<Pipeline>> = new Map()

  constructor(gpu: Gpu) {
    this.#gpu = gpu
  }

  /** @param aligned whether the kernel may read four values at a time; undefined where it has no such variant */
  get(name: ShaderName, aligned: boolean | undefined): Promise<Pipeline> {
    const key = `${name}:${aligned}`
    let made = this.#made.get(key)
    if (!made) {
      made = this.#make(name, aligned)
      this.#made.set(key, made)
      // a failed compilation is tried again by the next caller
      made.catch(() => this.#made.delete(key))
    }
    return made
  }

  async #make(name: ShaderName, aligned: boolean | undefined): Promise<Pipeline> {
    const { device } = this.#gpu
    const { reads, writes } = BINDINGS[name]
    const { result, done } = this.#gpu.scoped(() => {
      const module = device.createShaderModule({ label: name, code: shaders[name] })
      const entries: GPUBindGroupLayoutEntry[] = []
      for (let binding = 0; binding <= reads + writes; binding++) {
        const type = binding === 0 ? 'uniform' : binding <= reads ? 'read-only-storage' : 'storage'
        entries.push({ binding, visibility: STAGE_COMPUTE, buffer: { type } })
      }
      const layout = device.createBindGroupLayout({ label: name, entries })
      const constants: Record<string, number> = { WORKGROUP }
      if (aligned !== undefined) constants.ALIGNED = Number(aligned)
      const pipeline = device.createComputePipelineAsync({
        label: name,
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main', constants },
      })
      // rejected below; until then it must not count as unhandled
      pipeline.catch(() => {})
      return { module, layout, pipeline }
    })
    try {
      const [pipeline] = await Promise.all([this.#gpu.wait(result.pipeline), done])
      return { pipeline, layout: result.layout }
    } catch (error) {
      const { messages } = await this.#gpu.wait(result.module.getCompilationInfo())
      const lines = messages.filter(m => m.type === 'error').map(m => `${m.lineNum}:${m.linePos} ${m.message}`)
      if (lines.length === 0) throw error
      throw new NonnegError('ERR_NONNEG_BACKEND', `the kernel ${name} does not compile: ${lines.join('; ')}`, {
        cause: error,
      })
    }
  }
}
