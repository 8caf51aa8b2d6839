import type { FloatArray } from '../../core/matrix.js'
import { updateExponent } from '../../kernels/beta.js'
import type { Batch, Factors } from '../backend.js'
import { batchProducts, moveRows } from './batch-products.js'
import { type BatchCalls, BatchRunner, type Kind, type Left } from './batch-runner.js'
import { onlineUpdate } from './beta-calls.js'
import { boundsOf, type Setting } from './family.js'
import { stays } from './holds.js'

/** Batches of `mu`, which leave numerators and denominators of H. */
export class Online extends BatchRunner {
  readonly #A: GPUBuffer
  readonly #B: GPUBuffer

  private constructor(setting: Setting, A: GPUBuffer, B: GPUBuffer) {
    super(setting)
    this.#A = A
    this.#B = B
  }

  static async create(setting: Setting): Promise<Online> {
    const bytes = setting.columns * setting.width * 4
    return new Online(setting, await setting.owned.storage(bytes), await setting.owned.storage(bytes))
  }

  /** A becomes H and B 1, before the first batch. */
  override async begin(): Promise<void> {
    if (this.hasBegun) return
    const { gpu, columns, width, Ht } = this.setting
    const bytes = columns * width * 4
    await gpu.scoped(() => {
      gpu.device.queue.writeBuffer(this.#B, 0, new Float32Array(columns * width).fill(1))
      const encoder = gpu.device.createCommandEncoder()
      encoder.copyBufferToBuffer(Ht[0], 0, this.#A, 0, bytes)
      gpu.device.queue.submit([encoder.finish()])
    }).done
    this.hasBegun = true
  }

  protected override kindOf({ first, count, keep = 1 }: Batch): Kind {
    return { first, count, keep }
  }

  protected override async calls(setting: Setting, { first, count, keep = 1 }: Kind): Promise<BatchCalls> {
    const { spec, data, width, columns, Ht } = setting
    const rows = { first, count }
    const products = await batchProducts(setting, rows)
    const { rounds = 1 } = spec
    const share = count / data.rows
    const { l1, l2, ...bounds } = boundsOf(spec).Ht
    const round = [...products.forW, moveRows(setting, rows, products.W)]
    const calls = [
      ...products.begin,
      ...Array.from({ length: rounds }, () => round).flat(),
      ...products.loss,
      ...products.forH,
      onlineUpdate({
        ...{ rows: columns, rank: width, gamma: updateExponent(spec.beta), keep },
        ...{ bounds: { ...bounds, l1: l1 * share, l2: l2 * share }, ...products.Ht },
        ...{ F: { buffer: Ht[0] }, A: { buffer: this.#A }, B: { buffer: this.#B }, ...stays(setting, 'Ht') },
      }),
    ]
    return { calls, measure: products }
  }

  override left(): readonly GPUBuffer[] {
    return this.hasBegun ? [this.#A, this.#B] : []
  }

  override named([A, B]: readonly FloatArray[]): Left {
    return { accumulated: { A, B } }
  }

  override async put(
    { accumulated }: Factors,
    upload: (H: FloatArray, into: GPUBuffer) => Promise<void>,
  ): Promise<void> {
    this.hasBegun = accumulated !== undefined
    if (!accumulated) return
    await upload(accumulated.A, this.#A)
    await upload(accumulated.B, this.#B)
  }
}
