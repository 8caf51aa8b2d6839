import type { MomentumState } from '../backend.js'
import type { Call } from './calls.js'
import type { Gpu, Source } from './gpu.js'
import type { Holds } from './holds.js'
import type { Owned } from './owned.js'
import { extrapolateBy, type LossParts, momentumOf, settleOf } from './rule-calls.js'

/** Numbers at the front of their list, before the sums of the loss of the last iteration that stood. */
const NUMBERS = 8
/** The numbers before anything has run: see shaders/momentum.wgsl. */
const START = [0, 0.5, 1, 0.5, 1, 0, 0, 0]

/** One buffer for each factor, Hᵀ as columns × rank. */
export interface Both {
  readonly W: GPUBuffer
  readonly Ht: GPUBuffer
}

/** The factors, and what iterations leave of H for the next ones. */
export interface Now extends Both {
  readonly left: GPUBuffer
}

const PARTS = ['W', 'Ht', 'left'] as const
type Sizes = Record<(typeof PARTS)[number], number>

/** What a fit that extrapolates holds beside its factors. */
export class Motion {
  readonly #numbers: GPUBuffer
  /** The factors as the last updates left them. */
  readonly before: Both
  /** What an iteration that does not stand goes back to. */
  readonly #kept: Both
  #left: GPUBuffer | undefined
  /** Bytes of what is kept. */
  readonly #sizes: Sizes

  private constructor(numbers: GPUBuffer, before: Both, kept: Both, sizes: Sizes) {
    this.#numbers = numbers
    this.before = before
    this.#kept = kept
    this.#sizes = sizes
  }

  /**
   * @param holds the list that begins with its numbers. @param bytesW and bytesHt those of the factors. @param fixed whether
   * H does not move, and need not be kept
   */
  static async create(owned: Owned, holds: Holds, bytesW: number, bytesHt: number, fixed: boolean): Promise<Motion> {
    const both = async (W: number, Ht: number) => ({ W: await owned.storage(W), Ht: await owned.storage(Ht) })
    const sizes = { W: bytesW, Ht: fixed ? 0 : bytesHt, left: 0 }
    const kept = await both(sizes.W, sizes.Ht)
    return new Motion(holds.buffer, await both(bytesW, bytesHt), kept, sizes)
  }

  /** Makes room for what goes back with H. */
  async keepLeft(owned: Owned, bytes: number): Promise<void> {
    this.#sizes.left = bytes
    this.#left = await owned.storage(bytes)
  }

  #keptOf(name: (typeof PARTS)[number]): GPUBuffer {
    return name === 'left' ? this.#left! : this.#kept[name]
  }

  /** Moves some entries of a factor on, which begin where a binding may. */
  moveOn(factor: 'W' | 'Ht', F: GPUBuffer, most: number, entries: { first: number; length: number }): Call {
    const { first, length } = entries
    const part = { offset: first * 4, size: length * 4 }
    const momentum = { buffer: this.#numbers }
    return extrapolateBy({
      ...{ length, most, momentum },
      ...{ F: { ...part, buffer: F }, P: { ...part, buffer: this.before[factor] } },
    })
  }

  /** Takes over what the loss of the factors as they are is made of. */
  adopt(loss: LossParts, slot: GPUBufferBinding): Call {
    return momentumOf({ loss, adopt: true, momentum: { buffer: this.#numbers }, slot })
  }

  /** Decides about an iteration by its loss, and goes back where it does not stand. */
  judge(now: Now, loss: LossParts, slot: GPUBufferBinding): Call[] {
    const momentum = { buffer: this.#numbers }
    const sides = PARTS.map(name => {
      return { length: this.#sizes[name] / 4, now: { buffer: now[name] }, kept: { buffer: this.#keptOf(name) } }
    })
    const [W, Ht, G] = sides
    return [momentumOf({ loss, adopt: false, momentum, slot }), settleOf({ momentum, W, Ht, G })]
  }

  /** Keeps what is there before the first iteration. */
  keep(encoder: GPUCommandEncoder, now: Now): void {
    for (const name of PARTS) {
      const bytes = this.#sizes[name]
      if (bytes > 0) encoder.copyBufferToBuffer(now[name], 0, this.#keptOf(name), 0, bytes)
    }
  }

  /** Starts anew, or goes on with the numbers of `MomentumState`. */
  write(gpu: Gpu, numbers?: MomentumState['numbers']): Promise<void> {
    const words = Float32Array.from(START)
    if (numbers) {
      const [weight, ceiling, former, , isPlain, done] = numbers
      words.set([isPlain ? 0 : weight, weight, ceiling, former, isPlain, done])
    }
    return gpu.scoped(() => gpu.device.queue.writeBuffer(this.#numbers, 0, words)).done
  }

  /** Where the numbers are read from. */
  get source(): Source {
    return { buffer: this.#numbers, bytes: NUMBERS * 4 }
  }

  /** The numbers of `MomentumState` from what was read, with the loss of the last iteration that stood. */
  static numbersOf(bytes: ArrayBuffer, loss: number): MomentumState['numbers'] {
    const [, weight, ceiling, former, isPlain, done] = new Float32Array(bytes)
    return [weight, ceiling, former, loss, isPlain, done]
  }
}
