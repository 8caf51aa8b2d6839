import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Results, resultsComplaints } from '../../bench/schema.js'
import { hasBrowser, withBrowser } from './rig.js'

const SHOTS = path.join('build', 'bench-shots')

describe.runIf(hasBrowser)('the benchmark page', () => {
  let root: string

  beforeAll(async () => {
    root = mkdtempSync(path.join(tmpdir(), 'nonneg-bench-page-'))
    const { bundleBench } = await import('../../scripts/serve-example.mjs')
    await bundleBench(root)
    mkdirSync(SHOTS, { recursive: true })
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  it('measures everything, says that the driver is emulated, and hands out results of the one schema', async () => {
    await withBrowser({ root, isolated: true }, async ({ page, origin }) => {
      const faults: string[] = []
      page.on('pageerror', error => faults.push(error.stack ?? error.message))
      const shoot = (name: string) => page.screenshot({ path: path.join(SHOTS, `${name}.png`), fullPage: true })
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin })
      await page.setViewportSize({ width: 1280, height: 900 })
      await page.goto(`${origin}/?scale=tiny`)
      await page.waitForSelector('body[data-ready]')
      expect(await page.textContent('#device')).toMatch(/swiftshader.*\(emulated\)/i)
      expect(await page.isVisible('#emulated')).toBe(true)
      await shoot('wide-before')
      await page.click('#run')
      await page.waitForSelector('body[data-done]', { timeout: 50_000 })
      for (const scheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: scheme })
        for (const [name, width] of [
          ['wide', 1280],
          ['narrow', 390],
        ] as const) {
          await page.setViewportSize({ width, height: 900 })
          await shoot(`${name}-${scheme}`)
        }
      }
      expect(await page.$$eval('#iterations tr.emulated', lines => lines.length)).toBe(2)
      expect(await page.$$eval('#kernels tr.emulated', lines => lines.length)).toBe(6)
      // shares of the driver's own peaks, and no rate that could be taken for a GPU's
      expect(await page.$$eval('.bar', bars => bars.length)).toBe(8)
      expect(await page.$$eval('td[data-unit]', cells => cells.map(cell => cell.textContent).join(''))).toBe('')
      await page.click('#copy')
      await expect.poll(() => page.textContent('#status')).toMatch(/^Copied/)
      const results: Results = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()))
      expect(resultsComplaints(results)).toEqual([])
      expect(results.environment.browser).toMatch(/^(Headless)?Chrom/)
      expect(results.rows.filter(row => row.status !== 'measured' || !row.emulated)).toEqual([])
      const [peaks] = results.rows
      expect([peaks.backend, peaks.variant.split(' ').at(-1)]).toEqual(['roofline', 'fma'])
      const own = results.rows.filter(({ backend }) => backend === 'webgpu')
      expect(own.map(({ problem }) => problem)).toEqual([
        'mu:f32:48x4x40',
        'mu:f32:48x4x40',
        'xht_dense in mu:f32:48x4x40',
        'mu_update in mu:f32:48x4x40',
        ...Array(3).fill('tiles of gram in mu:f32:48x4x40'),
        'hypergradient_momentum:f32:4096',
      ])
      for (const { roofline, gbs } of own) {
        expect(roofline?.share).toBeGreaterThan(0)
        expect(gbs).toBeGreaterThan(0)
      }
      expect(faults).toEqual([])
    })
  })

  it('says why there is nothing to measure, and stops when told to', async () => {
    await withBrowser({ root, isolated: false }, async ({ page, origin }) => {
      await page.goto(`${origin}/?scale=tiny`)
      await page.waitForSelector('body[data-ready]')
      await page.click('#run')
      await page.click('#stop')
      await expect.poll(() => page.textContent('#status'), { timeout: 20_000 }).toBe('Stopped.')
      expect(await page.isDisabled('#copy')).toBe(true)
      expect(await page.isDisabled('#run')).toBe(false)
      await page.addInitScript(() => Object.defineProperty(navigator, 'gpu', { value: undefined }))
      await page.goto(`${origin}/`)
      await page.waitForSelector('body[data-ready]')
      expect(await page.textContent('#device')).toBe('No GPU')
      expect(await page.textContent('#error')).toMatch(/this browser has no WebGPU.*Use a browser with WebGPU/)
      expect(await page.isDisabled('#run')).toBe(true)
    })
  })
})
