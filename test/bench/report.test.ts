import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { otherMachines } from '../../bench/machines.js'
import { duration, performancePage, verdict } from '../../bench/report.js'
import type { Results } from '../../bench/schema.js'
import { resultsOf } from './results.js'

const page = readFileSync('docs/performance.md', 'utf8')
const notes = JSON.parse(readFileSync('bench/notes.json', 'utf8'))
const source = () => /from \[(bench\/results\/[^\]]+)\]/.exec(page)![1]

it('gives times in a unit that fits', () => {
  expect(duration(0.0000123)).toBe('12.3 µs')
  expect(duration(0.0123)).toBe('12.30 ms')
  expect(duration(0.123)).toBe('123.0 ms')
  expect(duration(12.345)).toBe('12.35 s')
})

it('names the faster row, or neither', () => {
  const comparison = { problem: 'p', row: 'a', against: 'b', ratio: 2, differs: true }
  expect(verdict(comparison)).toBe('a is 2.00 times as fast as b')
  expect(verdict({ ...comparison, ratio: 0.5 })).toBe('b is 2.00 times as fast as a')
  expect(verdict({ ...comparison, differs: false })).toBe('a and b do not differ by more than chance')
})

it('shows goals with their notes, measured rows and those that are absent', () => {
  const lines = [{ id: 'one', what: 'a goal', target: '≥ 2×', measured: '1.5×', status: 'short' as const }]
  const page = performancePage(resultsOf({ lines }), { one: 'because' }, 'bench/results/x.json')
  expect(page).toContain('| a goal | ≥ 2× | 1.5× | short | because |')
  expect(page).toContain('| native | avx2 | 2 | 1.10 ms ± 100.0 µs | 120.0 | 8.0 | 80 % of 150.0 GFLOP/s |')
  expect(page).toContain('| scikit-learn | avx2 | 2 | absent: no Python |')
})

it('gives a reason for each goal that is missed, and none for the others', () => {
  const line = { id: 'one', what: 'a goal', target: '≥ 2×', measured: '3×', status: 'pass' as const }
  expect(performancePage(resultsOf({ lines: [line] }), { one: 'because' }, 'x.json')).not.toContain('because')
  const results: Results = JSON.parse(readFileSync(source(), 'utf8'))
  const missed = results.lines.filter(({ status }) => status === 'short').map(({ id }) => id)
  expect(missed.filter(id => !notes[id])).toEqual([])
})

it('tells what the goals came to on other machines, without their reasons', () => {
  const line = { id: 'one', what: 'a goal', target: '≥ 2×', measured: '1.5×', status: 'short' as const }
  const results = resultsOf({ lines: [line] })
  const other = { source: 'bench/results/other-2-cores.json', results }
  const text = performancePage(results, { one: 'because' }, 'bench/results/x.json', [other])
  expect(text).toContain('### [bench/results/other-2-cores.json](../bench/results/other-2-cores.json)')
  expect(text.split('## Goals on other machines')[1]).toContain('| a goal | ≥ 2× | 1.5× | short |')
  expect(text.match(/because/g)).toHaveLength(1)
  expect(performancePage(results, {}, 'bench/results/x.json')).not.toContain('other machines')
})

it('docs/performance.md is what its results and notes make', () => {
  const results: Results = JSON.parse(readFileSync(source(), 'utf8'))
  expect(page).toBe(performancePage(results, notes, source(), otherMachines(source())))
  expect(results.lines.filter(({ status }) => status === 'not measured')).toEqual([])
})
