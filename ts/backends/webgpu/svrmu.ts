import type { Batch } from '../backend.js'
import { gramOfBatch, halvesForH } from './batch-gram.js'
import { moveRows } from './batch-products.js'
import { type BatchCalls, BatchRunner, type Kind } from './batch-runner.js'
import type { Call } from './calls.js'
import { boundsOf, type Setting } from './family.js'
import { stays } from './holds.js'
import { addParts, square, xhtDense } from './product-calls.js'
import { type ProductsForH, productsOf } from './products.js'
import { svrmuUpdate } from './stochastic-calls.js'

/** The factors that batches are measured against, with their products over all rows. */
interface Snapshot {
  readonly W: GPUBuffer
  readonly Ht: GPUBuffer
  readonly products: ProductsForH
  /** Ht times the Gram matrix of W. */
  readonly Q: GPUBuffer
}

/** Batches of multiplicative updates with reduced variance (see `Fit.runBatches`). */
export class Svrmu extends BatchRunner {
  readonly #snapshot: Snapshot

  private constructor(setting: Setting, snapshot: Snapshot) {
    super(setting)
    this.#snapshot = snapshot
  }

  static async create(setting: Setting): Promise<Svrmu> {
    const { owned, data, room, width, columns } = setting
    // products with the Gram matrix read one part
    const readers = () => Number.POSITIVE_INFINITY
    const { forH } = await productsOf(owned, data, { rank: width, room, fixed: false, readers })
    return new Svrmu(setting, {
      W: await owned.storage(data.rows * width * 4),
      Ht: await owned.storage(columns * width * 4),
      products: forH!,
      Q: await owned.storage(columns * width * 4),
    })
  }

  protected override kindOf({ first, count, refresh = false }: Batch, isFirst: boolean): Kind {
    return { first, count, refresh: refresh || isFirst }
  }

  protected override async calls(setting: Setting, { first, count, refresh = false }: Kind): Promise<BatchCalls> {
    const { spec, data, width, columns, Ht } = setting
    const rows = { first, count }
    const { W: W0, Ht: Ht0, products: whole, Q } = this.#snapshot
    const { rounds = 1, ratio = 1 } = spec
    const products = await gramOfBatch(setting, rows)
    const kept = await halvesForH(setting, rows, { W: { buffer: W0 }, Ht: { buffer: Ht0 } })
    const round = [...products.forW, moveRows(setting, rows, products.W)]
    const calls = [
      ...(refresh ? this.#look() : []),
      ...products.begin,
      ...Array.from({ length: rounds }, () => round).flat(),
      ...products.loss,
      ...products.forH,
      ...kept.gram,
      ...kept.calls,
      svrmuUpdate({
        ...{ rows: columns, rank: width, count, total: data.rows, ratio, bounds: boundsOf(spec).Ht },
        ...{ N: products.Ht.N, M: kept.N, A: { operand: whole.A, parts: whole.A.parts } },
        ...{
          P: products.Ht.P.operand,
          R: kept.P.operand,
          Q: { buffer: Q },
          F: { buffer: Ht[0] },
          ...stays(setting, 'Ht'),
        },
      }),
    ]
    return { calls, measure: products }
  }

  /** A new snapshot. */
  #look(): Call[] {
    const { data, room, width, columns, W, Ht } = this.setting
    const { W: W0, Ht: Ht0, products, Q } = this.#snapshot
    const copy = (rows: number, from: GPUBuffer, into: GPUBuffer) =>
      addParts({ length: rows * width, parts: 1, N: { buffer: from }, into: { buffer: into } })
    return [
      copy(data.rows, W[0], W0),
      copy(columns, Ht[0], Ht0),
      ...products.calls(W0),
      xhtDense({ ...square(width, columns, room), X: { buffer: Ht0 }, Ht: products.S, N: { buffer: Q } }),
    ]
  }

  override async put(): Promise<void> {
    // the snapshot is of other factors
    this.hasBegun = false
  }
}
