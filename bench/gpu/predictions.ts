import type { Call } from '../../ts/backends/webgpu/calls.js'
import { dotsOf, roomOf } from '../../ts/backends/webgpu/device.js'
import { WORKGROUP } from '../../ts/backends/webgpu/pipelines.js'
import type { Room } from '../../ts/backends/webgpu/plan.js'
import { supportsKernel } from '../../ts/backends/webgpu/run-kernel.js'
import { kernels } from '../../ts/kernels/index.js'
import { type Dims, type KernelSpec, problemString } from '../../ts/kernels/spec.js'
import type { Work } from '../contestant.js'
import { workOf } from './counts.js'
import { fitCalls, imaginary, imaginaryData } from './iteration.js'

/** A GPU as its maker describes it. */
export interface NamedGpu {
  readonly name: string
  /** Peak of f32 multiply-adds, two flops each, in TFLOP/s. */
  readonly teraflops: number
  /** Of its memory, in GB/s. */
  readonly bandwidth: number
  readonly source: string
}

export const NAMED_GPUS: readonly NamedGpu[] = [
  {
    name: 'GeForce RTX 4090',
    teraflops: 82.6,
    bandwidth: 1008,
    source:
      'NVIDIA, *Ada GPU Architecture*, version 2.01: 16384 lanes at 2.52 GHz boost; 384 bits of GDDR6X at 21 Gbit/s',
  },
  {
    name: 'Apple M3 Max',
    teraflops: 14.3,
    bandwidth: 400,
    source:
      'Apple’s announcement of October 2023 for the 400 GB/s of the 40-core GPU. Apple publishes no peak: 40 × 128 lanes at 1.398 GHz, the clock as others measured it',
  },
  {
    name: 'Intel Arc A770',
    teraflops: 17.2,
    bandwidth: 560,
    source: 'Intel’s data sheet of the 16 GB card: 512 vector engines of 8 lanes at 2.1 GHz graphics clock; 560 GB/s',
  },
]

/** What one dispatch is assumed to cost beyond its work, in seconds: no figure of any of these GPUs. */
export const DISPATCH_SECONDS = 5e-6

/** What a GPU that is none of this machine's would be taken for. */
export const LARGE_LIMITS = {
  ...{ maxStorageBufferBindingSize: 2 ** 31 - 4, maxBufferSize: 2 ** 31 - 4 },
  // what every device grants
  ...{ maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupSizeX: 256, maxComputeWorkgroupSizeY: 256 },
  maxComputeWorkgroupStorageSize: 16_384,
} as const
export const LARGE_ROOM: Room = roomOf(LARGE_LIMITS, false)

export interface Prediction {
  readonly seconds: number
  readonly bound: 'memory' | 'arithmetic'
}

/** The roofline: no less than the time of the flops at the peak, nor than that of the bytes at the full bandwidth. */
export function predict({ flops, bytes }: Work, { teraflops, bandwidth }: NamedGpu): Prediction {
  const arithmetic = flops / (teraflops * 1e12)
  const memory = bytes / (bandwidth * 1e9)
  return memory >= arithmetic ? { seconds: memory, bound: 'memory' } : { seconds: arithmetic, bound: 'arithmetic' }
}

/** Of a kernel's numbers those that say how much there is to do. */
const SIZES = ['rows', 'columns', 'nonzeros', 'rank', 'length'] as const

export interface KernelWork extends Work {
  readonly spec: KernelSpec
  readonly problem: string
}

/** Sizes that a fill draws are their expectation. */
function wholeDims({ benchmark }: KernelSpec): Dims {
  const { rows = 0, columns = 0, percent } = benchmark
  return percent === undefined ? benchmark : { ...benchmark, nonzeros: Math.round((rows * columns * percent) / 100) }
}

/** Every kernel that there is in WGSL, on the size that its spec names for benchmarks. */
export function kernelWorks(): readonly KernelWork[] {
  return kernels.flatMap(spec => {
    const dims = wholeDims(spec)
    if (!supportsKernel(spec, dims, 'f32', LARGE_ROOM).supported) return []
    const own = SIZES.filter(name => dims[name] !== undefined)
    const problem = problemString({ ...spec, dims: own }, dims)
    return [{ spec, problem, flops: spec.flops(dims), bytes: spec.bytes(dims) }]
  })
}

export interface DispatchWork extends Work {
  readonly kernel: string
  readonly threads: number
}

/**
 * The dispatches of one iteration of a multiplicative fit of dense X, its loss included, in their order.
 * @param beta default: Frobenius
 */
export async function muIteration(
  rows: number,
  rank: number,
  columns: number,
  { beta = 2, room = LARGE_ROOM }: { readonly beta?: number; readonly room?: Room } = {},
): Promise<readonly DispatchWork[]> {
  const data = await imaginaryData(rows, columns, room)
  const spec = { rank, beta, rule: 'mu', dtype: 'f32' } as const
  const { iteration } = await fitCalls(imaginary, { spec, data, room, dots: dotsOf(room, LARGE_LIMITS) })
  return iteration.map(call => {
    const [x, y, z] = call.groups
    return { kernel: call.kernel, threads: x * y * z * threadsIn(call), ...workOf(call) }
  })
}

/** Threads of a workgroup. */
function threadsIn({ variant: { ACROSS, DOWN, WORKGROUP: own = WORKGROUP } = {} }: Call): number {
  return ACROSS === undefined ? Number(own) : Number(ACROSS) * Number(DOWN)
}

/** Of a whole iteration: the sum of its dispatches, one after the other. */
export function predictIteration(dispatches: readonly DispatchWork[], gpu: NamedGpu): number {
  return dispatches.reduce((sum, work) => sum + DISPATCH_SECONDS + predict(work, gpu).seconds, 0)
}
