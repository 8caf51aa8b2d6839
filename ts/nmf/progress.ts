import type { Factors, Problem } from '../backends/backend.js'
import { Checkpoint, type Progressed } from './checkpoint.js'
import type { LoopOptions } from './loop-options.js'
import type { HistoryEntry } from './options.js'
import type { PassState } from './passes.js'
import type { SolverName } from './solvers.js'

/** What must survive the loss of a device. */
export interface Progress {
  /** With the factors of the start. */
  readonly problem: Problem
  /** What stands in their place: read back on the way, from a checkpoint, or the best of several starts. */
  factors: Factors | undefined
  /** Where the schedulers were then. */
  passes: PassState | undefined
  /** Iterations behind those. */
  kept: number
  /** What callers see; `losses` and `violations` are the same in the scale of the fit. */
  history: HistoryEntry[]
  losses: number[]
  violations: number[]
  /** √(2·loss) of the start, for the tolerance. */
  initialError: number | undefined
  /** Seconds that former backends took for the iterations kept of them. */
  secondsBefore: number
}

export function checkpointOf(
  { losses, violations, history, initialError, problem }: Progress,
  options: LoopOptions,
  solver: SolverName,
  factors: Factors,
  passes: PassState | undefined,
): Checkpoint {
  const { rows, columns } = problem.X
  const progressed: Progressed = {
    losses: losses.slice(),
    violations: violations.slice(),
    seconds: history.map(({ seconds }) => seconds),
    rates: history.flatMap(({ learningRates }) => learningRates ?? []),
    passes,
    initialError,
  }
  const identity = options.identity(solver)
  return new Checkpoint({ ...progressed, solver, identity, factors, rows, columns, rank: options.rank })
}

/** Nothing done yet, or what a checkpoint holds. */
export function progressFrom(problem: Problem, resume: Checkpoint | undefined, options: LoopOptions): Progress {
  const none = { problem, kept: 0, factors: undefined, passes: undefined, history: [], losses: [], violations: [] }
  if (!resume) return { ...none, initialError: undefined, secondsBefore: 0 }
  const { factors, passes, losses, violations, rates, seconds, initialError } = resume.state
  const history = losses.map((loss, i) => ({
    iteration: i + 1,
    loss: loss * options.lossScale,
    ...(violations.length > 0 ? { violation: violations[i] * options.violationScale } : {}),
    ...(rates.length > 0 ? { learningRate: rates[i].H, learningRates: rates[i] } : {}),
    seconds: seconds[i],
  }))
  const copies = { losses: [...losses], violations: [...violations] }
  const kept = losses.length
  return { problem, kept, factors, passes, history, ...copies, initialError, secondsBefore: seconds.at(-1) ?? 0 }
}

/** Takes back the iterations since the last good factors: the next backend does them again. */
export function takeBack(progress: Progress): void {
  const { history, losses, violations, kept } = progress
  history.length = kept
  losses.length = kept
  violations.length = Math.min(violations.length, kept)
  progress.secondsBefore = history.at(-1)?.seconds ?? 0
}
