import { expect, it } from 'vitest'
import { CASES } from '../../bench/objective/cases.js'
import { BY_AUTO, COLD, OWN_SOLVERS } from '../../bench/objective/entrants.js'
import { exactLoss } from '../../bench/objective/exact-loss.js'
import { objectiveLines, shareOf } from '../../bench/objective/goals.js'
import { objectivePage } from '../../bench/objective/page.js'
import { casePicture } from '../../bench/objective/plot.js'
import { type CaseResult, type ObjectiveResults, objectiveComplaints } from '../../bench/objective/schema.js'
import type { Row } from '../../bench/schema.js'
import { SOLVERS } from '../../ts/nmf/solvers.js'
import { measuredRow, resultsOf } from './results.js'

const problemOf = (place: number) => `objective:f32:case${place}`

function caseResult(place: number): CaseResult {
  const curve = (name: string) => ({ name, seconds: [0.01, 0.1, 1], losses: [12, 10, 9.5] })
  return {
    ...CASES[place],
    problem: problemOf(place),
    rows: 20,
    columns: 30,
    nonzeros: 600,
    sparse: false,
    objective: 10,
    reported: 10,
    curves: ['scikit-learn', 'nonneg auto', 'nonneg mu'].map(curve),
  }
}

function row(place: number, backend: string, variant: string, seconds: number): Row {
  const measured = { samples: [seconds], median: seconds, spread: 0, loss: 9.9 }
  const none = { unit: 'way', gflops: null, gbs: null, roofline: null } as const
  return measuredRow({ group: 'objective', problem: problemOf(place), backend, variant, ...none, ...measured })
}

/** Every case with `auto` at so large a share of scikit-learn's 10 seconds. */
function resultsWith(shares: readonly number[]): ObjectiveResults {
  const rows = shares.flatMap((share, place) => [
    row(place, 'nonneg', `native ahals ${BY_AUTO}`, 10 * share),
    row(place, 'scikit-learn', '1.2.1 cd f64', 11),
    row(place, 'scikit-learn', '1.2.1 cd f32', 10),
    row(place, 'nonneg', COLD, 20 * share),
  ])
  return { ...resultsOf({ rows }), cases: shares.map((_, place) => caseResult(place)) }
}

const statusesOf = (results: ObjectiveResults) => objectiveLines(results).map(({ status }) => status)

it('computes losses in float64 as their definitions say, dense and sparse', () => {
  const [rows, columns, rank] = [3, 4, 2]
  const data = Float32Array.of(0, 1, 2, 0, 3, 0, 0, 4, 0, 0, 5, 6)
  const W = Float64Array.of(1, 0.5, 2, 0.25, 0, 3)
  const H = Float64Array.of(1, 2, 0.5, 1, 0.25, 1, 3, 2)
  const csr = {
    indptr: Uint32Array.of(0, 2, 4, 6),
    indices: Uint32Array.of(1, 2, 0, 3, 2, 3),
    values: Float32Array.of(1, 2, 3, 4, 5, 6),
    rows,
    columns,
  }
  let [squares, divergence] = [0, 0]
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const wh = W[2 * i] * H[j] + W[2 * i + 1] * H[columns + j]
      const x = data[columns * i + j]
      squares += (x - wh) ** 2 / 2
      divergence += (x > 0 ? x * Math.log(x / wh) - x : 0) + wh
    }
  }
  for (const X of [{ data, rows, columns }, csr]) {
    expect(exactLoss(X, W, H, rank, 'frobenius')).toBeCloseTo(squares, 12)
    expect(exactLoss(X, W, H, rank, 'kullback-leibler')).toBeCloseTo(divergence, 12)
  }
})

it('takes every solver that the package has', () => {
  expect(OWN_SOLVERS).toEqual(['auto', ...Object.keys(SOLVERS)])
})

it('holds auto against the fastest of scikit-learn, and each goal against its bound', () => {
  const results = resultsWith([0.1, 0.15, 0.2, 0.5, 0.1, 0.05])
  expect(objectiveComplaints(results)).toEqual([])
  expect(shareOf(results, results.cases[0])).toBeCloseTo(0.1, 12)
  expect(statusesOf(results)).toEqual(['pass', 'pass', 'pass', 'pass'])
  expect(statusesOf(resultsWith([0.1, 0.15, 0.21, 0.5, 0.11, 0.05]))).toEqual(['short', 'pass', 'short', 'pass'])
  expect(statusesOf(resultsWith([0.1, 0.15, 0.2, 0.51, 0.1, 0.11]))).toEqual(['pass', 'short', 'pass', 'short'])
})

it('counts a solver that does not get there as never, and what was not measured as nothing', () => {
  const results = resultsWith([0.1, 0.1, 0.1, 0.1, 0.1, 0.1])
  const none = { status: 'failed', reason: 'not there', samples: [], median: null, spread: null, loss: null } as const
  const rows = results.rows.map((one, i) => (i === 0 ? { ...one, ...none } : one))
  expect(shareOf({ ...results, rows }, results.cases[0])).toBe(Number.POSITIVE_INFINITY)
  expect(statusesOf({ ...results, rows })).toEqual(['pass', 'short', 'pass', 'pass'])
  const few = { ...results, cases: results.cases.slice(1) }
  expect(statusesOf(few)).toEqual(['not measured', 'not measured', 'pass', 'pass'])
})

it('refuses results whose curves or objectives are no numbers', () => {
  const results = resultsWith([0.1])
  const [one] = results.cases
  const withCase = (over: Partial<CaseResult>) => objectiveComplaints({ ...results, cases: [{ ...one, ...over }] })
  expect(withCase({})).toEqual([])
  expect(withCase({ objective: Number.NaN })).toHaveLength(1)
  expect(withCase({ problem: 'another' })).toHaveLength(1)
  expect(withCase({ curves: [{ name: 'a', seconds: [2, 1], losses: [1, 1] }] })).toHaveLength(1)
  expect(withCase({ curves: [{ name: 'a', seconds: [1], losses: [] }] })).toHaveLength(1)
})

it('shows races, goals with their notes, and a picture a case', () => {
  const results = { ...resultsWith([0.1, 0.1, 0.3, 0.7]), lines: objectiveLines(resultsWith([0.1, 0.1, 0.3, 0.7])) }
  const notes = { 'a fifth': 'never shown: it was not measured short', 'never above': 'because' }
  const page = objectivePage(results, notes, 'bench/results/x.json')
  expect(page).toContain(
    '| [Digits](#digits-frobenius), 20 × 30, rank 10 | Frobenius | 10.00 s ± 0.0 µs | 1.00 s ± 0.0 µs | 2.00 s ± 0.0 µs | 0.10 | ≤ 0.2 | met |',
  )
  expect(page).toContain('| Frobenius: the largest share | ≤ 0.5 | 0.70 | short | because |')
  expect(page).toContain('](objective/digits-frobenius.svg)')
})

it('draws the same picture however many were drawn before, with a curve a solver and system', () => {
  const results = resultsWith([0.1])
  const picture = casePicture(results.cases[0], results)
  expect(casePicture(results.cases[0], results)).toBe(picture)
  for (const { name } of results.cases[0].curves) expect(picture).toContain(`>${name}</text>`)
  expect(picture).toContain('Digits: 20 × 30, rank 10, Frobenius')
  expect(picture).toContain('where scikit-learn stops after 10 s')
})
