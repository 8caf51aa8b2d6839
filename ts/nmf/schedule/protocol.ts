import { onAbort } from '../../core/abort.js'
import { type Course, finalLoss, type Runner, type Trial } from './trial.js'

/** What every scheduler is given alike. */
export interface Budget {
  /** The rates that each scheduler is tried with, ascending. */
  readonly rates: readonly number[]
  /** Epochs of each of these runs. */
  readonly tuningEpochs: number
  /** Full runs, each from another seed. */
  readonly repeats: number
  readonly epochs: number
  /** Of the runs that tune; the full runs take the whole numbers after it, so that no rate is chosen on a start that it is judged by. */
  readonly seed: number
}

/** One rate that was tried. */
export interface TuningRun {
  readonly rate: number
  readonly course: Course
}

/** All that was seen of one contestant. */
export interface Contestant {
  readonly name: string
  /** Solvers beside the schedulers, which take no rate. */
  readonly isReference: boolean
  /** In the order of the rates; none of a reference. */
  readonly tuning: readonly TuningRun[]
  /** The rate that the full runs began with; undefined of a reference, and where the tuning did not get to its end. */
  readonly rate: number | undefined
  /** The full runs in the order of their seeds. */
  readonly runs: readonly Course[]
}

/** Why a comparison ended. */
export type Ending = 'done' | 'aborted' | 'time-budget'

export interface Contest {
  readonly contestants: readonly Contestant[]
  /** The seeds of the full runs that every contestant has done; the others are not among the runs. */
  readonly seeds: readonly number[]
  readonly ended: Ending
}

export interface Controls {
  readonly signal?: AbortSignal
  /** No run goes on after so many milliseconds from the call. */
  readonly timeBudgetMs?: number
  /** After each epoch of any run: epochs done, of how many. */
  readonly onEpoch?: (done: number, total: number) => void
}

/** Rates at even ratios from `least` to `most`; of one alone their geometric mean. */
export function rateGrid(count: number, least: number, most: number): readonly number[] {
  if (count === 1) return [Math.sqrt(least * most)]
  // rounding must not put the last above its bound
  return Array.from({ length: count }, (_, i) => Math.min(most, least * (most / least) ** (i / (count - 1))))
}

/** The rate whose run ended lowest; of several the smallest, and so where all diverged. */
export function bestRate(runs: readonly TuningRun[]): number {
  return runs.reduce((best, run) => (finalLoss(run.course) < finalLoss(best.course) ? run : best)).rate
}

/** Epochs of all runs together. */
export function totalEpochs(
  schedulers: number,
  references: number,
  { rates, tuningEpochs, repeats, epochs }: Pick<Budget, 'rates' | 'tuningEpochs' | 'repeats' | 'epochs'>,
): number {
  return schedulers * rates.length * tuningEpochs + (schedulers + references) * repeats * epochs
}

/** Timers of more milliseconds fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1

/** Counts epochs, and ends the run at hand when the caller or the clock says so. */
class Referee {
  readonly #run: Runner
  readonly #controls: Controls
  readonly #total: number
  readonly #ending: AbortController = new AbortController()
  #done = 0
  ended: Ending = 'done'

  constructor(run: Runner, controls: Controls, total: number) {
    this.#run = run
    this.#controls = controls
    this.#total = total
  }

  /** Does the runs in order, as far as there is time; `note` gets those that came to their end. */
  async all<T extends Trial>(trials: readonly T[], note: (trial: T, course: Course) => void): Promise<void> {
    for (const trial of trials) {
      if (this.#ending.signal.aborted) return
      const before = this.#done
      const course = await this.#run(trial, this.#ending.signal, () => this.#count())
      if (course.ended === 'cut') return
      note(trial, course)
      // one that diverged has had its share all the same
      while (this.#done < before + trial.epochs) this.#count()
    }
  }

  #count(): void {
    this.#done++
    this.#controls.onEpoch?.(this.#done, this.#total)
  }

  /** Looks after signal and clock while `work` goes on. */
  async watch(work: () => Promise<void>): Promise<void> {
    const { signal, timeBudgetMs } = this.#controls
    const end = (ended: Ending) => {
      if (this.#ending.signal.aborted) return
      this.ended = ended
      this.#ending.abort()
    }
    if (signal?.aborted) end('aborted')
    const forget = signal && onAbort(signal, () => end('aborted'))
    const timer =
      timeBudgetMs === undefined
        ? undefined
        : setTimeout(() => end('time-budget'), Math.min(timeBudgetMs, LONGEST_TIMER))
    try {
      await work()
    } finally {
      clearTimeout(timer)
      forget?.()
    }
  }
}

/**
 * Runs schedulers against each other under equal budgets. Each is first tried with every rate of the same list, on one seed
 * for a part of the epochs; then it runs in full with its best rate, from seeds that had no part in that choice, and so do
 * the references. Runs of one seed share their start, the order of the batches and the noise, so that they differ by the
 * scheduler alone. All contestants do one seed before any does the next: what an early end leaves is still even.
 */
export async function compete(
  schedulers: readonly string[],
  references: readonly string[],
  budget: Budget,
  run: Runner,
  controls: Controls,
): Promise<Contest> {
  const { rates, tuningEpochs, repeats, epochs, seed } = budget
  const names = [...schedulers, ...references]
  const total = totalEpochs(schedulers.length, references.length, budget)
  const referee = new Referee(run, controls, total)
  const tuning = new Map<string, TuningRun[]>(names.map(name => [name, []]))
  const found = new Map<string, number>()
  const runs = new Map<string, Course[]>(names.map(name => [name, []]))
  await referee.watch(async () => {
    const tries = rates.flatMap(rate =>
      schedulers.map(contestant => ({ contestant, rate, seed, epochs: tuningEpochs })),
    )
    await referee.all(tries, ({ contestant, rate }, course) => tuning.get(contestant)!.push({ rate, course }))
    for (const name of schedulers) {
      const tried = tuning.get(name)!
      if (tried.length === rates.length) found.set(name, bestRate(tried))
    }
    if (found.size < schedulers.length) return
    const rounds = Array.from({ length: repeats }, (_, i) => seed + 1 + i)
    const full = rounds.flatMap(seed =>
      names.map(contestant => ({ contestant, rate: found.get(contestant), seed, epochs })),
    )
    await referee.all(full, ({ contestant }, course) => runs.get(contestant)!.push(course))
  })
  const whole = Math.min(...names.map(name => runs.get(name)!.length))
  return {
    contestants: names.map((name, place) => ({
      name,
      isReference: place >= schedulers.length,
      tuning: tuning.get(name)!,
      rate: found.get(name),
      runs: runs.get(name)!.slice(0, whole),
    })),
    seeds: Array.from({ length: whole }, (_, i) => seed + 1 + i),
    ended: referee.ended,
  }
}
