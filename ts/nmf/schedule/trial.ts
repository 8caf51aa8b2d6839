/** One run of a comparison. */
export interface Trial {
  /** A scheduler, or a solver that takes no rate, by its name. */
  readonly contestant: string
  /** The learning rate to begin with; undefined for solvers that take none. */
  readonly rate: number | undefined
  /** Of the start, the order of the batches and the noise: runs of one seed have the same. */
  readonly seed: number
  readonly epochs: number
}

/** How a run went, as far as it came. */
export interface Course {
  /** Of all of X: before the first step, and after each epoch. Not finite from where a run diverged. */
  readonly losses: readonly number[]
  /** Seconds of training until each of these losses, without what it took to find the losses. */
  readonly seconds: readonly number[]
  /** The rates that the scheduler answered, at the steps 0, `every`, 2·`every` …; empty where there is none. */
  readonly rates: readonly number[]
  readonly every: number
  /** Batches that H moved on. */
  readonly steps: number
  /** Looks at a batch's loss: one a step, and those that a rule took beside them. */
  readonly forwards: number
  /** `cut`: the signal ended it before its last epoch. */
  readonly ended: 'done' | 'diverged' | 'cut'
}

/** Does one run. `epochDone` is told after each epoch. */
export type Runner = (trial: Trial, signal: AbortSignal, epochDone: () => void) => Promise<Course>

/** The loss that a run is judged by: that of its last epoch, and no loss beats one that is none. */
export function finalLoss({ losses, ended }: Course): number {
  const last = losses.at(-1) ?? Number.NaN
  return ended === 'diverged' || !Number.isFinite(last) ? Number.POSITIVE_INFINITY : last
}

/** The least loss on the way. */
export function bestLoss({ losses }: Course): number {
  return losses.reduce((least, loss) => (loss < least ? loss : least), Number.POSITIVE_INFINITY)
}
