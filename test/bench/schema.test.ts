import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { resultsComplaints } from '../../bench/schema.js'
import { absentRow, measuredRow, resultsOf } from './results.js'

it('has nothing to say of good results, also after a trip through JSON', () => {
  expect(resultsComplaints(JSON.parse(JSON.stringify(resultsOf())))).toEqual([])
})

it('names what is wrong', () => {
  const { environment } = resultsOf()
  const wrong = {
    'rows[0].median': resultsOf({ rows: [measuredRow({ median: Number.NaN })] }),
    'rows[0].samples': resultsOf({ rows: [measuredRow({ samples: [] })] }),
    'rows[0].status': resultsOf({ rows: [measuredRow({ status: 'fast' as 'measured' })] }),
    'rows[0].reason': resultsOf({ rows: [absentRow({ reason: null })] }),
    'rows[0].colour': resultsOf({ rows: [{ ...measuredRow(), colour: 'red' } as ReturnType<typeof measuredRow>] }),
    'environment.date': resultsOf({ environment: { ...environment, date: 'yesterday' } }),
    'lines[0].status': resultsOf({
      lines: [{ id: 'a', what: 'b', target: 'c', measured: 'd', status: 'good' as 'pass' }],
    }),
    'comparisons[0].ratio': resultsOf({
      comparisons: [{ problem: 'a', row: 'b', against: 'c', ratio: -1, differs: true }],
    }),
  }
  for (const [place, results] of Object.entries(wrong)) {
    const field = place.startsWith('rows[0].samples') ? 'rows[0].' : place
    expect(resultsComplaints(results), place).toEqual([expect.stringContaining(field)])
  }
})

it('refuses another schema', () => {
  expect(resultsComplaints({ ...resultsOf(), schema: 0 })).toEqual(['schema is 0, not 1'])
  expect(resultsComplaints(null)).toEqual(['there is no object'])
})

it('holds for every committed file of results', () => {
  const folder = 'bench/results'
  const files = existsSync(folder) ? readdirSync(folder).filter(name => name.endsWith('.json')) : []
  for (const file of files) {
    expect(resultsComplaints(JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'))), file).toEqual([])
  }
})
