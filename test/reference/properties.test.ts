import { describe, expect, it } from 'vitest'
import type { Factors, FitSpec, Penalty, Problem, Rule, SweepReport } from '../../ts/backends/backend.js'
import { ReferenceFit } from '../../ts/backends/reference/fit.js'
import { SMALLEST, SMALLEST_F64 } from '../../ts/kernels/mu_update.js'
import { type Draw, distance, draw, problemOf } from './problems.js'

const RULES: readonly Rule[] = ['mu', 'hals', 'pg']
const SIZES = { rows: 17, columns: 23, rank: 4, kind: 'dense', zeros: 0.25, weights: 'none' } as const

type Choices = Partial<FitSpec> & Pick<FitSpec, 'beta' | 'rule'>

async function run(
  problem: Problem,
  choices: Choices,
  iterations: number,
): Promise<{ report: SweepReport; factors: Factors }> {
  const fit = await ReferenceFit.create(problem, { rank: problem.W.columns, dtype: 'f64', ...choices })
  const report = await fit.run(iterations)
  return { report, factors: await fit.factors() }
}

function expectFalling(losses: ArrayLike<number>): void {
  for (let i = 1; i < losses.length; i++) expect(losses[i]).toBeLessThanOrEqual(losses[i - 1] * (1 + 1e-12))
  expect(losses[losses.length - 1]).toBeLessThan(0.99 * losses[0])
}

const total = (list: ArrayLike<number>) => Array.from(list).reduce((sum, value) => sum + value, 0)
const squares = (list: ArrayLike<number>) => Array.from(list).reduce((sum, value) => sum + value ** 2, 0)

describe('the loss never rises', () => {
  const ways = (zeros: number): readonly Draw[] => [
    { ...SIZES, zeros },
    { ...SIZES, zeros, weights: 'dense' },
    { ...SIZES, zeros, weights: 'holdout' },
    { ...SIZES, zeros: 0.5, kind: 'csr', weights: 'entries' },
    { ...SIZES, zeros, kind: 'csr' },
  ]

  it.for([0, 0.5, 1, 1.5, 2, 3])('by the multiplicative rule: β = %s', async beta => {
    for (const sizes of ways(beta <= 0 ? 0 : 0.25)) {
      const { report } = await run(draw(sizes).problem, { beta, rule: 'mu' }, 60)
      expectFalling(report.losses)
    }
  })

  it.for(['hals', 'pg'] as const)('by coordinate descent and projected gradient for β = 2: %s', async rule => {
    for (const sizes of ways(0.25)) {
      const { report } = await run(draw(sizes).problem, { beta: 2, rule }, 60)
      expectFalling(report.losses)
    }
  })

  it.for(RULES)('with penalties, which then belong to it: %s', async rule => {
    const penaltyW: Penalty = { l1: 0.2, l2: 0.1 }
    const penaltyH: Penalty = { l1: 0.05, l2: 0.3 }
    const { problem } = draw(SIZES)
    const cost = ({ l1, l2 }: Penalty, F: ArrayLike<number>) => l1 * total(F) + 0.5 * l2 * squares(F)
    const fit = await ReferenceFit.create(problem, { rank: 4, dtype: 'f64', beta: 2, rule, penaltyW, penaltyH })
    const objectives: number[] = []
    for (let n = 0; n < 30; n++) {
      const { losses } = await fit.run(1)
      const { W, H } = await fit.factors()
      objectives.push(losses[0] + cost(penaltyW, W) + cost(penaltyH, H))
    }
    expectFalling(objectives)
  })
})

describe('weights', () => {
  it.for(RULES)('of 0 make what X holds there irrelevant, to the last bit: %s', async rule => {
    for (const [kind, weights] of [
      ['dense', 'dense'],
      ['dense', 'holdout'],
      ['dense', 'complement'],
      ['csr', 'entries'],
      ['csr', 'holdout'],
    ] as const) {
      for (const beta of [2, 1, 1.5]) {
        const { problem, X, V, W, H } = draw({ ...SIZES, kind, weights })
        const other = X.map((row, i) => row.map((x, j) => (V[i][j] === 0 && x > 0 ? 1 + x : x)))
        expect(other).not.toEqual(X)
        const changed = problemOf(other, W, H, kind, weights, V)
        const [first, second] = await Promise.all([problem, changed].map(one => run(one, { beta, rule }, 5)))
        expect(second.factors).toEqual(first.factors)
        expect(second.report.losses).toEqual(first.report.losses)
      }
    }
  })

  it.for(['holdout', 'complement'] as const)('from a hash are those of its mask stored whole: %s', async weights => {
    for (const rule of RULES) {
      const { problem, X, V, W, H } = draw({ ...SIZES, weights })
      const stored = problemOf(X, W, H, 'dense', 'dense', V)
      const [hashed, dense] = await Promise.all([problem, stored].map(one => run(one, { beta: 1.5, rule }, 5)))
      expect(hashed.factors).toEqual(dense.factors)
      expect(hashed.report.losses).toEqual(dense.report.losses)
    }
  })

  it.for(RULES)('of listed entries are dense ones that are 0 elsewhere: %s', async rule => {
    for (const beta of [2, 1, 0.5]) {
      const { problem, X, V, W, H } = draw({ ...SIZES, kind: 'csr', zeros: 0.5, weights: 'entries' })
      const spread = problemOf(X, W, H, 'dense', 'dense', V)
      const [listed, dense] = await Promise.all([problem, spread].map(one => run(one, { beta, rule }, 5)))
      expect(distance(listed.factors.W, dense.factors.W)).toBeLessThan(1e-10)
      expect(distance(listed.factors.H, dense.factors.H)).toBeLessThan(1e-10)
      expect(distance(listed.report.losses, dense.report.losses)).toBeLessThan(1e-10)
    }
  })
})

it.for(RULES)('a sparse matrix is factorised as the dense one that it stands for: %s', async rule => {
  for (const beta of [2, 1, 1.5]) {
    const [dense, csr] = await Promise.all(
      (['dense', 'csr'] as const).map(kind => run(draw({ ...SIZES, zeros: 0.5, kind }).problem, { beta, rule }, 5)),
    )
    expect(distance(csr.factors.W, dense.factors.W)).toBeLessThan(1e-10)
    expect(distance(csr.factors.H, dense.factors.H)).toBeLessThan(1e-10)
    expect(distance(csr.report.losses, dense.report.losses)).toBeLessThan(1e-10)
  }
})

it.for(RULES)('penalties make the factors smaller, each its own: %s', async rule => {
  for (const beta of [2, 1]) {
    const { problem } = draw(SIZES)
    const free = await run(problem, { beta, rule }, 40)
    const sparse = await run(problem, { beta, rule, penaltyW: { l1: 2, l2: 0 } }, 40)
    const small = await run(problem, { beta, rule, penaltyH: { l1: 0, l2: 2 } }, 40)
    expect(total(sparse.factors.W)).toBeLessThan(0.9 * total(free.factors.W))
    expect(squares(small.factors.H)).toBeLessThan(0.9 * squares(free.factors.H))
  }
})

describe('violations', () => {
  it.for([
    ['β = 2', { ...SIZES }, 2],
    ['β = 2, weighted', { ...SIZES, weights: 'dense' }, 2],
    ['β = 1', { ...SIZES }, 1],
    ['β = 1, sparse', { ...SIZES, kind: 'csr' }, 1],
  ] as const)('vanish where coordinate descent has converged: %s', async ([, sizes, beta]) => {
    const { report } = await run(
      draw({ ...sizes, rows: 11, columns: 13, rank: 3 }).problem,
      { beta, rule: 'hals' },
      1500,
    )
    expect(report.violations[0]).toBeGreaterThan(1)
    expect(report.violations[1499]).toBeLessThan(1e-6 * report.violations[0])
  })
})

describe('a run', () => {
  it.for(RULES)('may be cut into several: %s', async rule => {
    for (const [kind, beta] of [
      ['dense', 2],
      ['csr', 1],
      ['dense', 0.5],
    ] as const) {
      const { problem } = draw({ ...SIZES, kind })
      const fit = await ReferenceFit.create(problem, { rank: 4, dtype: 'f64', beta, rule })
      const losses = [...(await fit.run(2)).losses, ...(await fit.run(3)).losses]
      const whole = await run(problem, { beta, rule }, 5)
      expect(losses).toEqual([...whole.report.losses])
      expect(await fit.factors()).toEqual(whole.factors)
      expect(distance([await fit.evaluate()], [losses[4]])).toBeLessThan(1e-13)
    }
  })

  it.for([
    ['gram', 'dense', 2],
    ['entries', 'csr', 1],
    ['tile', 'dense', 1.5],
  ] as const)('ends between two slices of an iteration when it is aborted: %s', async ([, kind, beta]) => {
    const { problem } = draw({ ...SIZES, rows: 300, columns: 200, rank: 16, kind })
    const fit = await ReferenceFit.create(problem, { rank: 16, dtype: 'f64', beta, rule: 'mu' })
    const before = await fit.evaluate()
    const report = await fit.run(1e9, { signal: AbortSignal.timeout(50) })
    expect(report.stopped).toBe('aborted')
    expect(report.losses).toHaveLength(report.iterations)
    const after = await fit.evaluate()
    expect(after).toBeLessThanOrEqual(report.losses.at(-1) ?? before)
    expect((await fit.run(1)).losses[0]).toBeLessThan(after)
  })

  it('starts no iteration after its deadline, but does one', async () => {
    const { problem } = draw(SIZES)
    const fit = await ReferenceFit.create(problem, { rank: 4, dtype: 'f64', beta: 2, rule: 'mu' })
    expect(await fit.run(5, { deadline: performance.now() - 1 })).toMatchObject({ iterations: 1, stopped: 'deadline' })
  })
})

it.for([
  ['f32', SMALLEST],
  ['f64', SMALLEST_F64],
] as const)(
  'multiplicative updates keep entries at the smallest of %s, the others let them go',
  async ([dtype, least]) => {
    for (const weights of ['none', 'dense'] as const) {
      const { problem, X, V } = draw({ ...SIZES, weights })
      // above all of X·Hᵀ, so that each update of W is by less than an eighth
      const penaltyW = { l1: 10 * total(X.flat()), l2: 0 }
      for (const rule of RULES) {
        const { W } = (await run(problem, { beta: 2, rule, dtype, fixed: 'H', penaltyW }, 200)).factors
        const empty = X.map((row, i) => row.every((x, j) => x * V[i][j] === 0))
        expect([...W]).toEqual(Array.from(W, (_, at) => (rule === 'mu' && !empty[Math.floor(at / 4)] ? least : 0)))
      }
    }
  },
)
