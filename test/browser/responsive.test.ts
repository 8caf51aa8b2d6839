import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeMatrix } from '../../ts/data/index.js'
import { drawn, fitted, opened } from './example-page.js'
import { type Tasks, tasksDuring } from './main-thread.js'
import { hasBrowser, withBrowser } from './rig.js'

// Nothing holds the main thread of the page for 50 ms, the length from which browsers call a task long: reading files of
// megabytes, fits of such matrices, their pictures, and handing out the factors. Held to it is the thread's own time, which is
// that of the page; a task may last longer on the wall's clock where other processes hold the cores, and both are reported.

const LONG_MS = 50
const ROWS = 4000
/** Rows are pictures of 32 × 32. */
const COLUMNS = 1024
const RANK = 32

interface Setting {
  readonly name: string
  readonly backend: 'wasm' | 'webgpu'
  /** Whether memory may be shared, and threads of WASM with it. */
  readonly isolated: boolean
  readonly iterations: number
}

// the software driver takes a second or more for an iteration of this size
const SETTINGS: readonly Setting[] = [
  { name: 'WebGPU', backend: 'webgpu', isolated: true, iterations: 2 },
  { name: 'threads of WASM', backend: 'wasm', isolated: true, iterations: 8 },
  { name: 'one thread of WASM', backend: 'wasm', isolated: false, iterations: 4 },
]

/** Sums of a few soft spots, as faces are sums of parts. */
function faces(): Float32Array {
  const data = new Float32Array(ROWS * COLUMNS)
  for (let i = 0; i < ROWS; i++) {
    for (let part = 0; part < 3; part++) {
      const [cx, cy] = [((i * 7 + part * 11) % 29) + 1, ((i * 5 + part * 13) % 27) + 2]
      for (let y = cy - 2; y <= cy + 2; y++) {
        for (let x = cx - 1; x <= cx + 1; x++) data[i * COLUMNS + y * 32 + x] += 1 + ((i + part) % 5) / 4
      }
    }
  }
  return data
}

/** As many entries in each row, in columns that a walk with a stride takes. */
function entries(rows: number, columns: number, each: number): string {
  const lines = [`%%MatrixMarket matrix coordinate real general\n${rows} ${columns} ${rows * each}`]
  for (let i = 0; i < rows; i++) {
    for (let p = 0; p < each; p++) {
      lines.push(`${i + 1} ${((i * 37 + p * 61) % columns) + 1} ${1 + ((i + p) % 9) / 8}`)
    }
  }
  return `${lines.join('\n')}\n`
}

// the software driver shares two cores with all that a machine may be doing beside
// once more, as a host that lends its cores to others makes a thread's own time longer too
describe.runIf(hasBrowser)('the main thread of the page', { timeout: 180_000, retry: 1 }, () => {
  let root: string
  let files: string
  const place = (name: string) => path.join(files, name)

  beforeAll(async () => {
    root = mkdtempSync(path.join(tmpdir(), 'nonneg-responsive-'))
    files = mkdtempSync(path.join(tmpdir(), 'nonneg-files-'))
    const { bundleExample } = await import('../../scripts/serve-example.mjs')
    await bundleExample(root)
    const data = faces()
    const X = { data, rows: ROWS, columns: COLUMNS }
    writeFileSync(place('faces.npy'), Buffer.concat([...encodeMatrix(X, 'npy')]))
    const part = { data: data.subarray(0, 1500 * COLUMNS), rows: 1500, columns: COLUMNS }
    writeFileSync(place('faces.csv'), Buffer.concat([...encodeMatrix(part, 'csv')]))
    writeFileSync(place('counts.mtx'), entries(ROWS, 1009, 100))
  })
  afterAll(() => {
    for (const folder of [root, files]) rmSync(folder, { recursive: true, force: true })
  })

  async function take(page: Page, name: string): Promise<void> {
    await page.setInputFiles('#file', place(name))
    await expect.poll(() => page.textContent('#about'), { timeout: 30_000 }).toMatch(new RegExp(`^${name}: `))
  }

  /** What none of the tasks may be: long. */
  function judge(what: string, tasks: Tasks, said: string[]): void {
    const long = tasks.long.map(duration => duration.toFixed(0)).join(', ') || 'none'
    said.push(
      `${what}: ${tasks.count} tasks, the longest ${tasks.own.toFixed(1)} ms of its own, ${tasks.wall.toFixed(1)} ms on the wall; long ones: ${long}`,
    )
    expect(tasks.count, what).toBeGreaterThan(5)
    expect(tasks.own, said.join('\n')).toBeLessThan(LONG_MS)
  }

  it.for(SETTINGS)('is left to the page: $name', async ({ backend, isolated, iterations }, { annotate }) => {
    const said: string[] = []
    await withBrowser({ root, isolated }, async ({ page, origin }) => {
      const { faults } = await opened(page, origin)
      const control = await tasksDuring(page, async () => {
        await page.evaluate(() => {
          const hold = () => {
            const end = performance.now() + 1000
            while (performance.now() < end);
          }
          return new Promise<void>(done => setTimeout(() => done(hold())))
        })
      })
      expect(control.own).toBeGreaterThan(LONG_MS)
      expect(control.long.length).toBeGreaterThan(0)
      await page.selectOption('#backend', backend)
      for (const name of ['counts.mtx', 'faces.npy']) {
        judge(`reading ${name}`, await tasksDuring(page, () => take(page, name)), said)
        await page.fill('#rank', String(RANK))
        await page.fill('#iterations', String(iterations))
        judge(`fitting ${name}`, await tasksDuring(page, () => fitted(page)), said)
        expect(await page.textContent('#status')).toMatch(new RegExp(`^Done\\. ahals on ${backend}`))
      }
      expect(faults).toEqual([])
    })
    for (const line of said) await annotate(line)
  })

  it('is left to the page that reads text, lays pictures out anew and hands factors out', async ({ annotate }) => {
    const said: string[] = []
    await withBrowser({ root, isolated: true }, async ({ page, origin }) => {
      await opened(page, origin)
      judge('reading faces.csv', await tasksDuring(page, () => take(page, 'faces.csv')), said)
      await page.fill('#rank', '100')
      await page.fill('#iterations', '3')
      await page.selectOption('#backend', 'wasm')
      await fitted(page)
      // by the page itself: a test's ways to fill a field in are work for the page too
      const choose = async (id: string, value: string) => {
        await page.evaluate(
          chosen => {
            const field = document.getElementById(chosen.id) as HTMLInputElement
            field.value = chosen.value
            field.dispatchEvent(new Event('change', { bubbles: true }))
          },
          { id, value },
        )
        await drawn(page)
      }
      const layOut = async () => {
        await choose('width', '16')
        await choose('view', 'lists')
        await choose('view', 'pictures')
      }
      judge('laying out', await tasksDuring(page, layOut), said)
      const save = async () => {
        for (const id of ['save-w', 'save-h']) {
          await Promise.all([page.waitForEvent('download'), page.click(`#${id}`)])
        }
      }
      judge('saving', await tasksDuring(page, save), said)
    })
    for (const line of said) await annotate(line)
  })
})
