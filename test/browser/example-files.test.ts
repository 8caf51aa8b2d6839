import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeMatrix, parseCsv } from '../../ts/data/index.js'
import { fitted, opened, saved, shoot } from './example-page.js'
import { hasBrowser, withBrowser } from './rig.js'

/** How long a page may take on a busy machine. */
const PATIENCE = { timeout: 20_000 }

/** Drags a file of the disk into a page, over the text at its top, and lets it go there. */
async function drop(page: Page, file: string): Promise<void> {
  const client = await page.context().newCDPSession(page)
  const data = { items: [], files: [file], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver'] as const) {
    await client.send('Input.dispatchDragEvent', { type, x: 200, y: 60, data })
  }
  expect(await page.getAttribute('body', 'class')).toBe('dragging')
  await client.send('Input.dispatchDragEvent', { type: 'drop', x: 200, y: 60, data })
  expect(await page.getAttribute('body', 'class')).toBe('')
  await client.detach()
}

/** ‖X − W·H‖ / ‖X‖, from the definition. */
function relativeError(X: Dense, W: Dense, H: Dense): number {
  let [apart, whole] = [0, 0]
  for (let i = 0; i < X.rows; i++) {
    for (let j = 0; j < X.columns; j++) {
      const x = X.data[i * X.columns + j]
      let wh = 0
      for (let r = 0; r < H.rows; r++) wh += W.data[i * W.columns + r] * H.data[r * H.columns + j]
      apart += (x - wh) ** 2
      whole += x ** 2
    }
  }
  return Math.sqrt(apart / whole)
}

type Dense = Awaited<ReturnType<typeof parseCsv>>['matrix']

describe.runIf(hasBrowser)('files on the example page', () => {
  let root: string
  let files: string

  beforeAll(async () => {
    root = mkdtempSync(path.join(tmpdir(), 'nonneg-example-'))
    files = mkdtempSync(path.join(tmpdir(), 'nonneg-dropped-'))
    const { bundleExample } = await import('../../scripts/serve-example.mjs')
    await bundleExample(root)
  })
  afterAll(() => {
    for (const folder of [root, files]) rmSync(folder, { recursive: true, force: true })
  })

  it('are dropped, and what is saved is what was fitted', async () => {
    const rows = Array.from({ length: 12 }, (_, i) => Array.from({ length: 7 }, (_, j) => ((i * 5 + j * 3) % 11) + 1))
    const csv = `${rows.map(row => row.join(',')).join('\n')}\n`
    const { matrix } = await parseCsv(csv)
    const npy = Buffer.concat([...encodeMatrix(matrix, 'npy')])
    const mtx = rows.flatMap((row, i) => row.map((value, j) => `${i + 1} ${j + 1} ${value}`))
    const contents: Readonly<Record<string, string | Buffer>> = {
      'a.csv': csv,
      'b.npy': npy,
      'c.npy.gz': gzipSync(npy),
      'd.mtx': `%%MatrixMarket matrix coordinate real general\n12 7 84\n${mtx.join('\n')}\n`,
      'e.tsv': csv.replaceAll(',', '\t'),
    }
    await withBrowser({ root, isolated: true }, async ({ page, origin }) => {
      const { faults } = await opened(page, origin)
      await page.selectOption('#backend', 'wasm')
      for (const [name, content] of Object.entries(contents)) {
        const file = path.join(files, name)
        writeFileSync(file, content)
        await drop(page, file)
        await expect
          .poll(() => page.textContent('#about'), PATIENCE)
          .toMatch(new RegExp(`^${name}: 12 rows × 7 columns`))
        await page.fill('#rank', '3')
        await page.fill('#iterations', '20')
        await fitted(page)
        expect(await page.textContent('#status')).toBe('Done. ahals on wasm.')
        const [W, H] = [await saved(page, 'save-w'), await saved(page, 'save-h')]
        expect([W.name, H.name]).toEqual([`${name[0]}.W.npy`, `${name[0]}.H.npy`])
        const own = relativeError(matrix, W.file.matrix, H.file.matrix)
        expect(Math.abs(own - Number(await page.textContent('#relative')))).toBeLessThan(1e-4)
      }
      expect(faults).toEqual([])
    })
  })

  it('may be more than there is patience for', async () => {
    await withBrowser({ root, isolated: true }, async ({ page, origin }) => {
      const { faults } = await opened(page, origin)
      const line = `${Array.from({ length: 300 }, (_, j) => (j % 7) + 0.25).join(',')}\n`
      const large = path.join(files, 'large.csv')
      writeFileSync(large, line.repeat(20_000))
      await page.setInputFiles('#file', large)
      await expect.poll(() => page.textContent('#status'), PATIENCE).toMatch(/^Reading large\.csv: \d+ %$/)
      expect(await page.isDisabled('#fit')).toBe(true)
      await page.click('#stop')
      await expect.poll(() => page.textContent('#status'), PATIENCE).toBe('large.csv was not read to its end.')
      expect(await page.isDisabled('#fit')).toBe(false)
      // what is taken next stays, however long the former takes
      await page.setInputFiles('#file', large)
      await expect.poll(() => page.textContent('#status'), PATIENCE).toMatch(/^Reading large\.csv: \d+ %$/)
      await page.click('[data-sample="swimmer"]')
      await page.waitForSelector('[data-sample="swimmer"][aria-pressed="true"]')
      expect(await page.textContent('#about')).toMatch(/swimmers/)
      expect(await page.isHidden('#error')).toBe(true)
      expect(faults).toEqual([])
    })
  })

  it('are read, and what is wrong with others is said', async () => {
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
      await expect
        .poll(() => page.textContent('#about'), PATIENCE)
        .toBe('counts.mtx.gz: 3 rows × 4 columns, 5 entries listed')
      await page.fill('#rank', '2')
      await fitted(page)
      expect(await page.textContent('#components')).toMatch(/column 4/)

      await take('broken.csv', '1,2\n3,four\n')
      expect(await complaint()).toMatch(/broken\.csv, line 2.*"four" is not a number.*ERR_NONNEG_FORMAT/s)
      await shoot(page, 'bad-file')
      await take('cut.npy', 'no numbers')
      await expect.poll(complaint, PATIENCE).toMatch(/cut\.npy.*ERR_NONNEG_FORMAT/s)
      await take('cut.npy.gz', Buffer.from([0x1f, 0x8b, 8, 0]))
      await expect.poll(complaint, PATIENCE).toMatch(/cut\.npy\.gz cannot be read.*ERR_NONNEG_FORMAT/s)
      await take('empty.csv', '')
      await expect.poll(complaint, PATIENCE).toMatch(/empty\.csv is empty.*ERR_NONNEG_FORMAT/s)
      await take('notes.doc', 'text')
      await expect.poll(complaint, PATIENCE).toMatch(/notes\.doc.*ERR_NONNEG_FORMAT/s)
      // what only a fit can see
      await take('below.csv', '1,2\n3,-4\n')
      await expect.poll(() => page.textContent('#about'), PATIENCE).toBe('below.csv: 2 rows × 2 columns')
      expect(await page.isHidden('#error')).toBe(true)
      await page.fill('#rank', '1')
      await fitted(page)
      expect(await complaint()).toMatch(/X\[1, 1\] = -4.*ERR_NONNEG_NEGATIVE/s)
      expect(faults).toEqual([])
    })
  })
})
