import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ended, fitted, opened, points, saved, shades, shoot } from './example-page.js'
import { hasBrowser, withBrowser } from './rig.js'

/** How long a page may take on a busy machine. */
const PATIENCE = { timeout: 20_000 }

describe.runIf(hasBrowser)('the example page', { timeout: 120_000 }, () => {
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
      await expect.poll(() => points(page), PATIENCE).toBe(60)
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

  it('fits on WebGPU', async () => {
    await withBrowser({ root, isolated: false }, async ({ page, origin }) => {
      const { faults } = await opened(page, origin)
      expect(await page.textContent('#backends')).toMatch(/one worker: this page has no SharedArrayBuffer/)
      expect(
        await page.$$eval('#backend option:disabled', options =>
          options.map(option => (option as HTMLOptionElement).value),
        ),
      ).toEqual(['cuda', 'native'])
      await page.selectOption('#backend', 'webgpu')
      await page.fill('#iterations', '12')
      await page.fill('#rank', '4')
      await fitted(page)
      expect(await page.textContent('#status')).toBe('Done. ahals on webgpu (emulated).')
      await expect.poll(() => points(page), PATIENCE).toBe(12)
      for (const count of await shades(page)) expect(count).toBeGreaterThan(8)
      // and by keys alone
      await page.selectOption('#backend', 'wasm')
      await page.focus('#seed')
      await page.keyboard.press('Enter')
      await expect.poll(() => page.textContent('#status'), PATIENCE).toBe('Done. ahals on wasm.')
      // another does what the chosen one cannot, and the page says so
      await page.click('[data-sample="swimmer"]')
      await page.waitForSelector('[data-sample="swimmer"][aria-pressed="true"]')
      await page.selectOption('#backend', 'webgpu')
      await page.selectOption('#solver', 'bpp')
      await page.fill('#rank', '70')
      await page.fill('#iterations', '1')
      await fitted(page)
      expect(await page.textContent('#status')).toMatch(/^Done\. bpp on wasm\. webgpu cannot: .*rank.*\./)
      expect(faults).toEqual([])
    })
  })

  it('stops with the factors there are', async () => {
    await withBrowser({ root, isolated: true }, async ({ page, origin }) => {
      const { faults } = await opened(page, origin)
      await page.selectOption('#backend', 'wasm')
      await page.fill('#iterations', '100000')
      await page.click('#fit')
      await expect.poll(() => points(page), PATIENCE).toBeGreaterThan(5)
      // they are drawn on the way
      for (const count of await shades(page)) expect(count).toBeGreaterThan(8)
      await page.click('#stop')
      await ended(page)
      expect(await page.textContent('#status')).toMatch(/^Stopped; these are the factors so far/)
      const { file } = await saved(page, 'save-h')
      expect([file.matrix.rows, file.matrix.columns]).toEqual([16, 64])
      // another matrix in the middle of a fit ends it, and nothing of it is left
      await page.click('#fit')
      await expect.poll(() => points(page), PATIENCE).toBeGreaterThan(5)
      await page.click('[data-sample="swimmer"]')
      await page.waitForSelector('[data-sample="swimmer"][aria-pressed="true"]')
      await ended(page)
      expect(await page.textContent('#iteration')).toBe('–')
      expect(await page.isDisabled('#save-w')).toBe(true)
      expect(faults).toEqual([])
    })
  })

  it.for(['destroyed', 'crashed'])('goes on with WASM where the GPU is %s in the middle of a fit', async how => {
    await withBrowser({ root, isolated: true }, async ({ page, origin }) => {
      await page.addInitScript(() => {
        const devices: GPUDevice[] = []
        Object.assign(globalThis, { devices })
        const { requestDevice } = GPUAdapter.prototype
        GPUAdapter.prototype.requestDevice = async function (descriptor) {
          const device = await requestDevice.call(this, descriptor)
          devices.push(device)
          return device
        }
      })
      const { faults } = await opened(page, origin)
      await page.click('[data-sample="swimmer"]')
      await page.waitForSelector('[data-sample="swimmer"][aria-pressed="true"]')
      await page.selectOption('#backend', 'webgpu')
      await page.fill('#iterations', '80')
      await page.click('#fit')
      await expect.poll(() => points(page), PATIENCE).toBeGreaterThan(5)
      if (how === 'destroyed') {
        await page.evaluate(() => (globalThis as unknown as { devices: GPUDevice[] }).devices.at(-1)!.destroy())
      } else {
        const client = await page.context().newCDPSession(page)
        // it ends the process that answers
        await client.send('Browser.crashGpuProcess').catch(() => {})
      }
      await ended(page)
      expect(await page.textContent('#status')).toMatch(
        /^Done\. ahals on wasm\. webgpu failed on the way: the GPU device was lost.*; wasm (began anew|went on from iteration \d+)\.$/,
      )
      expect(await page.isHidden('#error')).toBe(true)
      // no iteration is there twice
      await expect.poll(() => points(page), PATIENCE).toBe(80)
      expect(await page.textContent('#iteration')).toBe('80 of 80')
      const { file } = await saved(page, 'save-h')
      expect([file.matrix.rows, file.matrix.columns]).toEqual([17, 576])
      expect(faults).toEqual([])
    })
  })

  it('says what is missing of a browser', async () => {
    await withBrowser({ root, isolated: false }, async ({ page, origin }) => {
      await page.addInitScript(() => Object.defineProperty(navigator, 'gpu', { value: undefined }))
      const { faults } = await opened(page, origin)
      expect(await page.textContent('#backends')).toMatch(/this browser has no WebGPU; Use a browser with WebGPU/)
      expect(await page.getAttribute('#backend option[value="webgpu"]', 'disabled')).not.toBeNull()
      await page.fill('#iterations', '100')
      await page.uncheck('#slow')
      await fitted(page)
      expect(await page.textContent('#status')).toBe('Done. ahals on wasm.')
      expect(faults).toEqual([])
    })
  })

  it('is used by keys alone, and names every control', async () => {
    await withBrowser({ root, isolated: true }, async ({ page, origin }) => {
      await opened(page, origin)
      const focused: string[] = []
      for (let i = 0; i < 15; i++) {
        await page.keyboard.press('Tab')
        focused.push(
          await page.evaluate(() => {
            const { id, dataset } = document.activeElement as HTMLElement
            const outlined = document.activeElement!.closest('.drop') ?? document.activeElement!
            const isSeen = getComputedStyle(outlined).outlineStyle === 'solid'
            return `${id || dataset.sample}${isSeen ? '' : ' without an outline'}`
          }),
        )
      }
      const form = ['file', 'rank', 'iterations', 'loss', 'solver', 'backend', 'seed', 'view', 'width', 'slow', 'fit']
      expect(focused.slice(0, 14)).toEqual(['digits', 'swimmer', 'speeches', ...form])
      const client = await page.context().newCDPSession(page)
      const { nodes } = await client.send('Accessibility.getFullAXTree')
      const roles = ['button', 'textbox', 'spinbutton', 'combobox', 'checkbox', 'image', 'img', 'form', 'region']
      const named = nodes.filter(({ role, ignored }) => !ignored && roles.includes(role?.value))
      expect(named.length).toBeGreaterThan(14)
      expect(named.filter(({ name }) => !name?.value).map(({ role }) => role?.value)).toEqual([])
      await page.focus('[data-sample="swimmer"]')
      await page.keyboard.press('Space')
      await page.waitForSelector('[data-sample="swimmer"][aria-pressed="true"]')
      await page.fill('#iterations', '3')
      await page.focus('#fit')
      await page.keyboard.press('Enter')
      await expect.poll(() => page.textContent('#status'), PATIENCE).toMatch(/^Done\./)
    })
  })
})
