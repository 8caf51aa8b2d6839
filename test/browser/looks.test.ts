import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drawn, fitted, opened, points, SHOTS, shoot } from './example-page.js'
import { lookForFaults } from './look.js'
import { type Box, type Colour, contrastIn, cropped, differences, distanceBetween, lineIn, shrunk } from './picture.js'
import { decodePng, encodePng, type Picture } from './png.js'
import { hasBrowser, withBrowser } from './rig.js'

// How the pages look: against pictures of ours, and by what can be said of any page that looks right. All in the one family of
// fonts that comes with the browser, so that text is as long on every machine. Each way to look is shown pages that were
// broken on purpose as well, and has to see it.
// `NONNEG_WRITE_PICTURES=1` takes the pictures anew: look at them before they are kept.

const PICTURES = path.join(import.meta.dirname, 'pictures')
/**
 * Pictures are compared by the means of cells of so many pixels. The letters have the same outlines at the same places on
 * every machine; how their edges are smoothed may differ, which moves grey between neighbouring pixels and hardly changes
 * the means.
 */
const CELL = 8
/**
 * How far the mean of a cell may be off, of 255 levels. Edges that are smoothed in the colours of subpixels in place of grey,
 * the largest difference that a machine could make, are off by 14; a field that moves by one pixel is off by more than 16.
 */
const NOISE = 16

const WIDTHS = [360, 768, 1280]
const SCHEMES = ['light', 'dark'] as const
type Scheme = (typeof SCHEMES)[number]

async function show(page: Page, width: number, colorScheme: Scheme): Promise<void> {
  await page.setViewportSize({ width, height: 900 })
  await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
  // what follows the size or the colours is drawn in the next frame
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))
  await drawn(page)
}

async function cells(page: Page, name: string): Promise<Picture> {
  return shrunk(decodePng(await shoot(page, name)), CELL)
}

/** Keeps a picture, where that is asked for. */
function keep(taken: Picture, name: string): void {
  if (process.env.NONNEG_WRITE_PICTURES !== '1') return
  mkdirSync(PICTURES, { recursive: true })
  writeFileSync(path.join(PICTURES, `${name}.png`), encodePng(taken))
}

/** Which cells of a picture are off, by name of the picture that is kept. */
function offFrom(taken: Picture, name: string): string[] {
  const file = path.join(PICTURES, `${name}.png`)
  if (!existsSync(file)) return [`there is no picture ${file}`]
  const kept = decodePng(readFileSync(file))
  const sizes = [kept, taken].map(({ width, height }) => `${width} × ${height}`)
  if (sizes[0] !== sizes[1]) return [`${name}: ${sizes[1]} cells in place of ${sizes[0]}`]
  const apart = differences(taken, kept)
  const off = [...apart.keys()].filter(p => apart[p] > NOISE)
  if (off.length > 0) writeFileSync(path.join(SHOTS, `${name}-wanted.png`), encodePng(kept))
  return off.map(p => {
    const [x, y] = [(p % kept.width) * CELL, Math.floor(p / kept.width) * CELL]
    return `${name}: the cell at ${x}, ${y} is off by ${apart[p]}`
  })
}

/** Does something to a page and takes it back. */
async function broken<T>(page: Page, css: string, look: () => Promise<T>): Promise<T> {
  const style = await page.addStyleTag({ content: css })
  try {
    return await look()
  } finally {
    await style.evaluate(element => (element as HTMLElement).remove())
  }
}

/** Where elements are in a picture of the whole page. */
function boxesOf(page: Page, selector: string): Promise<Box[]> {
  return page.$$eval(selector, elements =>
    elements.map(element => {
      const { x, y, width, height } = element.getBoundingClientRect()
      return { x: x + scrollX, y: y + scrollY, width, height }
    }),
  )
}

async function colourOf(page: Page, property: string): Promise<Colour> {
  const hex = await page.evaluate(name => getComputedStyle(document.documentElement).getPropertyValue(name), property)
  const six = hex.trim().slice(1)
  return [0, 2, 4].map(at => Number.parseInt(six.slice(at, at + 2), 16)) as unknown as Colour
}

/** What is wrong with how the loss falls in a picture: in words, nothing where it falls as losses do. */
function faultsOfCurve(plot: Picture, colour: Colour): string[] {
  const line = lineIn(plot, colour, 40)
  const [first, last] = [line.findIndex(y => y !== undefined), line.findLastIndex(y => y !== undefined)]
  if (first < 0 || last - first < plot.width / 2) return ['the line does not go across']
  const heights = line.slice(first, last + 1)
  const faults: string[] = []
  if (heights.includes(undefined)) faults.push('the line has gaps')
  const seen = heights.filter(y => y !== undefined)
  if (seen[seen.length - 1] - seen[0] < plot.height / 2) faults.push('the line falls by less than half of the plot')
  // half the width of the stroke, where it is steep, and of the dot at its end
  const rise = seen.findIndex((y, i) => i > 0 && y < Math.max(...seen.slice(0, i)) - 2)
  if (rise > 0) faults.push(`the line rises at ${first + rise} px`)
  return faults
}

/** What is wrong with pictures of components: those that are blank, and those that are the same. */
function faultsOfComponents(components: readonly Picture[]): string[] {
  return components.flatMap((one, i) => {
    const blank = contrastIn(one) < 60 ? [`component ${i + 1} is blank`] : []
    const same = components.slice(0, i).flatMap((other, j) => {
      return distanceBetween(one, other) < 5 ? [`components ${j + 1} and ${i + 1} look the same`] : []
    })
    return [...blank, ...same]
  })
}

describe.runIf(hasBrowser)('how the pages look', { timeout: 120_000 }, () => {
  let root: string

  beforeAll(async () => {
    root = mkdtempSync(path.join(tmpdir(), 'nonneg-looks-'))
    const { bundleBench, bundleExample } = await import('../../scripts/serve-example.mjs')
    await bundleExample(root)
    await bundleBench(path.join(root, 'bench'))
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it('is that of the pictures, before a fit', async () => {
    await withBrowser({ root, isolated: true, ownFonts: 'grey' }, async ({ page, origin }) => {
      // the page tells how many cores there are
      await page.addInitScript(() => Object.defineProperty(navigator, 'hardwareConcurrency', { value: 2 }))
      await opened(page, origin)
      for (const [width, scheme] of [
        [1280, 'light'],
        [1280, 'dark'],
        [360, 'light'],
      ] as const) {
        await show(page, width, scheme)
        const name = `example-${width}-${scheme}`
        const taken = await cells(page, name)
        keep(taken, name)
        expect(offFrom(taken, name)).toEqual([])
      }
      await show(page, 1280, 'light')
      for (const css of [
        '#backends { visibility: hidden }',
        '.sample { border-radius: 0 }',
        ':root { --accent: #0079c0 }',
        'h2 { font-weight: 400 }',
        '.actions { margin-top: 1px }',
        '.preview canvas:first-child { opacity: 0 }',
        '.settings { gap: 21px }',
      ]) {
        const name = 'example-1280-light'
        const off = await broken(page, css, async () => offFrom(await cells(page, 'broken'), name))
        expect(off, css).not.toEqual([])
      }
    })
  })

  it('does not mind how letters are smoothed', async () => {
    await withBrowser({ root, isolated: true, ownFonts: 'subpixels' }, async ({ page, origin }) => {
      await page.addInitScript(() => Object.defineProperty(navigator, 'hardwareConcurrency', { value: 2 }))
      await opened(page, origin)
      await show(page, 1280, 'light')
      expect(offFrom(await cells(page, 'subpixels'), 'example-1280-light')).toEqual([])
    })
  })

  it('has nothing that overlaps, is cut off or is hard to read', async () => {
    await withBrowser({ root, isolated: true, ownFonts: 'grey' }, async ({ page, origin }) => {
      const seen: string[] = []
      const lookEverywhere = async (state: string) => {
        for (const width of WIDTHS) {
          for (const scheme of SCHEMES) {
            await show(page, width, scheme)
            const faults = await page.evaluate(lookForFaults)
            seen.push(...faults.map(fault => `${state}, ${width} px, ${scheme}: ${fault}`))
            if (faults.length > 0) await shoot(page, `${state}-${width}-${scheme}`)
          }
        }
      }
      await opened(page, origin)
      await lookEverywhere('before')
      await page.selectOption('#backend', 'wasm')
      await page.fill('#iterations', '12')
      await fitted(page)
      await lookEverywhere('pictures')
      await page.click('[data-sample="speeches"]')
      await page.waitForSelector('[data-sample="speeches"][aria-pressed="true"]')
      await fitted(page)
      await lookEverywhere('lists')
      const name = `${'a-file-whose-name-is-long-'.repeat(4)}.csv`
      await page.setInputFiles('#file', { name, mimeType: 'text/csv', buffer: Buffer.from('1,2\n3,four\n') })
      await page.waitForSelector('#error:not([hidden])')
      await lookEverywhere('error')
      await page.goto(`${origin}/bench/?scale=tiny`)
      await page.waitForSelector('body[data-ready]')
      await lookEverywhere('bench-before')
      await page.click('#run')
      await page.waitForSelector('body[data-done]', { timeout: 50_000 })
      await lookEverywhere('bench')
      expect(seen).toEqual([])
    })
  })

  it('would be seen to be wrong', async () => {
    await withBrowser({ root, isolated: true, ownFonts: 'grey' }, async ({ page, origin }) => {
      await opened(page, origin)
      await show(page, 768, 'light')
      for (const [css, fault] of [
        ['.results { min-width: 800px }', /px too wide/],
        ['.card { height: 60px }', /is out of its card/],
        ['.numbers { margin-top: -20px }', /overlap by/],
        ['.results { margin-top: -30px }', /overlap by/],
        ['.sample { width: 40px }', /is out of its button/],
        [':root { --soft: #8a8f96 }', /has the contrast 3\.\d/],
        [':root { --edge: #c5c9ce }', /the edge of .* has the contrast 1\.\d/],
      ] as const) {
        const faults = await broken(page, css, () => page.evaluate(lookForFaults))
        expect(faults.join('\n'), css).toMatch(fault)
      }
    })
  })

  it('shows a loss that falls and components that differ', async () => {
    await withBrowser({ root, isolated: true }, async ({ page, origin }) => {
      await opened(page, origin)
      await page.selectOption('#backend', 'wasm')
      await page.fill('#iterations', '40')
      await show(page, 1280, 'light')
      await fitted(page)
      await expect.poll(() => points(page), { timeout: 20_000 }).toBe(40)
      const look = async (name: string) => {
        const [[curve], boxes] = [await boxesOf(page, '#curve'), await boxesOf(page, '#components canvas')]
        const picture = decodePng(await shoot(page, name))
        return {
          curve: faultsOfCurve(cropped(picture, curve), await colourOf(page, '--accent')),
          components: faultsOfComponents(boxes.map(box => cropped(picture, box))),
          shown: boxes.length,
        }
      }
      for (const scheme of SCHEMES) {
        await show(page, 1280, scheme)
        expect(await look(`fitted-${scheme}`)).toEqual({ curve: [], components: [], shown: 16 })
      }
      const hidden = '#curve .line { display: none } #components canvas { opacity: 0 }'
      const without = await broken(page, hidden, () => look('broken'))
      expect(without.curve).toEqual(['the line does not go across'])
      expect(without.components).toContain('component 3 is blank')
      expect(without.components).toContain('components 1 and 2 look the same')
      const turned = await broken(page, '#curve svg { transform: scaleY(-1) }', () => look('broken'))
      expect(turned.curve).toContain('the line falls by less than half of the plot')
    })
  })
})
