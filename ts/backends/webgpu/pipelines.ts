import { NonnegError } from '../../core/errors.js'
import { type ShaderName, shaders } from '../../generated/shaders.js'
import type { Gpu } from './gpu.js'

/** Threads of a workgroup: a multiple of every GPU's subgroup, and below every limit. */
export const WORKGROUP = 64

/**
 * Storage bindings of a kernel: the uniform block comes first, then what it reads, then what it writes. `slot`: the last of
 * these is one of many equal slots of a buffer, and which one is said anew at each dispatch.
 */
export interface Bindings {
  readonly reads: number
  readonly writes: number
  readonly slot?: boolean
  /** Text that stands before the kernel's own. */
  readonly prelude?: ShaderName | readonly ShaderName[]
  /** Arrays that come in parts, for which shaders/parts.wgsl stands before the kernel's text. */
  readonly parts?: readonly string[]
  /** Whether it reads X as it is stored: in half precision by the variant HALF. */
  readonly stores?: boolean
}

/** Text that stands before that of kernels. */
type TextName =
  | ('alone' | 'beta' | 'compensated' | 'descent' | 'hashed' | 'least_squares' | 'mix' | 'model' | 'moving')
  | ('normal_equations' | 'opaque' | 'pairs' | 'parts' | 'pivoting' | 'reduce' | 'staged' | 'subgroups')
  | ('vector_kernel' | 'weights')

/** A kernel that can be run. */
export type KernelName = Exclude<ShaderName, TextName>

/** Values of the overrides of a kernel's variant beside the workgroup size; HALF is one of its text. */
export type Variant = Readonly<Record<string, boolean | number>>

export const BINDINGS: Readonly<Record<KernelName, Bindings>> = {
  adam_products: { reads: 4, writes: 1, prelude: 'vector_kernel' },
  add_parts: { reads: 1, writes: 1 },
  adam_step: { reads: 1, writes: 4, prelude: 'vector_kernel' },
  axpby: { reads: 2, writes: 1 },
  beta_tile: { reads: 4, writes: 4, prelude: ['beta', 'mix', 'hashed', 'model'], stores: true },
  beta_xht_csr: { reads: 6, writes: 2, prelude: 'beta' },
  beta_xht_dense: { reads: 4, writes: 3, prelude: ['beta', 'mix', 'hashed', 'model'], stores: true },
  bpp_csr: { reads: 7, writes: 1, prelude: ['opaque', 'pairs', 'moving', 'least_squares', 'normal_equations'] },
  bpp_dense: {
    ...{ reads: 5, writes: 1, stores: true },
    prelude: ['opaque', 'pairs', 'moving', 'least_squares', 'normal_equations', 'mix', 'hashed', 'weights'],
  },
  bpp_update: { reads: 3, writes: 3, prelude: ['opaque', 'pairs', 'moving', 'least_squares', 'pivoting'] },
  cd_csr: { reads: 6, writes: 2, prelude: ['moving', 'beta', 'descent'] },
  cd_dense: { reads: 4, writes: 2, prelude: ['mix', 'hashed', 'weights', 'moving', 'beta', 'descent'], stores: true },
  column_sums: { reads: 1, writes: 1 },
  dot: { reads: 4, writes: 1, slot: true, prelude: ['reduce', 'opaque', 'compensated'], parts: ['a', 'c', 'd'] },
  dual_average: { reads: 3, writes: 2, prelude: 'vector_kernel' },
  extrapolate: { reads: 1, writes: 2 },
  gradient_products: { reads: 3, writes: 1, prelude: 'vector_kernel' },
  gram: { reads: 2, writes: 1, prelude: 'staged' },
  gram_bound: { reads: 2, writes: 2 },
  hals_update: { reads: 4, writes: 2, prelude: 'moving', parts: ['N'] },
  hypergradient_adam: { reads: 1, writes: 5, prelude: 'vector_kernel' },
  hypergradient_momentum: { reads: 1, writes: 4, prelude: 'vector_kernel' },
  hypergradient_nesterov: { reads: 1, writes: 5, prelude: 'vector_kernel' },
  idbd_step: { reads: 1, writes: 4, prelude: 'vector_kernel' },
  momentum: { reads: 0, writes: 2, slot: true },
  momentum_step: { reads: 1, writes: 3, prelude: 'vector_kernel' },
  mu_ratio: { reads: 3, writes: 1, prelude: 'moving', parts: ['N', 'P'] },
  mu_update: { reads: 6, writes: 1, prelude: 'moving', parts: ['N'] },
  nesterov_step: { reads: 1, writes: 4, prelude: 'vector_kernel' },
  norm_peaks: { reads: 1, writes: 1 },
  online_update: { reads: 3, writes: 3, prelude: 'moving', parts: ['N', 'P'] },
  pg_step: { reads: 4, writes: 2, prelude: 'moving', parts: ['N', 'P'] },
  sgd_step: { reads: 1, writes: 2, prelude: 'vector_kernel' },
  sgd_update: { reads: 4, writes: 4, slot: true, prelude: ['mix', 'moving'] },
  settle: { reads: 1, writes: 6 },
  rprop_step: { reads: 1, writes: 4, prelude: 'vector_kernel' },
  row_norms: { reads: 1, writes: 1 },
  spread_csr: { reads: 3, writes: 1 },
  sum_parts: { reads: 0, writes: 1 },
  sum_terms: { reads: 1, writes: 1, slot: true, prelude: ['reduce', 'opaque', 'compensated'] },
  svrmu_update: { reads: 7, writes: 1, prelude: 'moving' },
  turn: { reads: 1, writes: 1, stores: true },
  xht_csr: { reads: 5, writes: 1 },
  xht_dense: { reads: 4, writes: 1, prelude: 'staged', stores: true },
  xtw_dense: { reads: 4, writes: 2, prelude: 'staged', stores: true },
}

const STAGE_COMPUTE = 0x4

/** How X is stored; arithmetic is in f32 either way, of one entry or, behind the model of a tile, of four at a time. */
const STORED = { f32: 'alias stored = f32;', f16: 'enable f16;\nalias stored = f16;' }

/** Texts whose threads hand values to each other: by subgroups, or through the workgroup's memory alone. */
const EXCHANGING: readonly ShaderName[] = ['descent', 'hals_update', 'reduce']

/** The texts that a kernel is made of. */
function stemsOf(name: KernelName): ShaderName[] {
  const stems = [BINDINGS[name].prelude ?? [], name].flat()
  return stems.includes('vector_kernel') ? ['reduce', ...stems] : stems
}

/** Whether there is a kernel of this name that has a variant for subgroups. */
export function exchanges(name: string): boolean {
  return Object.hasOwn(BINDINGS, name) && stemsOf(name as KernelName).some(stem => EXCHANGING.includes(stem))
}

/** The whole text of a kernel. */
function textOf(name: KernelName, half: boolean, near: boolean): string {
  const { stores, parts = [] } = BINDINGS[name]
  const stems = stemsOf(name)
  const exchange = exchanges(name) ? ([near ? 'subgroups' : 'alone'] as const) : []
  // what is enabled must be so before all else
  return [
    ...(near && exchanges(name) ? ['enable subgroups;'] : []),
    ...(stores ? [STORED[half ? 'f16' : 'f32']] : []),
    ...(stems.includes('beta') ? [stems.includes('model') ? 'alias real = vec4f;' : 'alias real = f32;'] : []),
    ...parts.map(array => shaders.parts.replaceAll('ARRAY', array)),
    ...[...exchange, ...stems].map(stem => shaders[stem]),
  ].join('\n')
}

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

  get(name: KernelName, variant: Variant): Promise<Pipeline> {
    const key = `${name}:${Object.entries(variant).join()}`
    let made = this.#made.get(key)
    if (!made) {
      made = this.#make(name, variant)
      this.#made.set(key, made)
      // a failed compilation is tried again by the next caller
      made.catch(() => this.#made.delete(key))
    }
    return made
  }

  async #make(name: KernelName, { HALF = false, ...variant }: Variant): Promise<Pipeline> {
    const { device, near } = this.#gpu
    const { reads, writes, slot = false } = BINDINGS[name]
    const code = textOf(name, Boolean(HALF), near > 1)
    const { result, done } = this.#gpu.scoped(() => {
      const module = device.createShaderModule({ label: name, code })
      const entries: GPUBindGroupLayoutEntry[] = []
      for (let binding = 0; binding <= reads + writes; binding++) {
        const type = binding === 0 ? 'uniform' : binding <= reads ? 'read-only-storage' : 'storage'
        const hasDynamicOffset = slot && binding === reads + writes
        entries.push({ binding, visibility: STAGE_COMPUTE, buffer: { type, hasDynamicOffset } })
      }
      const layout = device.createBindGroupLayout({ label: name, entries })
      const constants: Record<string, number> = near > 1 && exchanges(name) ? { WORKGROUP, NEAR: near } : { WORKGROUP }
      for (const [name, value] of Object.entries(variant)) constants[name] = Number(value)
      const pipeline = device.createComputePipelineAsync({
        label: name,
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        // a shape's overrides are there for those products alone that a workgroup stages (see shapes.ts)
        compute: { module, entryPoint: 'DEPTH' in variant ? 'staged' : 'main', constants },
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
