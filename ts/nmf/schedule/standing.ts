import type { Contest, Contestant } from './protocol.js'
import { bestLoss, type Course, finalLoss } from './trial.js'

/** The middle of some values, and their ends. */
export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** What the full runs of one contestant say, from the lowest final loss to the highest. */
export interface Standing {
  readonly name: string
  readonly isReference: boolean
  /** The rate found; null of a reference. */
  readonly learningRate: number | null
  /** That rate is the smallest or the largest that was tried: a better one may lie beyond. */
  readonly isAtEnd: boolean
  /** Of the last epoch, over the seeds; ∞ of runs that diverged. */
  readonly finalLoss: Spread
  /** Of the best epoch. */
  readonly bestLoss: Spread
  /**
   * How far the final loss is above the least that a scheduler reached from the same seed, as a share of it: the median
   * over the seeds. Runs of one seed share all but the scheduler, so that this says more than the losses side by side.
   */
  readonly excess: number
  readonly diverged: number
  /** Of one run, the median over the seeds. */
  readonly epochs: number
  readonly steps: number
  readonly forwards: number
  readonly seconds: number
  /** Of all runs that tuned its rate. */
  readonly tuningSeconds: number
}

/** The median of an even number of values is the mean of the middle two. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const median = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2
  return { median, least: sorted[0], most: sorted[sorted.length - 1] }
}

const secondsOf = ({ seconds }: Course): number => seconds.at(-1) ?? 0

function standingOf({ name, isReference, tuning, rate, runs }: Contestant, least: readonly number[]): Standing {
  const median = (value: (course: Course) => number) => spreadOf(runs.map(value)).median
  const finals = runs.map(finalLoss)
  const rates = tuning.map(({ rate }) => rate)
  return {
    name,
    isReference,
    learningRate: rate ?? null,
    isAtEnd: rates.length > 1 && rate !== undefined && (rate === rates[0] || rate === rates.at(-1)),
    finalLoss: spreadOf(finals),
    bestLoss: spreadOf(runs.map(bestLoss)),
    // exact fits have no share of their loss, and what diverged is as far above them as can be
    excess: spreadOf(finals.map((loss, i) => (loss === least[i] ? 0 : loss / least[i] - 1))).median,
    diverged: runs.filter(({ ended }) => ended === 'diverged').length,
    epochs: median(({ losses }) => losses.length - 1),
    steps: median(({ steps }) => steps),
    forwards: median(({ forwards }) => forwards),
    seconds: median(secondsOf),
    tuningSeconds: tuning.reduce((sum, { course }) => sum + secondsOf(course), 0),
  }
}

/** The contestants from the lowest median of the final loss to the highest; empty where no round of full runs is whole. */
export function standings({ contestants, seeds }: Contest): readonly Standing[] {
  if (seeds.length === 0) return []
  const schedulers = contestants.filter(({ isReference }) => !isReference)
  const least = seeds.map((_, i) => Math.min(...schedulers.map(({ runs }) => finalLoss(runs[i]))))
  return contestants
    .map(contestant => standingOf(contestant, least))
    .sort((a, b) => compare(a.finalLoss.median, b.finalLoss.median))
}

/** Infinities are equal, where their difference is no number. */
function compare(a: number, b: number): number {
  return a === b ? 0 : a - b
}
