/** What a training loop has seen since it last asked. Every scheduler takes what it needs and leaves the rest. */
export interface Observation {
  /** What is to become small (or large, under `mode: 'max'`): the loss of a batch, of an epoch, a validation metric. */
  readonly loss?: number
  /** The step that the answer is for, counted from 0. Default: one more than the last that was answered for. */
  readonly step?: number
  /** The loss of the batch at hand, before its step, where a rule chooses the rate from the very batch that it steps on. */
  readonly batchLoss?: number
  /** ‖g‖², of the gradient that the rate will be used with, or of the last one where the rate is chosen before it is known. */
  readonly squaredGradient?: number
  /** ⟨g, u⟩ with u the direction of the step before, for all parameters or for each group: −∂loss/∂rate. */
  readonly alignment?: number | readonly number[]
  /** ‖u‖² of that direction, for all parameters or for each group. */
  readonly squaredDirection?: number | readonly number[]
}

/** All that a scheduler remembers, as JSON: numbers that JSON has no words for are strings ('Infinity', '-Infinity', 'NaN'). */
export type SchedulerState = Readonly<Record<string, unknown>>

/**
 * A learning rate over time. The loop asks `next` before each step, with what it has seen since it last asked, and takes the
 * step with the answer. All arithmetic is in float64 on the host, so that a trace is the same whatever backend computes.
 */
export interface Scheduler {
  /**
   * The rate of the step to come, of the first group where there are several. A number is short for `{ loss }`. The first
   * call answers for step 0 unless it names another.
   * @throws NonnegError ERR_NONNEG_OPTION where `step` is no whole number from 0
   */
  next(observation?: number | Observation): number
  /** What `next` answered last; before the first call, what holds at step 0. */
  readonly learningRate: number
  /** The same for every group. */
  readonly learningRates: readonly number[]
  /** False where the rate depends on the step alone, so that a loop may ask for many steps ahead. */
  readonly observes: boolean
  /** Of one that observes, what it looks at: a loop need not measure more. Absent: it may look at all. */
  readonly reads?: readonly (keyof Observation)[]
  state(): SchedulerState
  /**
   * Goes on where the scheduler that gave `state` was, as that one would have; made with the same options. What the state does
   * not hold stays as it is.
   * @throws NonnegError ERR_NONNEG_FORMAT where a value cannot be one of this scheduler's
   */
  restore(state: SchedulerState): void
  /** Another like it, at the same place. */
  clone(): Scheduler
}
