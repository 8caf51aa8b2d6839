import type { Observation, Scheduler, SchedulerState } from '../../schedulers/scheduler.js'

/** A scheduler that answers as another does and writes its answers down; clones write to the same list. */
export class Recorder implements Scheduler {
  readonly #own: Scheduler
  readonly answers: number[]

  constructor(own: Scheduler, answers: number[] = []) {
    this.#own = own
    this.answers = answers
  }

  next(observation?: number | Observation): number {
    const rate = this.#own.next(observation)
    this.answers.push(rate)
    return rate
  }

  get learningRate(): number {
    return this.#own.learningRate
  }

  get learningRates(): readonly number[] {
    return this.#own.learningRates
  }

  get observes(): boolean {
    return this.#own.observes
  }

  get reads(): readonly (keyof Observation)[] | undefined {
    return this.#own.reads
  }

  state(): SchedulerState {
    return this.#own.state()
  }

  restore(state: SchedulerState): void {
    this.#own.restore(state)
  }

  clone(): Scheduler {
    return new Recorder(this.#own.clone(), this.answers)
  }
}
