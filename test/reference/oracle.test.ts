import { describe, expect, it } from 'vitest'
import type { FitSpec, Rule } from '../../ts/backends/backend.js'
import { ReferenceFit } from '../../ts/backends/reference/fit.js'
import { halves, iterate, loss, type Rows, type State } from './oracle.js'
import { type Draw, distance, draw, NO_PENALTY, type WeightKind } from './problems.js'

const RULES: readonly Rule[] = ['mu', 'hals', 'pg']
const ITERATIONS = 3

const copy = (rows: Rows): Rows => rows.map(row => [...row])

/** Every way to store a matrix and to weigh its entries. For β ≤ 0 an entry that counts must be above zero. */
function draws(beta: number): Draw[] {
  const all: readonly (readonly [Draw['kind'], WeightKind])[] = [
    ['dense', 'none'],
    ['dense', 'dense'],
    ['dense', 'holdout'],
    ['dense', 'complement'],
    ['csr', 'none'],
    ['csr', 'dense'],
    ['csr', 'entries'],
    ['csr', 'holdout'],
    ['csr', 'complement'],
  ]
  const zeros = (weights: WeightKind) => (beta <= 0 && weights !== 'entries' ? 0 : 0.3)
  return all.map(([kind, weights]) => ({ rows: 13, columns: 9, rank: 4, kind, weights, zeros: zeros(weights) }))
}

const cases = [2, 1, 0, 0.5, 1.5, 3, -1].flatMap(beta =>
  RULES.flatMap(rule =>
    draws(beta).flatMap(sizes =>
      [false, true].map(penalised => {
        const { kind, weights } = sizes
        return [
          `${kind} ${weights}, β = ${beta}, ${rule}${penalised ? ', penalised' : ''}`,
          sizes,
          beta,
          rule,
          penalised,
        ] as const
      }),
    ),
  ),
)

describe('the reference fit', () => {
  it.for(cases)('is what the formulas say: %s', async ([, sizes, beta, rule, penalised]) => {
    const { problem, X, V, W, H } = draw(sizes)
    const state = { X, V, W: copy(W), H: copy(H) }
    const penalties = penalised
      ? { penaltyW: { l1: 0.3, l2: 0.2 }, penaltyH: { l1: 0.1, l2: 0.4 } }
      : { penaltyW: NO_PENALTY, penaltyH: NO_PENALTY }
    const choices = { beta, rule, step: 0.7, ...penalties }
    const spec: FitSpec = { ...choices, rank: sizes.rank, dtype: 'f64' }
    const fit = await ReferenceFit.create(problem, spec)
    const wanted = Array.from({ length: ITERATIONS }, () => iterate(state, choices))
    const report = await fit.run(ITERATIONS)
    const factors = await fit.factors()
    expect(distance(factors.W, state.W.flat())).toBeLessThan(1e-10)
    expect(distance(factors.H, state.H.flat())).toBeLessThan(1e-10)
    expect(
      distance(
        report.losses,
        wanted.map(step => step.loss),
      ),
    ).toBeLessThan(1e-10)
    expect(distance([await fit.evaluate()], [wanted[ITERATIONS - 1].loss])).toBeLessThan(1e-10)
    if (rule === 'mu') expect(report.violations).toHaveLength(0)
    else
      expect(
        distance(
          report.violations,
          wanted.map(step => step.violation),
        ),
      ).toBeLessThan(1e-9)
  })

  it.for([
    ['gram', 'dense', 'none', 2],
    ['entries', 'csr', 'none', 1],
    ['tile', 'dense', 'dense', 1.5],
  ] as const)('leaves H alone where it is fixed: %s', async ([, kind, weights, beta]) => {
    for (const rule of RULES) {
      const { problem, X, V, W, H } = draw({ rows: 11, columns: 8, rank: 3, kind, weights, zeros: 0.2 })
      const state = { X, V, W: copy(W), H: copy(H) }
      const fixed = 'H'
      const choices = { beta, rule, step: 1, penaltyW: NO_PENALTY, penaltyH: NO_PENALTY, fixed } as const
      const fit = await ReferenceFit.create(problem, { ...choices, rank: 3, dtype: 'f64' })
      const report = await fit.run(4)
      const wanted = Array.from({ length: 4 }, () => iterate(state, choices).loss)
      const factors = await fit.factors()
      expect(distance(factors.W, state.W.flat())).toBeLessThan(1e-10)
      expect([...factors.H]).toEqual(H.flat())
      expect(distance(report.losses, wanted)).toBeLessThan(1e-10)
    }
  })
})

describe('the oracle', () => {
  it.for([2, 1, 0, 0.5, 1.5, 3, -1])('has the gradient of its loss: β = %s', beta => {
    const { X, V, W, H } = draw({ rows: 6, columns: 7, rank: 3, kind: 'dense', weights: 'dense', zeros: 0 })
    const state: State = { X, V, W, H }
    const { up, down } = halves(state, beta)
    const nudge = 1e-6
    W.forEach((row, i) => {
      row.forEach((value, r) => {
        row[r] = value + nudge
        const above = loss(state, beta)
        row[r] = value - nudge
        const below = loss(state, beta)
        row[r] = value
        const slope = (above - below) / (2 * nudge)
        expect(Math.abs(slope - (up[i][r] - down[i][r]))).toBeLessThan(1e-6 * (up[i][r] + down[i][r]))
      })
    })
  })
})
