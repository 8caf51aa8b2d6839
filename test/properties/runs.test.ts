import fc from 'fast-check'
import { expect, it } from 'vitest'
import { movingRuns, runsOf } from '../../ts/backends/runs.js'
import { holds } from './problems.js'

const lists = fc.uniqueArray(fc.nat(30)).map(list => Uint32Array.from(list).sort())

it('runs cover a panel once, in order, by turns of rows that move and rows that stay', async () => {
  await holds(fc.tuple(lists, fc.nat(30), fc.nat(12)), 400, async ([frozen, first, rows]) => {
    const runs = runsOf(frozen, first, rows)
    let at = first
    for (const [place, run] of runs.entries()) {
      expect(run.first).toBe(at)
      expect(run.rows).toBeGreaterThan(0)
      if (place > 0) expect(run.stays).toBe(!runs[place - 1].stays)
      for (const end = at + run.rows; at < end; at++) expect(frozen.includes(at)).toBe(run.stays)
    }
    expect(at).toBe(first + rows)
    expect(movingRuns(frozen, first, rows)).toEqual(runs.filter(({ stays }) => !stays))
  })
})

it('a panel without rows that stay is one run, an empty one too', () => {
  expect(runsOf(undefined, 5, 7)).toEqual([{ first: 5, rows: 7, stays: false }])
  expect(movingRuns(undefined, 5, 0)).toEqual([{ first: 5, rows: 0, stays: false }])
})
