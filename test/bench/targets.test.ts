import { expect, it } from 'vitest'
import { linesOf, TARGETS } from '../../bench/targets.js'
import { measuredRow } from './results.js'

const statusOf = (id: string, results: Parameters<typeof linesOf>[0]) => linesOf(results).find(line => line.id === id)!

it('has one line for every goal, and says so where nothing was measured', () => {
  const lines = linesOf({ rows: [], comparisons: [] })
  expect(lines.map(line => line.id)).toEqual(TARGETS.map(target => target.id))
  expect(new Set(lines.map(line => line.id)).size).toBe(lines.length)
  expect(lines.every(line => line.status === 'not measured')).toBe(true)
})

it('holds a share against its bound', () => {
  const roof = { roof: 'fma', unit: 'GFLOP/s' as const, value: 100 }
  const withShare = (share: number) => ({ rows: [measuredRow({ roofline: { ...roof, share } })], comparisons: [] })
  const id = 'native mu:f32:2000x16x1000'
  expect(statusOf(id, withShare(0.8))).toMatchObject({ status: 'pass', measured: '80 % of FMA peak' })
  expect(statusOf(id, withShare(0.79))).toMatchObject({ status: 'short', target: '≥ 80 % of FMA peak' })
})

it('judges by the strongest of the same peer, on that problem alone', () => {
  const comparison = (against: string, ratio: number, problem = 'mu:f32:2000x32x1000') => {
    return { problem, row: 'wasm plain ×1', against, ratio, differs: true }
  }
  const comparisons = [
    comparison('js-tile 4x4 f64 sums ×1', 9),
    comparison('js-tile 4x2 fround ×1', 20),
    comparison('js-tile 4x4 f64 sums ×1', 2, 'another'),
    comparison('wasm plain ×2', 0.5),
  ]
  expect(statusOf('wasm js-tile', { rows: [], comparisons })).toMatchObject({ status: 'pass', measured: '9.00×' })
  expect(statusOf('wasm threads', { rows: [], comparisons })).toMatchObject({ status: 'pass', measured: '2.00×' })
})

it('holds a time against its upper bound', () => {
  const row = { group: 'start', problem: 'import', backend: 'package', threads: 1, roofline: null }
  const taking = (median: number) => ({ rows: [measuredRow({ ...row, median })], comparisons: [] })
  expect(statusOf('import', taking(0.0399)).status).toBe('pass')
  expect(statusOf('import', taking(0.04)).status).toBe('short')
})
