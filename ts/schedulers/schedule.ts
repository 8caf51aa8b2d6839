import { checkNames, checkObject, finite, refuse, whole } from '../core/checks.js'
import { type GroupRates, startRates } from './groups.js'
import { observed } from './observed.js'
import { COUNT, Remembering } from './remembering.js'
import type { Observation } from './scheduler.js'

export interface ScheduleOptions extends GroupRates {
  /** The rate at the top of the schedule. Default 1: the schedule is then a factor. */
  readonly learningRate?: number
  /** The same for every group of parameters: all follow the first one's course, in proportion. */
  readonly learningRates?: readonly number[]
  /** Steps in which the rate rises evenly from 0 at step 0; the schedule's own course begins after them. Default 0. */
  readonly warmupSteps?: number
}

export interface SpanOptions extends ScheduleOptions {
  /** When the schedule is over, warm-up included. From then on the rate stays. */
  readonly totalSteps: number
  /** The rate at the end. */
  readonly finalLearningRate?: number
}

/** A rate that depends on the step alone. */
export abstract class Schedule<Options extends ScheduleOptions = ScheduleOptions> extends Remembering<
  Options,
  { step: number }
> {
  readonly observes: boolean = false
  protected readonly top: number
  /** The rates of the groups in proportion to the first. */
  readonly #shares: readonly number[]
  protected readonly warmupSteps: number

  /** @param own the options of the subclass, beside those of every schedule */
  protected constructor(options: Options, own: readonly (keyof Options & string)[] = []) {
    checkObject('options', options, 'an object')
    checkNames(options, ['learningRate', 'learningRates', 'warmupSteps', ...own], 'option')
    super(options, { step: 0 }, { step: COUNT })
    const rates = startRates(options)
    this.top = rates[0]
    if (this.top === 0 && rates.length > 1) throw refuse('learningRates', rates[0], 'above 0 for the first group')
    this.#shares = rates.length === 1 ? [1] : rates.map(rate => rate / this.top)
    this.warmupSteps = whole('warmupSteps', options.warmupSteps ?? 0, 0)
  }

  /** The rate, `steps` after the warm-up. */
  protected abstract after(steps: number): number

  /** The rate at a share < 1 of the warm-up. */
  protected rising(share: number): number {
    return this.top * share
  }

  /** The rate of a step, counted from 0; nothing moves on. @throws NonnegError ERR_NONNEG_OPTION */
  at(step: number): number {
    whole('step', step, 0)
    return step < this.warmupSteps ? this.rising(step / this.warmupSteps) : this.after(step - this.warmupSteps)
  }

  next(observation?: number | Observation): number {
    const { step = this.memory.step } = observed(observation)
    this.memory = { step: step + 1 }
    return this.at(step)
  }

  get learningRate(): number {
    return this.at(Math.max(0, this.memory.step - 1))
  }

  get learningRates(): readonly number[] {
    const rate = this.learningRate
    return this.#shares.map(share => share * rate)
  }
}

/** Between two rates, exactly each of them at its end. */
export function mix(from: number, to: number, factor: number): number {
  return from * factor + to * (1 - factor)
}

/** A schedule with an end: from `learningRate` to `finalLearningRate` by a factor of the progress between them. */
export abstract class Span<Options extends SpanOptions = SpanOptions> extends Schedule<Options> {
  readonly #final: number
  readonly #steps: number

  /** @param finalLearningRate where the options name none */
  protected constructor(options: Options, own: readonly (keyof Options & string)[] = [], finalLearningRate = 0) {
    super(options, ['totalSteps', 'finalLearningRate', ...own])
    this.#steps = Math.max(1, whole('totalSteps', options.totalSteps, Math.max(1, this.warmupSteps)) - this.warmupSteps)
    this.#final = finite('finalLearningRate', options.finalLearningRate ?? finalLearningRate)
  }

  /** From 1 to 0 while the progress goes from 0 to 1. */
  protected abstract factor(progress: number): number

  protected after(steps: number): number {
    return mix(this.top, this.#final, this.factor(Math.min(1, steps / this.#steps)))
  }
}
