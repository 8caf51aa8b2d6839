import { between, checkObject, finite, oneOf, whole } from '../core/checks.js'
import { NUMBER } from './remembering.js'
import type { Observation } from './scheduler.js'
import { Watcher } from './watcher.js'

export interface PolyakOptions {
  /** Where the growth of 'smooth' begins. Default 1. */
  readonly learningRate?: number
  /** Larger is more careful. Default 0.5. */
  readonly c?: number
  /** What each batch's loss can at best become, f*. Default 0. */
  readonly lowestLoss?: number
  /** 'smooth' (default): no rate is above γ^(1/batchesPerEpoch) times the one before; 'constant': only `maxLr` bounds it. */
  readonly adapt?: 'smooth' | 'constant'
  /** γ: by how much the rate can grow in an epoch. Default 2. */
  readonly gamma?: number
  /** Default 500. */
  readonly batchesPerEpoch?: number
  /** Default Infinity. */
  readonly maxLr?: number
  /** Added to c·‖g‖². Default 1e-8. */
  readonly eps?: number
}

type PolyakMemory = {
  readonly step: number
  readonly rates: readonly number[]
  /** The last rate that was not 0. */
  readonly last: number
}

/** Below it a gradient counts as none. */
const NO_GRADIENT = 1e-8

/**
 * The stochastic Polyak step size, (f_B − f*)/(c·‖g_B‖²) with the loss and gradient of the batch at hand: Loizou, Vaswani,
 * Laradji & Lacoste-Julien, "Stochastic Polyak step-size for SGD" (AISTATS 2021), with the defaults of its authors' code. It
 * reads `batchLoss` and `squaredGradient`; without them the rate stays. A gradient below 1e-8 has rate 0, and so has a loss
 * that is at f* or below; ours is that 'smooth' then goes on from the rate before, where theirs would stay at 0.
 *
 * It is for losses that can become f* on every batch at once; elsewhere it goes on moving around the minimum. The rate comes
 * from the batch that it is used on: bounds for rates that are chosen before the batch is drawn do not hold for it.
 */
export class PolyakStepSize extends Watcher<PolyakOptions, PolyakMemory> {
  readonly #c: number
  readonly #lowestLoss: number
  readonly #growth: number
  readonly #maxLr: number
  readonly #eps: number

  /** @throws NonnegError ERR_NONNEG_OPTION */
  constructor(options: PolyakOptions = {}) {
    checkObject('options', options, 'an object')
    super(
      options,
      ['c', 'lowestLoss', 'adapt', 'gamma', 'batchesPerEpoch', 'maxLr', 'eps'],
      { last: options.learningRate ?? 1 },
      { last: NUMBER },
    )
    this.#c = between('c', options.c ?? 0.5, 0, Number.POSITIVE_INFINITY)
    this.#lowestLoss = finite('lowestLoss', options.lowestLoss ?? 0)
    const gamma = between('gamma', options.gamma ?? 2, 0, Number.POSITIVE_INFINITY)
    const batches = whole('batchesPerEpoch', options.batchesPerEpoch ?? 500, 1)
    const adapt = oneOf('adapt', options.adapt ?? 'smooth', ['smooth', 'constant'])
    this.#growth = adapt === 'smooth' ? gamma ** (1 / batches) : Number.POSITIVE_INFINITY
    const { maxLr = Number.POSITIVE_INFINITY } = options
    this.#maxLr = maxLr === Number.POSITIVE_INFINITY ? maxLr : finite('maxLr', maxLr)
    this.#eps = finite('eps', options.eps ?? 1e-8)
  }

  protected seen({ batchLoss, squaredGradient }: Observation): PolyakMemory {
    const { memory } = this
    if (batchLoss === undefined || squaredGradient === undefined) return memory
    const nothing = { ...memory, rates: [0] }
    if (Math.sqrt(squaredGradient) < NO_GRADIENT) return nothing
    const polyak = (batchLoss - this.#lowestLoss) / (this.#c * squaredGradient + this.#eps)
    // a loss that is not finite says nothing
    if (!Number.isFinite(polyak)) return memory
    if (polyak <= 0) return nothing
    const rate = Math.min(this.#growth * memory.last, polyak, this.#maxLr)
    return { ...memory, rates: [rate], last: rate }
  }
}
