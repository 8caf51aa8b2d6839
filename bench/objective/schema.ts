import { type Results, resultsComplaints } from '../schema.js'
import { type Case, DATA_SETS } from './cases.js'

/** Loss against seconds, a point an iteration, thinned to what an eye can tell apart. */
export interface Curve {
  /** `nonneg` and the solver as it was asked for, or the system. */
  readonly name: string
  /** From the call on: what comes before the first iteration is in them. */
  readonly seconds: readonly number[]
  readonly losses: readonly number[]
}

/** What a case is about, and what it was measured against. */
export interface CaseResult extends Case {
  /** Of its rows. */
  readonly problem: string
  readonly rows: number
  readonly columns: number
  readonly nonzeros: number
  readonly sparse: boolean
  /** Where scikit-learn stopped: of its factors, in float64. */
  readonly objective: number
  /** What it says of them itself. */
  readonly reported: number
  readonly curves: readonly Curve[]
}

/** bench/results/objective-*.json */
export interface ObjectiveResults extends Results {
  readonly cases: readonly CaseResult[]
}

const isPositive = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value > 0

function curveComplaints({ name, seconds, losses }: Curve, place: string): string[] {
  if (!name || seconds.length === 0 || seconds.length !== losses.length) return [`${place} has no points`]
  const rises = seconds.every((value, i) => isPositive(value) && (i === 0 || value >= seconds[i - 1]))
  return rises && losses.every(isPositive) ? [] : [`${place} goes back in time, or holds what is no number above 0`]
}

/** What is wrong with an object that claims to be such results; empty where nothing is. */
export function objectiveComplaints(results: ObjectiveResults): string[] {
  const { cases, ...rest } = results
  if (!Array.isArray(cases)) return ['cases are missing']
  const problems = new Set(rest.rows?.map(row => row.problem))
  return [
    ...resultsComplaints(rest),
    ...cases.flatMap(({ data, problem, objective, reported, curves }, i) => [
      ...(DATA_SETS.includes(data) ? [] : [`cases[${i}].data is ${data}`]),
      ...(problems.has(problem) ? [] : [`cases[${i}].problem has no rows`]),
      ...(isPositive(objective) && isPositive(reported) ? [] : [`cases[${i}] has no objective`]),
      ...curves.flatMap((curve: Curve, j: number) => curveComplaints(curve, `cases[${i}].curves[${j}]`)),
    ]),
  ]
}
