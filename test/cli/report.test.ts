import { describe, expect, it } from 'vitest'
import { chart, escapeText } from '../../ts/cli/report/chart.js'
import { scheduleReport } from '../../ts/cli/report/schedule-report.js'
import { share, ticks } from '../../ts/cli/report/ticks.js'
import { SCHEDULER_NAMES } from '../../ts/schedulers/registry.js'
import { madeUp } from './made-up.js'

const labels = (kind: 'linear' | 'log', from: number, to: number, about: number) =>
  ticks({ kind, from, to }, about).map(({ label }) => label)

describe('ticks', () => {
  it('are round numbers within the ends, told apart by their digits', () => {
    expect(labels('linear', 0, 20, 5)).toEqual(['0', '5', '10', '15', '20'])
    expect(labels('linear', 0, 1.03, 4)).toEqual(['0', '0.5', '1'])
    expect(labels('linear', 0, 0.0009, 3)).toEqual(['0', '0.0005'])
    expect(labels('log', 374_200, 381_000, 4)).toEqual(['376K', '378K', '380K'])
    expect(labels('log', 0.9, 2000, 5)).toEqual(['1', '10', '100', '1,000'])
    expect(labels('log', 0.02, 0.95, 5)).toEqual(['0.02', '0.05', '0.1', '0.2', '0.5'])
    expect(labels('log', 2e-9, 3e-5, 3)).toEqual(['10⁻⁸', '10⁻⁶'])
  })

  it('lie where their value does', () => {
    expect(share({ kind: 'linear', from: 10, to: 20 }, 12.5)).toBe(0.25)
    expect(share({ kind: 'log', from: 1, to: 100 }, 10)).toBeCloseTo(0.5, 14)
  })
})

describe('a chart', () => {
  const axis = { kind: 'linear', from: 0, to: 10, title: '<b>' } as const
  const spec = { id: 'one', title: 'a & b', width: 300, height: 200, x: axis, y: axis }

  it('draws lines from the lower left to the upper right, and text as text', () => {
    const svg = chart({
      ...spec,
      lines: [
        {
          name: '"q"',
          className: 's0',
          dots: true,
          points: [
            [0, 0],
            [10, 10],
          ],
        },
      ],
    })
    expect(svg).toContain('d="M62,160L286,26"')
    expect(svg.match(/<circle /g)).toHaveLength(2)
    expect(svg).toContain('<title>a &amp; b</title>')
    expect(svg).toContain('&lt;b&gt;')
    expect(svg).toContain('&quot;q&quot;')
    expect(escapeText("<'&>")).toBe('&lt;&#39;&amp;&gt;')
  })

  it('holds numbers that a renderer can take, whatever the points are', () => {
    const svg = chart({
      ...spec,
      lines: [
        {
          name: 'x',
          className: 's0',
          points: [
            [0, 1e300],
            [1, -1e300],
          ],
        },
      ],
    })
    expect(svg).not.toMatch(/NaN|Infinity|e\+/)
    expect(chart({ ...spec, lines: [{ name: 'x', className: 's0', points: [] }] })).not.toContain('class="line"')
  })
})

describe('a report', () => {
  const environment = { date: 'today', node: '20.1.2', system: 'an os', processor: 'a <fast> one' }

  it('is one page of HTML with every scheduler, that asks nobody for anything', async () => {
    const html = scheduleReport(await madeUp('<script>.npy'), environment)
    expect(html).toMatch(/^<!doctype html>\n<html lang="en">/)
    for (const name of [...SCHEDULER_NAMES, 'mu', 'online']) expect(html).toContain(`</span>${name}</td>`)
    for (const name of SCHEDULER_NAMES) {
      expect(html).toContain(`id="losses-${name}-plot"`)
      expect(html).toContain(`id="rates-${name}-plot"`)
    }
    expect(html).not.toMatch(/<script|<link|<img|@import|url\((?!#)|https?:|NaN|undefined|Infinity/)
    expect(html).toContain('&lt;script&gt;.npy')
    for (const fact of [
      'today',
      'Node 20.1.2',
      'an os',
      'a &lt;fast&gt; one',
      'noise',
      'reference',
      '8 rows',
      '0 to tune, 1, 2 to compare',
    ])
      expect(html).toContain(fact)
    expect(html).toContain('diverged')
  })

  it('closes every element that it opens, and gives no id twice', async () => {
    const html = scheduleReport(await madeUp('X.npy'), environment)
    const open: string[] = []
    for (const [, close, name, , empty] of html.matchAll(/<(\/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^>"]|"[^"]*")*?)(\/?)>/g)) {
      if (close) expect(open.pop()).toBe(name)
      else if (!empty && !['meta', 'input'].includes(name)) open.push(name)
    }
    expect(open).toEqual([])
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
    expect(new Set(ids).size).toBe(ids.length)
  })

  it('says who ended lowest, and whether that was every time', async () => {
    const result = await madeUp('X.npy')
    const [first] = result.standings
    const html = scheduleReport(result, environment)
    expect(html).toContain(`<strong>${first.name}</strong> ended lowest`)
    expect(html).toMatch(/from every seed|call that a draw/)
    const cut = scheduleReport({ ...result, ended: 'time-budget' }, environment)
    expect(cut).toContain('out of time: 2 of 2 seeds')
  })
})
