import type { FloatArray } from '../../core/matrix.js'
import type { Batch, Factors, SgdSpec } from '../backend.js'
import type { BatchStep } from '../stochastic-steps.js'
import { gramOfBatch } from './batch-gram.js'
import { type BatchCalls, BatchRunner, type Kind, type Left } from './batch-runner.js'
import type { Call } from './calls.js'
import { boundsOf, type Setting, SLOT } from './family.js'
import { SMALLEST_BUFFER } from './gpu.js'
import { stays } from './holds.js'
import { gramBuffer, gramCalls, gramDeal, type Summed } from './products.js'
import { sumTerms } from './rule-calls.js'
import { sumOf } from './slots.js'
import { BOUNDS, gramBoundOf, normPeaks, peaksOf, type Stride, sgdTerms, sgdUpdate } from './stochastic-calls.js'

/** What batches leave for each other, and room for what they look at. */
interface Held {
  /** The last gradient of Hᵀ. */
  readonly D: GPUBuffer
  /** See `BOUNDS`; those of all rows hold from one refresh to the next. */
  readonly bounds: GPUBuffer
  readonly iterates: GPUBuffer
  readonly peaks: GPUBuffer
  /** WᵀW of all rows. */
  readonly S: Summed
  /** Both sums of the step of H, of `products` entries each at most. */
  readonly terms: GPUBuffer
  readonly products: number
}

/** Partial sums of each sum over the gradient. */
function sumsOf({ dots }: Setting): number {
  return Math.min(dots.terms, SLOT.mostSums)
}

/**
 * Batches of projected stochastic gradient steps (see `Fit.runBatches`). The host says the rates in each batch's slot; bounds,
 * lengths of steps and the sums over the gradient are made on the device.
 */
export class Sgd extends BatchRunner {
  readonly #held: Held
  readonly #sgd: Required<SgdSpec>
  /** Whether a gradient came with the factors. */
  #isBrought = false

  private constructor(setting: Setting, held: Held) {
    super(setting)
    this.#held = held
    const { safety, noise = 0, seed = 0, limit = Number.POSITIVE_INFINITY } = setting.spec.sgd!
    this.#sgd = { safety, noise, seed, limit }
  }

  static async create(setting: Setting): Promise<Sgd> {
    const { owned, data, room, width, columns } = setting
    // a list begins where a binding may
    const products = Math.ceil(sgdTerms(columns, width) / (SMALLEST_BUFFER / 4)) * (SMALLEST_BUFFER / 4)
    return new Sgd(setting, {
      D: await owned.storage(columns * width * 4),
      bounds: await owned.storage(BOUNDS.length * 4),
      iterates: await owned.storage(2 * width * 4),
      peaks: await owned.storage(peaksOf(data.rows) * 4),
      // the bound reads one part
      S: await gramBuffer(owned, width, gramDeal(data.rows, width, room), Number.POSITIVE_INFINITY, room),
      terms: await owned.storage(2 * products * 4),
      products,
    })
  }

  protected override kindOf({ first, count, refresh = false }: Batch, isFirst: boolean): Kind {
    return { first, count, refresh: this.#sgd.safety > 0 && (refresh || isFirst) }
  }

  protected override async calls(setting: Setting, { first, count, refresh = false }: Kind): Promise<BatchCalls> {
    const { spec, width, data, W, Ht, slot } = setting
    const { D, bounds, terms, products: second } = this.#held
    const { noise: size, seed, limit } = this.#sgd
    const { rounds = 1 } = spec
    const products = await gramOfBatch(setting, { first, count })
    const { W: ofW, Ht: ofHt } = boundsOf(spec)
    const common = { rank: width, limit, found: { buffer: bounds }, slot }
    const noiseOf = (draw: number, row: number) => ({ size, seed, draws: rounds + 1, draw, row })
    const moveW = (round: number): Call[] => [
      ...products.forW,
      sgdUpdate({
        ...{ ...common, rows: count, firstRow: first, scale: 1, stride: this.#strideOfW(), bounds: ofW },
        ...{ noise: noiseOf(round, first), N: products.W.N, P: products.W.P.operand, F: { buffer: W[0] } },
        ...{ D: undefined, terms: undefined, rate: SLOT.told, taken: SLOT.taken, ...stays(setting, 'W', first) },
      }),
    ]
    // rows of padding behind the columns of X must stay zero, which noise would not leave them
    const rows = data.columns
    const termCount = sgdTerms(rows, width)
    const list = { buffer: terms }
    const sum = { length: termCount, groups: sumsOf(setting), low: SLOT.unread, into: slot }
    const size4 = second * 4
    const calls = [
      ...products.begin,
      ...this.#ownBound(products.G),
      ...Array.from({ length: rounds }, (_, round) => moveW(round)).flat(),
      ...products.loss,
      ...products.forH,
      ...(refresh ? this.#look() : []),
      ...this.#ownBound(products.S),
      sgdUpdate({
        ...{ ...common, rows, scale: data.rows / count, stride: this.#strideOfH(count), bounds: ofHt },
        ...{ noise: noiseOf(rounds, 0), N: products.Ht.N, P: products.Ht.P.operand, F: { buffer: Ht[0] } },
        ...{ D: { buffer: D }, terms: { operand: list, products: second } },
        ...{ rate: SLOT.told + 1, taken: SLOT.taken + 1, ...stays(setting, 'Ht') },
      }),
      sumTerms({ ...sum, first: SLOT.squares, terms: { ...list, offset: 0, size: size4 } }),
      sumTerms({ ...sum, first: SLOT.products, terms: { ...list, offset: size4, size: size4 } }),
    ]
    return { calls, measure: products }
  }

  #strideOfW(): Stride {
    return this.#sgd.safety > 0 ? { kind: 'own', own: 1 } : { kind: 'told' }
  }

  /** As `boundedStep` of ts/backends/stochastic-steps.ts. */
  #strideOfH(count: number): Stride {
    const { safety } = this.#sgd
    if (safety === 0) return { kind: 'told' }
    const total = this.setting.data.rows
    const kappa = total > 1 ? (total - count) / (count * (total - 1)) : 0
    return { kind: 'all', own: total / count, eigenvalue: 1 - kappa, peak: kappa * total, largest: 2 * safety }
  }

  /** The bound of the other factor's Gram matrix over what the batch sees. */
  #ownBound(G: GPUBuffer): Call[] {
    if (this.#sgd.safety === 0) return []
    const { bounds, iterates } = this.#held
    const own = { list: undefined, into: BOUNDS.own, bounds: { buffer: bounds }, iterates: { buffer: iterates } }
    return [gramBoundOf({ ...own, rank: this.setting.width, G: { buffer: G } })]
  }

  /** The bounds of all of W as it is. */
  #look(): Call[] {
    const { data, room, width, W } = this.setting
    const { S, peaks, bounds, iterates } = this.#held
    const { rows } = data
    const list = { operand: { buffer: peaks }, length: peaksOf(rows) }
    return [
      ...gramCalls({ F: W[0], rows, rank: width, deal: gramDeal(rows, width, room), into: S }),
      normPeaks({ rows, rank: width, F: { buffer: W[0] }, into: { buffer: peaks } }),
      gramBoundOf({
        ...{ rank: width, G: { buffer: S.buffer }, list, into: BOUNDS.all },
        ...{ bounds: { buffer: bounds }, iterates: { buffer: iterates } },
      }),
    ]
  }

  /** Lengths of steps or, under safety, twice the rates; and the draw. */
  override told({ rateW = 0, rateH = 0, draw = 0 }: Batch): Uint32Array<ArrayBuffer> {
    const { safety } = this.#sgd
    const rates = [rateW, rateH].map(rate => (safety > 0 ? 2 * Math.min(rate, safety) : rate))
    return Uint32Array.of(...new Uint32Array(Float32Array.from(rates).buffer), draw)
  }

  override stepOf(slot: Float32Array): BatchStep {
    const sums = sumsOf(this.setting)
    return {
      rateW: slot[SLOT.taken],
      rateH: slot[SLOT.taken + 1],
      squaredGradient: sumOf(slot, SLOT.squares, sums),
      alignment: sumOf(slot, SLOT.products, sums),
    }
  }

  override left(): readonly GPUBuffer[] {
    return this.hasBegun || this.#isBrought ? [this.#held.D] : []
  }

  override named([gradient]: readonly FloatArray[]): Left {
    return { gradient }
  }

  override async put({ gradient }: Factors, upload: (H: FloatArray, into: GPUBuffer) => Promise<void>): Promise<void> {
    // bounds of other factors hold no longer
    this.hasBegun = false
    this.#isBrought = gradient !== undefined
    const { gpu, width, columns } = this.setting
    const { D } = this.#held
    if (gradient) return await upload(gradient, D)
    await gpu.scoped(() => gpu.device.queue.writeBuffer(D, 0, new Float32Array(columns * width))).done
  }
}
