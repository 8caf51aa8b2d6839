import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
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

interface TraceEvent {
  readonly name: string
  readonly pid: number
  readonly tid: number
  /** Microseconds that the thread has worked, where the event has a duration. */
  readonly tdur?: number
  readonly args: { readonly name?: string }
}

/**
 * The longest task of the page's main thread during `work`, in milliseconds of the thread's own time. What a long-task
 * observer reports also counts the time for which other processes held the cores, which says nothing of the page.
 */
async function longestTask(page: Page, work: () => Promise<void>): Promise<number> {
  const client = await page.context().newCDPSession(page)
  const events: TraceEvent[] = []
  client.on('Tracing.dataCollected', ({ value }) => events.push(...(value as unknown as TraceEvent[])))
  const traceConfig = { includedCategories: ['toplevel', '__metadata'] }
  await client.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig })
  await work()
  const complete = new Promise(resolve => client.once('Tracing.tracingComplete', resolve))
  await client.send('Tracing.end')
  await complete
  await client.detach()
  const threadOf = ({ pid, tid }: TraceEvent) => `${pid}/${tid}`
  const mains = new Set(events.filter(({ args }) => args.name === 'CrRendererMain').map(threadOf))
  const times = events.flatMap(event => {
    return event.name.endsWith('RunTask') && mains.has(threadOf(event)) ? (event.tdur ?? []) : []
  })
  expect(times.length).toBeGreaterThan(5)
  return times.reduce((longest, time) => Math.max(longest, time), 0) / 1000
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
      await expect.poll(() => points(page)).toBe(12)
      for (const count of await shades(page)) expect(count).toBeGreaterThan(8)
      // and by keys alone
      await page.selectOption('#backend', 'wasm')
      await page.focus('#seed')
      await page.keyboard.press('Enter')
      await expect.poll(() => page.textContent('#status')).toBe('Done. ahals on wasm.')
      expect(faults).toEqual([])
    })
  })

  it('stops with the factors there are', async () => {
    await withBrowser({ root, isolated: true }, async ({ page, origin }) => {
      const { faults } = await opened(page, origin)
      await page.selectOption('#backend', 'wasm')
      await page.fill('#iterations', '100000')
      await page.click('#fit')
      await expect.poll(() => points(page)).toBeGreaterThan(5)
      // they are drawn on the way
      for (const count of await shades(page)) expect(count).toBeGreaterThan(8)
      await page.click('#stop')
      await ended(page)
      expect(await page.textContent('#status')).toMatch(/^Stopped; these are the factors so far/)
      const { file } = await saved(page, 'save-h')
      expect([file.matrix.rows, file.matrix.columns]).toEqual([16, 64])
      // another matrix in the middle of a fit ends it, and nothing of it is left
      await page.click('#fit')
      await expect.poll(() => points(page)).toBeGreaterThan(5)
      await page.click('[data-sample="swimmer"]')
      await page.waitForSelector('[data-sample="swimmer"][aria-pressed="true"]')
      await ended(page)
      expect(await page.textContent('#iteration')).toBe('–')
      expect(await page.isDisabled('#save-w')).toBe(true)
      expect(faults).toEqual([])
    })
  })

  it('reads files, and says what is wrong with others', async () => {
    await withBrowser({ root, isolated: false }, async ({ page, origin }) => {
      const { faults } = await opened(page, origin)
      const take = (name: string, content: string | Buffer) =>
        page.setInputFiles('#file', { name, mimeType: 'application/octet-stream', buffer: Buffer.from(content) })
      const complaint = async (): Promise<string> => {
        await page.waitForSelector('#error:not([hidden])')
        return (await page.textContent('#error')) ?? ''
      }
      const mtx = '%%MatrixMarket matrix coordinate real general\n3 4 5\n1 1 1\n2 2 2\n3 3 1\n3 4 2\n1 4 1\n'
      await take('counts.mtx.gz', gzipSync(mtx))
      await expect.poll(() => page.textContent('#about')).toBe('counts.mtx.gz: 3 rows × 4 columns, 5 entries listed')
      await page.fill('#rank', '2')
      await fitted(page)
      expect(await page.textContent('#components')).toMatch(/column 4/)

      await take('broken.csv', '1,2\n3,four\n')
      expect(await complaint()).toMatch(/broken\.csv, line 2.*"four" is not a number.*ERR_NONNEG_FORMAT/s)
      await shoot(page, 'bad-file')
      await take('cut.npy', 'no numbers')
      await expect.poll(complaint).toMatch(/cut\.npy.*ERR_NONNEG_FORMAT/s)
      await take('notes.doc', 'text')
      await expect.poll(complaint).toMatch(/notes\.doc.*ERR_NONNEG_FORMAT/s)
      // what only a fit can see
      await take('below.csv', '1,2\n3,-4\n')
      await expect.poll(() => page.textContent('#about')).toBe('below.csv: 2 rows × 2 columns')
      expect(await page.isHidden('#error')).toBe(true)
      await page.fill('#rank', '1')
      await fitted(page)
      expect(await complaint()).toMatch(/X\[1, 1\] = -4.*ERR_NONNEG_NEGATIVE/s)
      expect(faults).toEqual([])
    })
  })

  it.for(['wasm', 'webgpu'])('leaves the main thread to the page: %s', { retry: 2 }, async backend => {
    await withBrowser({ root, isolated: true }, async ({ page, origin }) => {
      await opened(page, origin)
      await page.selectOption('#backend', backend)
      await page.fill('#iterations', backend === 'wasm' ? '200' : '40')
      const control = await longestTask(page, async () => {
        await page.evaluate(() => {
          const end = performance.now() + 1000
          while (performance.now() < end);
        })
      })
      expect(control).toBeGreaterThan(50)
      expect(await longestTask(page, () => fitted(page))).toBeLessThan(50)
      expect(await page.textContent('#status')).toMatch(new RegExp(`^Done\\. ahals on ${backend}`))
    })
  })
})
