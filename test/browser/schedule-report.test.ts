import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scheduleReport } from '../../ts/cli/report/schedule-report.js'
import { madeUp } from '../cli/made-up.js'
import { hasBrowser, withBrowser } from './rig.js'

const folder = mkdtempSync(path.join(os.tmpdir(), 'nonneg-report-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeAll(async () => {
  const environment = { date: 'today', node: '20', system: 'an os', processor: 'a processor' }
  writeFileSync(path.join(folder, 'report.html'), scheduleReport(await madeUp('X.npy'), environment))
})

/** What a reader meets, told by the page itself. */
function look() {
  const sizes = [...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect())
  const boxOf = (text: Element) => text.getBoundingClientRect()
  const isOutside = (text: SVGTextElement) => {
    const [own, svg] = [boxOf(text), boxOf(text.ownerSVGElement!)]
    return own.left < svg.left - 1 || own.right > svg.right + 1 || own.top < svg.top - 1 || own.bottom > svg.bottom + 1
  }
  return {
    overflow: document.documentElement.scrollWidth - innerWidth,
    charts: sizes.length,
    tiny: sizes.filter(({ width, height }) => width < 150 || height < 100).length,
    textOutside: [...document.querySelectorAll('text')].filter(isOutside).map(text => text.textContent),
    background: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
    line: getComputedStyle(document.querySelector('.overlay .s0 .line')!).stroke,
  }
}

describe.runIf(hasBrowser)('a report in Chromium', () => {
  it('shows every chart in light and dark, wide and narrow, and asks for nothing but itself', async () => {
    await withBrowser({ root: folder, isolated: false }, async ({ page, origin }) => {
      const asked: string[] = []
      const said: string[] = []
      page.on('request', request => asked.push(request.url()))
      page.on('console', message => said.push(message.text()))
      const seen: Record<string, ReturnType<typeof look>> = {}
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const width of [1280, 390]) {
          await page.emulateMedia({ colorScheme })
          await page.setViewportSize({ width, height: 900 })
          await page.goto(`${origin}/report.html`)
          const found = await page.evaluate(look)
          expect(found).toMatchObject({ overflow: 0, tiny: 0, textOutside: [] })
          seen[colorScheme] = found
        }
      }
      expect(new Set(asked.filter(url => !url.endsWith('/favicon.ico')))).toEqual(new Set([`${origin}/report.html`]))
      expect(said.filter(text => !text.includes('favicon'))).toEqual([])
      const { light, dark } = seen
      expect(light.charts).toBe(dark.charts)
      expect(light.background).not.toBe(dark.background)
      expect(light.ink).not.toBe(dark.ink)
      expect(light.line).not.toBe(dark.line)
      const display = () => page.evaluate(() => getComputedStyle(document.querySelector('.overlay g.s1')!).display)
      expect(await display()).not.toBe('none')
      await page.click('#show1')
      expect(await display()).toBe('none')
    })
  })
})
