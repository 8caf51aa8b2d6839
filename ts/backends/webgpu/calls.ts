import { type Gpu, SMALLEST_BUFFER, USAGE } from './gpu.js'
import { BINDINGS, type KernelName, type Variant, WORKGROUP } from './pipelines.js'
import { type Readable, StreamedBuffer, type StreamedPanel } from './streamed.js'

/** A range of a device buffer; `undefined` where the kernel's present variant has nothing to bind. */
export interface Operand {
  /** Written ones are buffers. */
  readonly buffer: Readable
  readonly offset?: number
  readonly size?: number
}

/** One dispatch, before its pipeline and bindings exist. */
export interface Call {
  readonly kernel: KernelName
  /** Default: the kernel has but one. */
  readonly variant?: Variant
  /** The integers of the kernel's Params, in order. */
  readonly params: readonly number[]
  /** The floats that come after them. */
  readonly scalars?: readonly number[]
  readonly reads: readonly (Operand | undefined)[]
  readonly writes: readonly (Operand | undefined)[]
  readonly groups: readonly [number, number, number]
}

/** Workgroups in one dimension of a dispatch. */
export const MOST_GROUPS = 65_535

/** A grid with one thread per tile. */
export function grid(tiles: number, parts = 1): [number, number, number] {
  return groupGrid(Math.ceil(tiles / WORKGROUP), parts)
}

/** A grid of so many workgroups; beyond 65,535 of them it goes on in y. */
export function groupGrid(groups: number, parts = 1): [number, number, number] {
  const x = Math.min(groups, MOST_GROUPS)
  return [x, Math.ceil(groups / x), parts]
}

export function tiles(length: number): number {
  return Math.ceil(length / 4)
}

export function fourfold(...sizes: number[]): boolean {
  return sizes.every(size => size % 4 === 0)
}

/** The two bindings of an input: as scalars and as vectors of four. */
export function input(aligned: boolean, operand: Operand | undefined): [Operand | undefined, Operand | undefined] {
  return aligned ? [undefined, operand] : [operand, undefined]
}

/** A dispatch that is ready to be recorded. */
export interface Step {
  readonly pipeline: GPUComputePipeline
  readonly bindings: GPUBindGroup
  readonly groups: readonly [number, number, number]
  /** Where its slot begins, for a kernel that takes one (see `slot` in pipelines.ts). */
  readonly offset?: number
  /** What must be there when it runs, of what is not always. */
  readonly panels?: readonly StreamedPanel[]
}

/** What a binding is made of. */
export function resourceOf({ buffer, ...range }: Operand): GPUBufferBinding {
  return { ...range, buffer: buffer instanceof StreamedBuffer ? buffer.memory : buffer }
}

/** The panels that operands belong to, of those that are not always there. */
function panelsOf(operands: readonly (Operand | undefined)[]): readonly StreamedPanel[] | undefined {
  const streamed = operands.flatMap(operand => (operand?.buffer instanceof StreamedBuffer ? operand.buffer.panel : []))
  return streamed.length > 0 ? [...new Set(streamed)] : undefined
}

const LARGEST = 3.4028234663852886e38

/** The bits of a number as f32; bounds that are not there as the largest one, as WGSL has no infinity. */
function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(Math.max(-LARGEST, Math.min(LARGEST, value))).buffer)[0]
}

/** What a kernel finds in its uniform block: integers, then floats. */
export function wordsOf(params: readonly number[], scalars: readonly number[] = []): number[] {
  return [...params, ...scalars.map(bitsOf)]
}

/**
 * Makes calls ready: pipelines, bindings, and one uniform buffer that holds all their parameters and must live as long
 * as they do.
 */
export async function prepare(gpu: Gpu, calls: readonly Call[]): Promise<{ steps: Step[]; uniforms: GPUBuffer }> {
  const pipelines = await Promise.all(calls.map(call => gpu.pipeline(call.kernel, call.variant ?? {})))
  const standIns = await gpu.standIns()
  const slot = SMALLEST_BUFFER
  const uniforms = await gpu.buffer(calls.length * slot, USAGE.UNIFORM | USAGE.COPY_DST)
  const words = new Uint32Array((calls.length * slot) / 4)
  calls.forEach((call, index) => {
    words.set(wordsOf(call.params, call.scalars), (index * slot) / 4)
  })
  const { result, done } = gpu.scoped(() => {
    gpu.device.queue.writeBuffer(uniforms, 0, words)
    return calls.map((call, index): Step => {
      const spare = standIns.writes.values()
      const operands = [
        { buffer: uniforms, offset: index * slot, size: slot },
        ...call.reads.map(operand => operand ?? { buffer: standIns.read }),
        ...call.writes.map(operand => operand ?? { buffer: spare.next().value! }),
      ]
      const { pipeline, layout } = pipelines[index]
      const entries = operands.map((operand, binding) => ({ binding, resource: resourceOf(operand) }))
      const bindings = gpu.device.createBindGroup({ layout, entries })
      const offset = BINDINGS[call.kernel].slot ? 0 : undefined
      return { pipeline, bindings, groups: call.groups, offset, panels: panelsOf(call.reads) }
    })
  })
  try {
    await done
  } catch (error) {
    gpu.free(uniforms)
    throw error
  }
  return { steps: result, uniforms }
}

/** Records one step into a pass. */
export function dispatch(pass: GPUComputePassEncoder, { pipeline, bindings, groups, offset }: Step): void {
  pass.setPipeline(pipeline)
  if (offset === undefined) pass.setBindGroup(0, bindings)
  else pass.setBindGroup(0, bindings, [offset])
  pass.dispatchWorkgroups(...groups)
}

/** Records steps, in order, into one compute pass; WebGPU orders a step after those whose results it reads. */
export function record(encoder: GPUCommandEncoder, steps: Iterable<Step>): void {
  const pass = encoder.beginComputePass()
  for (const step of steps) dispatch(pass, step)
  pass.end()
}
