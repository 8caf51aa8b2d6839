import type { ShaderName } from '../../generated/shaders.js'
import { type Gpu, SMALLEST_BUFFER, USAGE } from './gpu.js'
import { WORKGROUP } from './pipelines.js'

/** A range of a device buffer; `undefined` where the kernel's present variant has nothing to bind. */
export interface Operand {
  readonly buffer: GPUBuffer
  readonly offset?: number
  readonly size?: number
}

/** One dispatch, before its pipeline and bindings exist. */
export interface Call {
  readonly kernel: ShaderName
  readonly aligned: boolean | undefined
  /** The kernel's Params, in order. */
  readonly params: readonly number[]
  readonly reads: readonly (Operand | undefined)[]
  readonly writes: readonly (Operand | undefined)[]
  readonly groups: readonly [number, number, number]
}

/** A sum over `length` terms, cut into `count` parts of `step` terms each (the last may be shorter). */
export interface Parts {
  readonly count: number
  readonly step: number
}

export const ONE_PART: Parts = { count: 1, step: 0xffff_fffc }

const MOST_GROUPS = 65_535

/** A grid with one thread per tile; beyond 65,535 workgroups it goes on in y. */
function grid(tiles: number, parts = 1): [number, number, number] {
  const groups = Math.ceil(tiles / WORKGROUP)
  const x = Math.min(groups, MOST_GROUPS)
  return [x, Math.ceil(groups / x), parts]
}

function tiles(length: number): number {
  return Math.ceil(length / 4)
}

function fourfold(...sizes: number[]): boolean {
  return sizes.every(size => size % 4 === 0)
}

/** The two bindings of an input: as scalars and as vectors of four. */
function input(aligned: boolean, operand: Operand | undefined): [Operand | undefined, Operand | undefined] {
  return aligned ? [undefined, operand] : [operand, undefined]
}

export function xhtDense(o: {
  rows: number
  columns: number
  rank: number
  stride: number
  firstRow: number
  parts: Parts
  /** Entries of one part of N. */
  partLength: number
  X: Operand | undefined
  Ht: Operand | undefined
  N: Operand
}): Call {
  const aligned = fourfold(o.columns, o.stride, o.rank)
  return {
    kernel: 'xht_dense',
    aligned,
    params: [o.rows, o.columns, o.rank, o.stride, o.firstRow, o.parts.step, o.partLength],
    reads: [...input(aligned, o.X), ...input(aligned, o.Ht)],
    writes: [o.N],
    groups: grid(tiles(o.rows) * tiles(o.rank), o.parts.count),
  }
}

export function xtwDense(o: {
  rows: number
  columns: number
  rank: number
  stride: number
  firstRow: number
  parts: Parts
  accumulate: boolean
  X: Operand | undefined
  W: Operand | undefined
  A: Operand
  /** WᵀW beside A, in as many parts. */
  S: Operand | undefined
}): Call {
  const aligned = fourfold(o.columns, o.stride, o.rank)
  const gramTiles = o.S ? tiles(o.rank) : 0
  const { rows, columns, rank, stride, firstRow, parts } = o
  return {
    kernel: 'xtw_dense',
    aligned,
    params: [rows, columns, rank, stride, firstRow, parts.step, columns * rank, gramTiles, Number(o.accumulate)],
    reads: [...input(aligned, o.X), ...input(aligned, o.W)],
    writes: [o.A, o.S],
    groups: grid((tiles(columns) + gramTiles) * tiles(rank), parts.count),
  }
}

export function xhtCsr(o: {
  rows: number
  rank: number
  firstRow: number
  parts: number
  partLength: number
  indptr: Operand
  indices: Operand | undefined
  values: Operand | undefined
  Ht: Operand | undefined
  N: Operand
}): Call {
  const aligned = fourfold(o.rank)
  return {
    kernel: 'xht_csr',
    aligned,
    params: [o.rows, o.rank, o.firstRow, o.parts, o.partLength],
    reads: [o.indptr, o.indices, o.values, ...input(aligned, o.Ht)],
    writes: [o.N],
    groups: grid(o.rows * tiles(o.rank), o.parts),
  }
}

export function gramOf(o: {
  rows: number
  rank: number
  parts: Parts
  accumulate: boolean
  F: Operand | undefined
  G: Operand
}): Call {
  const aligned = fourfold(o.rank)
  return {
    kernel: 'gram',
    aligned,
    params: [o.rows, o.rank, o.parts.step, Number(o.accumulate)],
    reads: input(aligned, o.F),
    writes: [o.G],
    groups: grid(tiles(o.rank) ** 2, o.parts.count),
  }
}

export function muUpdate(o: {
  rows: number
  rank: number
  nParts: number
  gParts: number
  F: Operand
  N: Operand
  G: Operand
  /** Where the new rows go; not F itself. */
  into: Operand
}): Call {
  const aligned = fourfold(o.rank)
  return {
    kernel: 'mu_update',
    aligned,
    params: [o.rows, o.rank, o.nParts, o.rows * o.rank, o.gParts],
    reads: [...input(aligned, o.F), o.N, ...input(aligned, o.G)],
    writes: [o.into],
    groups: grid(tiles(o.rows) * tiles(o.rank)),
  }
}

/** One factor of an inner product, its parts one after the other. */
export interface Vector {
  readonly operand: Operand | undefined
  readonly parts: number
}

/** ⟨a, b⟩ in `abGroups` partial sums and ⟨c, d⟩ in `cdGroups` more. */
export function dotOf(o: {
  abGroups: number
  cdGroups: number
  abLength: number
  cdLength: number
  a: Vector
  b: Operand | undefined
  c: Vector
  d: Vector
  partials: Operand
}): Call {
  return {
    kernel: 'dot',
    aligned: undefined,
    params: [o.abGroups, o.abLength, o.a.parts, o.cdLength, o.c.parts, o.d.parts],
    reads: [o.a.operand, o.b, o.c.operand, o.d.operand],
    writes: [o.partials],
    groups: [o.abGroups + o.cdGroups, 1, 1],
  }
}

export function sumParts(o: { length: number; parts: number; F: Operand }): Call {
  return {
    kernel: 'sum_parts',
    aligned: undefined,
    params: [o.length, o.parts],
    reads: [],
    writes: [o.F],
    groups: grid(o.length),
  }
}

/** A dispatch that is ready to be recorded. */
export interface Step {
  readonly pipeline: GPUComputePipeline
  readonly bindings: GPUBindGroup
  readonly groups: readonly [number, number, number]
}

/**
 * Makes calls ready: pipelines, bindings, and one uniform buffer that holds all their parameters and must live as long
 * as they do.
 */
export async function prepare(gpu: Gpu, calls: readonly Call[]): Promise<{ steps: Step[]; uniforms: GPUBuffer }> {
  const pipelines = await Promise.all(calls.map(call => gpu.pipeline(call.kernel, call.aligned)))
  const [standInRead, standInWrite] = await gpu.standIns()
  const slot = SMALLEST_BUFFER
  const uniforms = await gpu.buffer(calls.length * slot, USAGE.UNIFORM | USAGE.COPY_DST)
  const words = new Uint32Array((calls.length * slot) / 4)
  calls.forEach((call, index) => {
    words.set(call.params, (index * slot) / 4)
  })
  const { result, done } = gpu.scoped(() => {
    gpu.device.queue.writeBuffer(uniforms, 0, words)
    return calls.map((call, index): Step => {
      const operands = [
        { buffer: uniforms, offset: index * slot, size: slot },
        ...call.reads.map(operand => operand ?? { buffer: standInRead }),
        ...call.writes.map(operand => operand ?? { buffer: standInWrite }),
      ]
      const { pipeline, layout } = pipelines[index]
      const entries = operands.map((resource, binding) => ({ binding, resource }))
      return { pipeline, bindings: gpu.device.createBindGroup({ layout, entries }), groups: call.groups }
    })
  })
  try {
    await done
  } catch (error) {
    uniforms.destroy()
    throw error
  }
  return { steps: result, uniforms }
}

/** Records steps, in order, into one compute pass; WebGPU orders a step after those whose results it reads. */
export function record(encoder: GPUCommandEncoder, steps: Iterable<Step>): void {
  const pass = encoder.beginComputePass()
  for (const { pipeline, bindings, groups } of steps) {
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, bindings)
    pass.dispatchWorkgroups(...groups)
  }
  pass.end()
}
