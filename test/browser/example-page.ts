import { mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { parseNpy } from '../../ts/data/index.js'

// What tests do with the example page, as those who use it would.

/** Where the pictures of the pages go that a run has taken. */
export const SHOTS: string = path.join('build', 'example-shots')

/** Opens the example and waits for its first sample; what no handler in the page catches is among the faults. */
export async function opened(page: Page, origin: string): Promise<{ readonly faults: string[] }> {
  const faults: string[] = []
  page.on('pageerror', error => faults.push(error.stack ?? error.message))
  await page.goto(`${origin}/`)
  await page.waitForSelector('body[data-ready]')
  await drawn(page)
  return { faults }
}

/** Presses the button and waits until the fit has ended. */
export async function fitted(page: Page): Promise<void> {
  await page.click('#fit')
  await ended(page)
}

export async function ended(page: Page): Promise<void> {
  await page.waitForFunction(() => !(document.getElementById('fit') as HTMLButtonElement).disabled)
  await drawn(page)
}

/** Waits until the page has drawn all that it has to show. */
export async function drawn(page: Page): Promise<void> {
  await page.waitForSelector('body:not([data-drawing])')
}

/** How many values each component's picture has: 1 is blank. */
export function shades(page: Page): Promise<number[]> {
  return page.$$eval('#components canvas', canvases =>
    canvases.map(canvas => {
      const { width, height } = canvas as HTMLCanvasElement
      const { data } = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height)
      return new Set(new Uint32Array(data.buffer)).size
    }),
  )
}

/** Points of the line of losses. */
export async function points(page: Page): Promise<number> {
  const line = await page.getAttribute('#curve .line', 'd')
  return (line ?? '').split('L').length
}

export interface Saved {
  readonly name: string
  readonly file: Awaited<ReturnType<typeof parseNpy>>
}

/** What a button for a download hands out, read back. */
export async function saved(page: Page, id: string): Promise<Saved> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(`#${id}`)])
  return { name: download.suggestedFilename(), file: await parseNpy(readFileSync(await download.path())) }
}

export async function shoot(page: Page, name: string): Promise<Buffer> {
  mkdirSync(SHOTS, { recursive: true })
  return await page.screenshot({
    path: path.join(SHOTS, `${name}.png`),
    fullPage: true,
    animations: 'disabled',
    caret: 'hide',
  })
}
