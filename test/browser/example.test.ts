import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseNpy } from '../../ts/data/index.js'
import { hasBrowser, withBrowser } from './rig.js'

const SHOTS = path.join('build', 'example-shots')

/** Opens the example and waits for its first sample; what no handler in the page catches fails the test. */
async function opened(page: Page, origin: string): Promise<{ faults: string[] }> {
  const faults: string[] = []
  page.on('pageerror', error => faults.push(error.stack ?? error.message))
  await page.goto(`${origin}/`)
  await page.waitForSelector('body[data-ready]')
  return { faults }
}

/** Presses the button and waits until the fit has ended. */
async function fitted(page: Page): Promise<void> {
  await page.click('#fit')
  await ended(page)
}

async function ended(page: Page): Promise<void> {
  await page.waitForFunction(() => !(document.getElementById('fit') as HTMLButtonElement).disabled)
}

/** How many values each component's picture has: 1 is blank. */
function shades(page: Page): Promise<number[]> {
  return page.$$eval('#components canvas', canvases =>
    canvases.map(canvas => {
      const { width, height } = canvas as HTMLCanvasElement
      const { data } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height)
      return new Set(new Uint32Array(data.buffer)).size
    }),
  )
}

/** Points of the line of losses. */
async function points(page: Page): Promise<number> {
  const line = await page.getAttribute('#curve .line', 'd')
  return (line ?? '').split('L').length
}

async function saved(page: Page, id: string): Promise<{ name: string; file: Awaited<ReturnType<typeof parseNpy>> }> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(`#${id}`)])
  return { name: download.suggestedFilename(), file: await parseNpy(readFileSync(await download.path())) }
}

async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(SHOTS, { recursive: true })
  await page.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: true })
}

describe.runIf(hasBrowser)('the example page', () => {
  let root: string

  beforeAll(async () => {
    root = mkdtempSync(path.join(tmpdir(), 'nonneg-example-'))
    const { bundleExample } = await import('../../scripts/serve-example.mjs')
    await bundleExample(root)
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it('fits the digits, shows how, and hands out the factors', async () => {
    await withBrowser({ root, isolated: true }, async ({ page, origin }) => {
      const { faults } = await opened(page, origin)
      await page.setViewportSize({ width: 1280, height: 900 })
      await shoot(page, 'wide-before')
      await page.selectOption('#backend', 'wasm')
      await page.fill('#iterations', '60')
      await fitted(page)
      expect(await page.textContent('#status')).toBe('Done. ahals on wasm.')
      expect(Number(await page.textContent('#relative'))).toBeLessThan(0.4)
      await expect.poll(() => points(page)).toBe(60)
      const components = await shades(page)
      expect(components).toHaveLength(16)
      for (const count of components) expect(count).toBeGreaterThan(8)
      const W = await saved(page, 'save-w')
      const H = await saved(page, 'save-h')
      expect([W.name, W.file.matrix.rows, W.file.matrix.columns]).toEqual(['digits.W.npy', 300, 16])
      expect([H.name, H.file.matrix.rows, H.file.matrix.columns]).toEqual(['digits.H.npy', 16, 64])
      for (const { file } of [W, H]) expect(Math.min(...file.matrix.data)).toBeGreaterThanOrEqual(0)
      await shoot(page, 'wide-light')
      await page.emulateMedia({ colorScheme: 'dark' })
      await shoot(page, 'wide-dark')
      await page.setViewportSize({ width: 390, height: 800 })
      await shoot(page, 'narrow-dark')
      await page.emulateMedia({ colorScheme: 'light' })
      await shoot(page, 'narrow-light')
      await page.setViewportSize({ width: 1280, height: 900 })
      for (const sample of ['swimmer', 'speeches']) {
        await page.click(`[data-sample="${sample}"]`)
        await page.waitForSelector(`[data-sample="${sample}"][aria-pressed="true"]`)
        await page.uncheck('#slow')
        await fitted(page)
        await shoot(page, sample)
      }
      expect(await page.textContent('#components li')).toMatch(/^[a-z]+$/)
      expect(faults).toEqual([])
    })
  })
})
