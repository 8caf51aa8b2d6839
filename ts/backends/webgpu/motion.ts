import type { MomentumState } from '../backend.js'
import type { Call } from './calls.js'
import type { Gpu, Source } from './gpu.js'
import type { Owned } from './owned.js'
import { extrapolateBy, type LossParts, momentumOf, settleOf } from './rule-calls.js'

/** Floats of the `momentum` buffer: numbers, and from 64 on the sums of the loss of the last iteration that stood. */
const NUMBERS = 8
const LENGTH = 128
/** The numbers before anything has run: see shaders/momentum.wgsl. */
const START = [0, 0.5, 1, 0.5, 1, 0, 0, 0]

/** One buffer for each factor, Hᵀ as columns × rank. */
export interface Both {
  readonly W: GPUBuffer
  readonly Ht: GPUBuffer
}

/** Bytes of W, of Hᵀ and of a Gram matrix. */
export interface Sizes {
  readonly W: number
  readonly Ht: number
  readonly G: number
}

/** What a fit that extrapolates holds beside its factors. */
export class Motion {
  readonly numbers: GPUBuffer
  /** The factors as the last updates left them. */
  readonly before: Both
  /** What an iteration that does not stand goes back to. */
  readonly #kept: Both & { readonly G: GPUBuffer }
  /** Of what is kept. */
  readonly #sizes: Sizes

  private constructor(numbers: GPUBuffer, before: Both, kept: Both & { readonly G: GPUBuffer }, sizes: Sizes) {
    this.numbers = numbers
    this.before = before
    this.#kept = kept
    this.#sizes = sizes
  }

  static async create(owned: Owned, whole: Sizes, fixed: boolean): Promise<Motion> {
    const both = async ({ W, Ht }: Sizes) => ({ W: await owned.storage(W), Ht: await owned.storage(Ht) })
    // what does not move need not be kept
    const sizes = fixed ? { W: whole.W, Ht: 0, G: 0 } : whole
    const kept = { ...(await both(sizes)), G: await owned.storage(sizes.G) }
    return new Motion(await owned.storage(LENGTH * 4), await both(whole), kept, sizes)
  }

  /** Moves a factor on. */
  moveOn(factor: 'W' | 'Ht', F: GPUBuffer, most: number): Call {
    const [momentum, P] = [{ buffer: this.numbers }, { buffer: this.before[factor] }]
    return extrapolateBy({ length: this.#sizes[factor] / 4, most, momentum, F: { buffer: F }, P })
  }

  /** Takes over what the loss of the factors as they are is made of. */
  adopt(loss: LossParts, slot: GPUBufferBinding): Call {
    return momentumOf({ loss, adopt: true, momentum: { buffer: this.numbers }, slot })
  }

  /** Decides about an iteration by its loss, and goes back where it does not stand. */
  judge(now: Both & { readonly G: GPUBuffer }, loss: LossParts, slot: GPUBufferBinding): Call[] {
    const momentum = { buffer: this.numbers }
    const sides = (['W', 'Ht', 'G'] as const).map(name => {
      return { length: this.#sizes[name] / 4, now: { buffer: now[name] }, kept: { buffer: this.#kept[name] } }
    })
    const [W, Ht, G] = sides
    return [momentumOf({ loss, adopt: false, momentum, slot }), settleOf({ momentum, W, Ht, G })]
  }

  /** Keeps what is there before the first iteration. */
  keep(encoder: GPUCommandEncoder, now: Both & { readonly G: GPUBuffer }): void {
    for (const name of ['W', 'Ht', 'G'] as const) {
      const bytes = this.#sizes[name]
      if (bytes > 0) encoder.copyBufferToBuffer(now[name], 0, this.#kept[name], 0, bytes)
    }
  }

  /** Starts anew, or goes on with the numbers of `MomentumState`. */
  write(gpu: Gpu, numbers?: MomentumState['numbers']): void {
    const words = Float32Array.from(START)
    if (numbers) {
      const [weight, ceiling, former, , isPlain, done] = numbers
      words.set([isPlain ? 0 : weight, weight, ceiling, former, isPlain, done])
    }
    gpu.device.queue.writeBuffer(this.numbers, 0, words)
  }

  /** Where the numbers are read from. */
  get source(): Source {
    return { buffer: this.numbers, bytes: NUMBERS * 4 }
  }

  /** The numbers of `MomentumState` from what was read, with the loss of the last iteration that stood. */
  static numbersOf(bytes: ArrayBuffer, loss: number): MomentumState['numbers'] {
    const [, weight, ceiling, former, isPlain, done] = new Float32Array(bytes)
    return [weight, ceiling, former, loss, isPlain, done]
  }
}
