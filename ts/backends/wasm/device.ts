import { inSlices } from '../../core/breathe.js'
import { machineMemory } from '../../core/environment.js'
import { NonnegError } from '../../core/errors.js'
import type { MatrixView } from '../../core/matrix.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import { vectorKernels } from '../../kernels/vectors.js'
import {
  type BackendId,
  type Device,
  type Fit,
  type FitSpec,
  gramRuleRefusal,
  type Info,
  type KernelBuffer,
  type KernelCall,
  type Problem,
  SUPPORTED,
  type Support,
  storageRefusal,
  unsupported,
  type Weights,
} from '../backend.js'
import type { Memory } from '../memory.js'
import { type OptimizerSpec, unknownKernel, type Vectors } from '../vectors.js'
import { WasmFit } from './fit.js'
import { bytesWithin, memoryOf, plannedLayout } from './memory.js'
import { Pool, type PoolOptions } from './pool.js'
import { KERNEL_NAMES } from './run-kernel.js'
import { allocate, buffersOf, packed, sourceOf, weightsOf } from './source.js'
import { VectorCrew } from './vector-crew.js'
import { bytesOfVectors, runVectorKernel, WasmVectors } from './vectors.js'

const GIB = 2 ** 30

/** One pool of workers with one wasm memory, in which any number of fits may live. */
export class WasmDevice implements Device {
  readonly backend: BackendId = 'wasm'
  readonly emulated: boolean = false
  readonly alignment: number = 1
  readonly info: Info
  /** Of all memory: X may lie beside wasm's 4 GiB, which bound the rest of a fit (see `supports`). */
  readonly memoryLimit: number | undefined = machineMemory()
  readonly #pool: Pool
  readonly #options: PoolOptions
  /** The optimizers' memory and workers, from the first of them on. */
  #crew: Promise<VectorCrew> | undefined

  private constructor(pool: Pool, options: PoolOptions, info: Info) {
    this.#options = options
    this.#pool = pool
    this.info = info
  }

  static async open(options: PoolOptions, info: Info): Promise<WasmDevice> {
    const pool = await Pool.open(options)
    const build = options.relaxed ? 'relaxed SIMD' : 'plain SIMD'
    return new WasmDevice(pool, options, { ...info, build, threads: pool.threads, sharedMemory: pool.isShared })
  }

  supports(X: MatrixView, spec: FitSpec, weights?: Weights): Support {
    const refusal = storageRefusal(spec) ?? gramRuleRefusal(spec, weights)
    if (refusal) return unsupported(refusal)
    if (weights?.kind === 'entries' && X.kind === 'dense') {
      return unsupported('weights of listed entries are for matrices that list them')
    }
    const bytes = bytesWithin(plannedLayout(X, spec, weights, this.#pool.threads), spec)
    if (bytes <= 4 * GIB) return SUPPORTED
    return unsupported(`the fit takes ${(bytes / GIB).toFixed(1)} GiB, wasm memory has 4 GiB`)
  }

  memory(X: MatrixView, spec: FitSpec, weights?: Weights): Memory {
    return memoryOf(X, spec, weights, this.#pool.threads)
  }

  async createFit(problem: Problem, spec: FitSpec): Promise<Fit> {
    const { X, squaredNorm } = problem
    const support = this.supports(X, spec, problem.weights)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    const shared = this.#pool.isShared
    const { dtype } = spec
    await this.#pool.install(dtype)
    const source = await inSlices(sourceOf(X, dtype, shared, problem.weights))
    const weights = await inSlices(weightsOf(problem.weights, dtype, shared))
    const W = await inSlices(packed(problem.W, dtype))
    const H = await inSlices(packed(problem.H, dtype))
    const flags = new Int32Array(allocate(4, shared))
    const fit = this.#pool.nextFit()
    const { threads } = this.#pool
    const copies = [source, ...(weights ? [weights] : [])]
    const transfer = [W.buffer, H.buffer, ...(shared ? [] : copies.flatMap(buffersOf))] as ArrayBuffer[]
    const { told } = await this.#pool.call(
      { kind: 'create', fit, spec, threads, squaredNorm, source, weights, flags, W, H },
      transfer,
    )
    if (told) this.#pool.tellHelpers({ kind: 'attach', fit, told })
    const { rows, columns } = X
    const shape = { rows, columns, rank: spec.rank, dtype }
    return new WasmFit(this.#pool, fit, flags, told !== undefined, spec, shape)
  }

  supportsOptimizer(length: number, spec: OptimizerSpec): Support {
    const names = vectorKernels.map(({ name }) => name)
    const unknown = unknownKernel(spec, names)
    if (unknown !== undefined) return unsupported(`there is no wasm kernel ${unknown}`)
    const bytes = bytesOfVectors(length, spec)
    if (bytes <= 4 * GIB) return SUPPORTED
    return unsupported(`the arrays take ${(bytes / GIB).toFixed(1)} GiB, wasm memory has 4 GiB`)
  }

  async createOptimizer(length: number, spec: OptimizerSpec): Promise<Vectors> {
    const support = this.supportsOptimizer(length, spec)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    return await WasmVectors.create(await this.#vectorCrew(), length, spec)
  }

  supportsKernel(spec: KernelSpec, _dims: Dims, dtype?: FitSpec['dtype']): Support {
    if (vectorKernels.some(({ name }) => name === spec.name)) {
      return dtype === 'f64' ? unsupported('the kernels of the optimizers compute in f32') : SUPPORTED
    }
    return KERNEL_NAMES.includes(spec.name) ? SUPPORTED : unsupported(`there is no wasm kernel ${spec.name}`)
  }

  async runKernel(spec: KernelSpec, { dims, buffers, dtype = 'f32' }: KernelCall): Promise<void> {
    const support = this.supportsKernel(spec, dims, dtype)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    const vector = vectorKernels.find(({ name }) => name === spec.name)
    if (vector) return runVectorKernel(await this.#vectorCrew(), vector, { dims, buffers })
    await this.#pool.install(dtype)
    const copies: Record<string, KernelBuffer> = {}
    for (const [name, { data, offset, length }] of Object.entries(buffers)) {
      copies[name] = { data: data.slice(), offset, length }
    }
    const transfer = Object.values(copies).map(({ data }) => data.buffer as ArrayBuffer)
    const results = await this.#pool.call({ kind: 'kernel', name: spec.name, dtype, dims, buffers: copies }, transfer)
    for (const [name, { data }] of Object.entries(buffers)) data.set(results[name])
  }

  /** Bytes of wasm memory that fits take at present. */
  bytesInUse(): Promise<number> {
    return this.#pool.call({ kind: 'usage' })
  }

  #vectorCrew(): Promise<VectorCrew> {
    this.#crew ??= VectorCrew.open(this.#options)
    return this.#crew
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#pool.close(), this.#crew?.then(crew => crew.close())])
  }
}
