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
  type Weights,
} from '../backend.js'
import { WasmFit } from './fit.js'
import { gramLayout } from './gram-layout.js'
import { Pool, type PoolOptions } from './pool.js'
import { GRAM_RULES } from './rules.js'
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

  supports(X: MatrixView, { rank, beta, rule, dtype }: FitSpec, weights?: Weights): Support {
    if (beta !== 2) return unsupported(`the wasm kernels have the Frobenius loss (β = 2) alone, not β = ${beta}`)
    if (weights) return unsupported('the wasm kernels have no weights')
    if (!GRAM_RULES[rule]) return unsupported(`the wasm kernels have no rule ${rule}`)
    const { rows, columns } = X
    // how the columns' entries are spread makes no difference to the size
    const indptr = X.kind === 'csr' ? ([X.indptr, new Uint32Array(columns + 1)] as const) : undefined
    const { bytes } = gramLayout({ rows, columns, rank, dtype, indptr }, this.#pool.threads, 0)
    if (bytes <= 4 * GIB) return SUPPORTED
    return unsupported(`the fit takes ${(bytes / GIB).toFixed(1)} GiB, wasm memory has 4 GiB`)
  }

  async createFit(problem: Problem, spec: FitSpec): Promise<Fit> {
    const { X, squaredNorm, weights } = problem
    const support = this.supports(X, spec, weights)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
    const shared = this.#pool.isShared
    const { dtype } = spec
    await this.#pool.install(dtype)
    const source = await inSlices(sourceOf(X, dtype, shared))
    const W = await inSlices(packed(problem.W, dtype))
    const H = await inSlices(packed(problem.H, dtype))
    const flags = new Int32Array(allocate(4, shared))
    const fit = ++this.#fits
    const { threads } = this.#pool
    const transfer = [W.buffer, H.buffer, ...(shared ? [] : buffersOf(source))] as ArrayBuffer[]
    const { told } = await this.#pool.call(
      { kind: 'create', fit, spec, threads, squaredNorm, source, flags, W, H },
      transfer,
    )
    if (told) this.#pool.tellHelpers({ kind: 'attach', fit, told })
    return new WasmFit(this.#pool, fit, flags, told !== undefined)
  }

  supportsKernel(spec: KernelSpec, _dims: Dims, _dtype?: FitSpec['dtype']): Support {
    return KERNEL_NAMES.includes(spec.name) ? SUPPORTED : unsupported(`there is no wasm kernel ${spec.name}`)
  }

  async runKernel(spec: KernelSpec, { dims, buffers, dtype = 'f32' }: KernelCall): Promise<void> {
    const support = this.supportsKernel(spec, dims)
    if (!support.supported) throw new NonnegError('ERR_NONNEG_UNSUPPORTED', support.reason)
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close()
  }
}
