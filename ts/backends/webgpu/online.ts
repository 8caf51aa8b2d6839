import { updateExponent } from '../../kernels/beta.js'
import type { Batch } from '../backend.js'
import { type BatchProducts, batchProducts, moveRows } from './batch-products.js'
import { onlineUpdate } from './beta-calls.js'
import { prepare, type Step } from './calls.js'
import { boundsOf, type Setting } from './family.js'
import { Owned, Reused } from './owned.js'

/** Batches that are kept ready for the next pass. */
const MOST_READY = 4096

/** The dispatches of one batch, and how its loss is told from a slot. */
export interface ReadyBatch {
  readonly steps: readonly Step[]
  readonly measure: Pick<BatchProducts, 'constant' | 'parts'>
}

/** What a fit by batches holds beside its factors: what former batches have left for H, and the dispatches of each. */
export class Online {
  readonly #setting: Setting
  /** Numerators and denominators of Hᵀ. */
  readonly A: GPUBuffer
  readonly B: GPUBuffer
  /** Whether a batch has run, or others' were put in. */
  hasBegun = false
  #ready: Map<string, ReadyBatch> = new Map()
  #prepared: Owned
  #scratch: Reused

  private constructor(setting: Setting, A: GPUBuffer, B: GPUBuffer) {
    this.#setting = setting
    this.A = A
    this.B = B
    this.#prepared = new Owned(setting.gpu)
    this.#scratch = new Reused(this.#prepared)
  }

  static async create(setting: Setting, owned: Owned): Promise<Online> {
    const bytes = setting.columns * setting.width * 4
    return new Online(setting, await owned.storage(bytes), await owned.storage(bytes))
  }

  /** A becomes H and B 1, before the first batch. */
  async begin(): Promise<void> {
    const { gpu, columns, width, Ht } = this.#setting
    const bytes = columns * width * 4
    await gpu.scoped(() => {
      gpu.device.queue.writeBuffer(this.B, 0, new Float32Array(columns * width).fill(1))
      const encoder = gpu.device.createCommandEncoder()
      encoder.copyBufferToBuffer(Ht[0], 0, this.A, 0, bytes)
      gpu.device.queue.submit([encoder.finish()])
    }).done
    this.hasBegun = true
  }

  /** Makes all batches ready, each kind of them once. */
  async prepare(batches: readonly Batch[]): Promise<readonly ReadyBatch[]> {
    if (this.#ready.size > MOST_READY) this.#forget()
    const all: ReadyBatch[] = []
    for (const batch of batches) {
      const { first, count, keep = 1 } = batch
      const key = [first, count, keep].join()
      let ready = this.#ready.get(key)
      if (!ready) {
        ready = await this.#make({ first, count }, keep)
        this.#ready.set(key, ready)
      }
      all.push(ready)
    }
    return all
  }

  async #make(rows: { first: number; count: number }, keep: number): Promise<ReadyBatch> {
    const { gpu, spec, data, width, columns, Ht } = this.#setting
    this.#scratch.again()
    const setting = { ...this.#setting, owned: this.#scratch }
    const products = await batchProducts(setting, rows)
    const { rounds = 1 } = spec
    const share = rows.count / data.rows
    const { l1, l2, ...bounds } = boundsOf(spec).Ht
    const round = [...products.forW, moveRows(setting, rows, products.W)]
    const { steps, uniforms } = await prepare(gpu, [
      ...products.begin,
      ...Array.from({ length: rounds }, () => round).flat(),
      ...products.loss,
      ...products.forH,
      onlineUpdate({
        ...{ rows: columns, rank: width, gamma: updateExponent(spec.beta), keep },
        ...{ bounds: { ...bounds, l1: l1 * share, l2: l2 * share }, ...products.Ht },
        ...{ F: { buffer: Ht[0] }, A: { buffer: this.A }, B: { buffer: this.B } },
      }),
    ])
    this.#prepared.keep(uniforms)
    return { steps, measure: products }
  }

  #forget(): void {
    this.#ready.clear()
    this.#prepared.destroy()
    this.#prepared = new Owned(this.#setting.gpu)
    this.#scratch = new Reused(this.#prepared)
  }

  destroy(): void {
    this.#ready.clear()
    this.#prepared.destroy()
  }
}
