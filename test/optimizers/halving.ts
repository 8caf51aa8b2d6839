import type { Observation, Scheduler, SchedulerState } from '../../ts/schedulers/scheduler.js'

/** Halves the rate after every second step, and writes down what it is told. */
export class Halving implements Scheduler {
  readonly observes: boolean = true
  readonly start: readonly number[]
  readonly seen: Observation[] = []
  #step = -1

  constructor(...start: readonly number[]) {
    this.start = start
  }

  next(observation: number | Observation = {}): number {
    const seen = typeof observation === 'number' ? { loss: observation } : observation
    this.seen.push(seen)
    this.#step = seen.step ?? this.#step + 1
    return this.learningRate
  }

  get learningRate(): number {
    return this.learningRates[0]
  }

  get learningRates(): readonly number[] {
    return this.start.map(rate => rate / 2 ** Math.floor(Math.max(0, this.#step) / 2))
  }

  state(): SchedulerState {
    return { step: this.#step }
  }

  restore({ step }: SchedulerState): void {
    this.#step = step as number
  }

  clone(): Halving {
    const other = new Halving(...this.start)
    other.restore(this.state())
    return other
  }
}
