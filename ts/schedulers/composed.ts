import { checkNames, checkObject, refuse } from '../core/checks.js'
import { observed } from './observed.js'
import { checkState, unreadable } from './remembering.js'
import type { Observation, Scheduler, SchedulerState } from './scheduler.js'

/** A rate that others make together. */
export abstract class Composed<Options extends { readonly schedulers: readonly Scheduler[] }> implements Scheduler {
  protected parts: readonly Scheduler[]
  /** Of the step to come. */
  protected step = 0
  readonly #options: Options

  /** @param options whose schedulers are copied: what happens to them later changes nothing here */
  protected constructor(options: Options, own: readonly (keyof Options & string)[]) {
    checkObject('options', options, 'an object')
    checkNames(options, ['schedulers', ...own], 'option')
    const { schedulers } = options
    if (!Array.isArray(schedulers) || schedulers.length === 0 || !schedulers.every(isScheduler)) {
      throw refuse('schedulers', schedulers, 'a list of schedulers')
    }
    this.parts = schedulers.map(scheduler => scheduler.clone())
    this.#options = { ...options, schedulers: this.parts }
  }

  abstract readonly learningRates: readonly number[]
  /** Asks those that have a say. */
  protected abstract ask(observation: Observation, step: number): void

  get observes(): boolean {
    return this.parts.some(part => part.observes)
  }

  get reads(): readonly (keyof Observation)[] | undefined {
    const observing = this.parts.filter(part => part.observes).map(({ reads }) => reads)
    return observing.includes(undefined) ? undefined : [...new Set(observing.flatMap(reads => reads!))]
  }

  get learningRate(): number {
    return this.learningRates[0]
  }

  next(observation?: number | Observation): number {
    const given = observed(observation)
    const { step = this.step } = given
    this.ask(given, step)
    this.step = step + 1
    return this.learningRate
  }

  state(): SchedulerState {
    return { step: this.step, schedulers: this.parts.map(part => part.state()) }
  }

  restore(state: SchedulerState): void {
    checkState(state)
    const { step = this.step, schedulers } = state as { step?: number; schedulers?: readonly SchedulerState[] }
    if (!Number.isInteger(step) || step < 0) throw unreadable('step', step, 'a whole number ≥ 0')
    if (schedulers !== undefined) {
      const { length } = this.parts
      if (!Array.isArray(schedulers) || schedulers.length !== length) {
        throw unreadable('schedulers', schedulers, `a list of ${length} states`)
      }
      // all are read before any of them counts
      const restored = this.parts.map(part => part.clone())
      for (const [i, part] of restored.entries()) part.restore(schedulers[i])
      this.parts = restored
    }
    this.step = step
  }

  clone(): this {
    const copy = new (this.constructor as new (options: Options) => this)(this.#options)
    copy.restore(this.state())
    return copy
  }
}

/** Whether it can stand where a scheduler is wanted. */
export function isScheduler(value: unknown): value is Scheduler {
  if (typeof value !== 'object' || value === null) return false
  const { next, clone, state, restore } = value as Partial<Scheduler>
  return [next, clone, state, restore].every(method => typeof method === 'function')
}
