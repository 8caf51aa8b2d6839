import { NonnegError } from '../../core/errors.js'
import type { MatrixView } from '../../core/matrix.js'
import { familyOf } from '../../kernels/beta.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import {
  type Device,
  type Fit,
  type FitSpec,
  type Info,
  type KernelCall,
  type Problem,
  SUPPORTED,
  type Support,
  unsupported,
  type Weights,
} from '../backend.js'
import type { Memory } from '../memory.js'
import { type OptimizerSpec, unknownKernel, type Vectors } from '../vectors.js'
import type { WebgpuLimits } from './backend.js'
import { MOST_GROUPS } from './calls.js'
import { createFit } from './create-fit.js'
import type { DotGroups } from './family.js'
import { Gpu } from './gpu.js'
import { KERNEL_ALIGNMENT } from './kernel-calls.js'
import { BINDINGS, WORKGROUP } from './pipelines.js'
import { misfit, type Room, TILE_BYTES } from './plan.js'
import type { FoundGpu } from './provider.js'
import { memoryWithin } from './residency.js'
import { runKernel, supportsKernel } from './run-kernel.js'
import { shapingOf, type WorkgroupLimits } from './shapes.js'
import { fitRefusal } from './support.js'
import { VECTOR_KERNELS } from './vector-calls.js'
import { GpuVectors } from './vectors.js'

/** Threads that fill a large GPU; a smaller one runs them in turn at no loss. */
const BUSY_THREADS = 65_536
/** A driver on the CPU has a few cores: cutting sums only costs additions there, and workgroup memory is slow. */
const BUSY_THREADS_EMULATED = 256
/** 8 of the 16 KiB that every GPU grants a workgroup: enough of them still run side by side. */
const MODEL_VALUES = 2048
/** A driver on the CPU has no such memory, and compiles a store for every value that it begins with. */
const MODEL_VALUES_EMULATED = 128
/** Here a block of rows that products read once more after the model is 16 KiB: see the count in docs/webgpu.md. */
const FUSED_RANK = 64
/** A driver on the CPU takes seconds to compile a kernel with barriers, of which two kernels have none. */
const FUSED_RANK_EMULATED = 0
/** 64 MiB: more of a driver on the CPU than a dispatch of its own costs. */
const GRAM_READS = 2 ** 24
/** The slot has room for 64 partial sums of a loss: what keeps a GPU busy is that each comes from 256 threads. */
const DOTS: DotGroups = { ab: 56, cd: 8, terms: 31, threads: 256 }
const DOTS_EMULATED: DotGroups = { ab: 3, cd: 1, terms: 2, threads: WORKGROUP }

/** What is known of a device beside its limits. */
interface Facts {
  readonly emulated: boolean
  readonly info: Info
  /** Whether nobody else uses it, and it ends with the backend's device. */
  readonly isOwn: boolean
  readonly memoryLimit: number | undefined
  /** Threads that every subgroup has at least, a power of 2; 1: subgroups are not to be used. */
  readonly near: number
}

/** What every kernel takes for granted, as every device must have it that is not of a reduced kind. */
const LEAST = {
  maxStorageBuffersPerShaderStage: Math.max(...Object.values(BINDINGS).map(({ reads, writes }) => reads + writes)),
  maxComputeInvocationsPerWorkgroup: WORKGROUP,
  maxComputeWorkgroupSizeX: WORKGROUP,
  maxComputeWorkgroupsPerDimension: MOST_GROUPS,
} as const

/** @throws NonnegError ERR_NONNEG_BACKEND */
function checkLimits(limits: GPUSupportedLimits): void {
  for (const name of Object.keys(LEAST) as (keyof typeof LEAST)[]) {
    if (limits[name] >= LEAST[name]) continue
    const message = `the GPU device has ${name} ${limits[name]}, and the kernels need ${LEAST[name]}`
    throw new NonnegError('ERR_NONNEG_BACKEND', message, {
      detail: { limit: name, value: limits[name], least: LEAST[name] },
      fix: `Request the device with requiredLimits: { ${name}: ${LEAST[name]} }, or choose another backend.`,
    })
  }
}

type RoomLimits = WorkgroupLimits & Pick<GPUSupportedLimits, 'maxStorageBufferBindingSize' | 'maxBufferSize'>

/** What a device allows, and what keeps it busy. @throws NonnegError ERR_NONNEG_OPTION where it has no room for the shape */
export function roomOf(
  granted: RoomLimits,
  emulated: boolean,
  limits: WebgpuLimits = {},
  memoryLimit: number = Number.POSITIVE_INFINITY,
): Room {
  return {
    bindingBytes: limits.bindingBytes ?? Math.min(granted.maxStorageBufferBindingSize, granted.maxBufferSize),
    busyThreads: limits.busyThreads ?? (emulated ? BUSY_THREADS_EMULATED : BUSY_THREADS),
    parallel: limits.parallel ?? !emulated,
    gramReads: limits.gramReads ?? GRAM_READS,
    tileBytes: limits.tileBytes ?? TILE_BYTES,
    fusedRank: limits.fusedRank ?? (emulated ? FUSED_RANK_EMULATED : FUSED_RANK),
    modelValues: limits.modelValues ?? (emulated ? MODEL_VALUES_EMULATED : MODEL_VALUES),
    near: limits.near ?? 1,
    memoryBytes: memoryLimit,
    shaping: shapingOf(granted, emulated, limits.shape),
  }
}

/** How sums are split over workgroups of a device that has room for so many threads in one. */
export function dotsOf(
  { parallel }: Pick<Room, 'parallel'>,
  granted: Pick<WorkgroupLimits, 'maxComputeInvocationsPerWorkgroup' | 'maxComputeWorkgroupSizeX'>,
): DotGroups {
  if (!parallel) return DOTS_EMULATED
  const most = Math.min(granted.maxComputeInvocationsPerWorkgroup, granted.maxComputeWorkgroupSizeX)
  return most < DOTS.threads ? { ...DOTS, threads: WORKGROUP } : DOTS
}

/** A GPU that is open. */
export class GpuDevice implements Device {
  readonly backend = 'webgpu'
  readonly losable = true
  readonly emulated: boolean
  readonly info: Info
  readonly lost: Promise<void>
  readonly memoryLimit: number | undefined
  readonly alignment: number = KERNEL_ALIGNMENT
  /** Threads that kernels let hand values to each other without a barrier; 1: they do without subgroups. */
  readonly near: number
  readonly #gpu: Gpu
  readonly #room: Room
  readonly #dots: DotGroups
  readonly #closed: (() => void) | undefined

  /**
   * @param source what the device came from, unless it is someone else's
   * @throws NonnegError ERR_NONNEG_BACKEND where the device's limits are below what every kernel needs, _OPTION where it has no
   * room for a shape that is asked for; nothing then holds on to the device
   */
  constructor(
    device: GPUDevice,
    { emulated, info, isOwn, memoryLimit, near: least }: Facts,
    limits: WebgpuLimits,
    source?: FoundGpu,
  ) {
    checkLimits(device.limits)
    const near = least > 1 ? (limits.near ?? Math.min(WORKGROUP, least)) : 1
    this.#room = roomOf(device.limits, emulated, { ...limits, near }, memoryLimit)
    const gpu = new Gpu(device, isOwn, near)
    this.#gpu = gpu
    this.near = near
    this.#closed = source?.endWithProcess?.(() => gpu.close())
    this.lost = gpu.lost
    this.memoryLimit = memoryLimit
    this.emulated = emulated
    this.info = info
    this.#dots = dotsOf(this.#room, device.limits)
  }

  supports(X: MatrixView, spec: FitSpec, weights?: Weights): Support {
    const { features } = this.#gpu.device
    const family = familyOf(X, spec.beta, weights)
    const reason = fitRefusal(X, spec, weights, features) ?? misfit(X, spec.rank, family, this.#room)
    return reason === undefined ? SUPPORTED : unsupported(reason)
  }

  memory(X: MatrixView, spec: FitSpec, weights?: Weights): Memory {
    return memoryWithin(X, spec, weights, this.#room)
  }

  async createFit(problem: Problem, spec: FitSpec): Promise<Fit> {
    this.#gpu.check()
    const support = this.supports(problem.X, spec, problem.weights)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    return createFit(this.#gpu, problem, spec, this.#room, this.#dots)
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
    await runKernel(this.#gpu, spec, call, this.#dots, this.#room)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gpu.close()
    this.#closed?.()
  }
}
