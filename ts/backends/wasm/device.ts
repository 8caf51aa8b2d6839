import { inSlices } from '../../core/breathe.js'
import { NonnegError } from '../../core/errors.js'
import type { MatrixView } from '../../core/matrix.js'
import type { Dims, KernelSpec } from '../../kernels/spec.js'
import {
  type BackendId,
  type Device,
  type Fit,
  type FitSpec,
  type Info,
  type KernelBuffer,
  type KernelCall,
  type Problem,
  SUPPORTED,
  type Support,
  unsupported,
} from '../backend.js'
import { WasmFit } from './fit.js'
import { roundUp } from './layout.js'
import { Pool, type PoolOptions } from './pool.js'
import { KERNEL_NAMES } from './run-kernel.js'
import { allocate, buffersOf, packed, sourceOf } from './source.js'

const GIB = 2 ** 30

/** One pool of workers with one wasm memory, in which any number of fits may live. */
export class WasmDevice implements Device {
  readonly backend: BackendId = 'wasm'
  readonly emulated: boolean = false
  readonly alignment: number = 1
  readonly info: Info
  readonly #pool: Pool
  #fits = 0

  private constructor(pool: Pool, info: Info) {
    this.#pool = pool
    this.info = info
  }

  static async open(options: PoolOptions, info: Info): Promise<WasmDevice> {
    const pool = await Pool.open(options)
    const build = options.relaxed ? 'relaxed SIMD' : 'plain SIMD'
    return new WasmDevice(pool, { ...info, build, threads: pool.threads, sharedMemory: pool.isShared })
  }

  supports({ rows, columns, kind }: MatrixView, { rank, beta, rule, dtype }: FitSpec): Support {
    if (dtype !== 'f32') return unsupported(`the wasm kernels compute in f32, not in ${dtype}`)
    if (beta !== 2) return unsupported(`the wasm kernels have the Frobenius loss (β = 2) alone, not β = ${beta}`)
    if (rule !== 'mu') return unsupported(`the wasm kernels have the multiplicative rule alone, not ${rule}`)
    // W and Ht; dense X takes H as well
    const bytes = 4 * roundUp(rank, 8) * (rows + columns * (kind === 'dense' ? 2 : 1))
    if (bytes > 4 * GIB) return unsupported(`the factors take ${(bytes / GIB).toFixed(1)} GiB, wasm memory has 4 GiB`)
    return SUPPORTED
  }

  async createFit(problem: Problem, spec: FitSpec): Promise<Fit> {
    const { X, squaredNorm } = problem
    const support = this.supports(X, spec)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    const shared = this.#pool.isShared
    const source = await inSlices(sourceOf(X, shared))
    const W = await inSlices(packed(problem.W))
    const H = await inSlices(packed(problem.H))
    const flags = new Int32Array(allocate(4, shared))
    const fit = ++this.#fits
    const { threads } = this.#pool
    const transfer = [W.buffer, H.buffer, ...(shared ? [] : buffersOf(source))] as ArrayBuffer[]
    const { layout, byColumn } = await this.#pool.call(
      { kind: 'create', fit, rank: spec.rank, fixedH: spec.fixed === 'H', threads, squaredNorm, source, flags, W, H },
      transfer,
    )
    const parallel = layout.threads > 1
    if (parallel) this.#pool.tellHelpers({ kind: 'attach', fit, layout, flags, source, byColumn })
    return new WasmFit(this.#pool, fit, flags, parallel)
  }

  supportsKernel(spec: KernelSpec, _dims: Dims): Support {
    return KERNEL_NAMES.includes(spec.name) ? SUPPORTED : unsupported(`there is no wasm kernel ${spec.name}`)
  }

  async runKernel(spec: KernelSpec, { dims, buffers }: KernelCall): Promise<void> {
    const support = this.supportsKernel(spec, dims)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    const copies: Record<string, KernelBuffer> = {}
    for (const [name, { data, offset, length }] of Object.entries(buffers)) {
      copies[name] = { data: data.slice(), offset, length }
    }
    const transfer = Object.values(copies).map(({ data }) => data.buffer as ArrayBuffer)
    const results = await this.#pool.call({ kind: 'kernel', name: spec.name, dims, buffers: copies }, transfer)
    for (const [name, { data }] of Object.entries(buffers)) data.set(results[name])
  }

  /** Bytes of wasm memory that fits take at present. */
  bytesInUse(): Promise<number> {
    return this.#pool.call({ kind: 'usage' })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close()
  }
}
