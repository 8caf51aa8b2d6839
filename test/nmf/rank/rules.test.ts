import { describe, expect, it } from 'vitest'
import type { RankRow } from '../../../ts/nmf/rank/choice.js'
import { chooseByAgreement, chooseByError } from '../../../ts/nmf/rank/rules.js'
import { chooseRank } from '../../../ts/node.js'
import { plantedDense } from './planted.js'

function errors(...rows: readonly [rank: number, mean: number, spread: number][]): RankRow[] {
  return rows.map(([rank, mean, spread]) => ({ rank, mean, spread, values: [], converged: 0, training: 0 }))
}

function agreements(...rows: readonly [rank: number, dispersion: number, cophenetic: number][]): RankRow[] {
  return rows.map(([rank, dispersion, cophenetic]) => {
    return { rank, dispersion, cophenetic, mean: 0, spread: 0, values: [], converged: 0 }
  })
}

describe('by error', () => {
  const table = errors([2, 5, 0.1], [4, 3.2, 0.1], [6, 3, 0.3], [8, 3.1, 0.1])

  it('the smallest rank within one standard error of the least', () => {
    const { rank, why, choices } = chooseByError(table, 'one-standard-error')
    expect([rank, choices]).toEqual([4, { 'one-standard-error': 4, minimum: 6 }])
    expect(why).toBe(
      'the mean error of held-out entries is least at rank 6 (3), and rank 4 (3.2) is the smallest within one standard error of that (up to 3.3)',
    )
  })

  it('the least, by name', () => {
    const { rank, why, choices } = chooseByError(table, 'minimum')
    expect([rank, choices]).toEqual([6, { 'one-standard-error': 4, minimum: 6 }])
    expect(why).toContain('within one standard error of that (up to 3.3) so is rank 4 (3.2)')
  })

  it('says so where both are one', () => {
    const clear = errors([2, 5, 1], [4, 3, 0.1], [6, 3.05, 0.1])
    for (const rule of ['one-standard-error', 'minimum'] as const) {
      const { rank, why } = chooseByError(clear, rule)
      expect(rank).toBe(4)
      expect(why).toMatch(/no smaller rank is/)
    }
  })
})

describe('by agreement', () => {
  const table = agreements([2, 1, 1], [3, 0.8, 0.99], [4, 0.9995, 0.9998], [5, 0.98, 0.9999], [6, 0.9, 0.98])

  it('the largest rank of the greatest', () => {
    const { rank, why, choices } = chooseByAgreement(table, 'dispersion')
    expect([rank, choices]).toEqual([4, { dispersion: 4, cophenetic: 5 }])
    expect(why).toContain('it falls at larger ranks')
    expect(chooseByAgreement(table, 'cophenetic').rank).toBe(5)
  })

  it('says where no larger rank was tried', () => {
    expect(chooseByAgreement(table.slice(0, 3), 'dispersion').why).toContain('no larger rank was tried')
  })
})

interface Layer {
  readonly mark: { readonly type: string }
  readonly encoding: Readonly<Record<string, { readonly field: string; readonly type?: string }>>
  readonly data?: { readonly values: readonly object[] }
}

describe('what a choice shows', () => {
  const X = plantedDense({ rows: 30, columns: 20, rank: 3, seed: 1, grouped: true })

  it.each(['cross-validation', 'consensus'] as const)('a Vega-Lite chart: %s', async method => {
    const choice = await chooseRank(X, {
      ranks: [2, 3, 4],
      method,
      replicates: 3,
      backend: 'reference',
      maxIterations: 5,
    })
    const plot = choice.plot()
    expect(JSON.parse(JSON.stringify(plot))).toEqual(plot)
    expect(plot.$schema).toMatch(/^https:\/\/vega\.github\.io\/schema\/vega-lite\/v5/)
    const { values } = plot.data as { values: readonly Record<string, unknown>[] }
    // two curves of three ranks
    expect(values).toHaveLength(6)
    expect(new Set(values.map(({ rank }) => rank))).toEqual(new Set([2, 3, 4]))
    const layers = plot.layer as readonly Layer[]
    expect(layers.map(({ mark }) => mark.type)).toEqual(
      method === 'consensus' ? ['line', 'rule'] : ['line', 'errorbar', 'rule'],
    )
    for (const { encoding, data } of layers) {
      for (const { field } of Object.values(encoding)) {
        expect((data?.values ?? values).some(value => field in value)).toBe(true)
      }
    }
    expect(layers.at(-1)!.data!.values).toEqual([{ rank: choice.rank }])
    if (method === 'cross-validation') {
      for (const { rank, mean, spread } of choice.table) {
        const shown = values.find(value => value.rank === rank && value.entries === 'held out')
        expect(shown).toMatchObject({ error: mean, lower: mean - spread, upper: mean + spread })
      }
    }
  })

  it.each(['cross-validation', 'consensus'] as const)('words: %s', async method => {
    const options = { ranks: [2, 3], method, replicates: 3, backend: 'reference', maxIterations: 2 } as const
    const choice = await chooseRank(X, options)
    const lines = choice.explain().split('\n')
    expect(lines[0]).toBe(`rank ${choice.rank}: ${choice.why}`)
    expect(lines[1]).toContain(method)
    expect(lines[2]).toContain('6 fits')
    expect(lines[2]).toContain('on reference')
    expect(lines[3]).toMatch(/^rank 2: /)
    expect(lines[4]).toMatch(/^rank 3: /)
    expect(lines[5]).toBe('some fits of rank 2, 3 had not converged after maxIterations (2)')
    const done = await chooseRank(X, { ...options, maxIterations: 200, tolerance: 0.5 })
    expect(done.explain().split('\n')).toHaveLength(5)
  })
})
