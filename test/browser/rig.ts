import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { unpackDriver } from '../../ts/backends/webgpu/software-driver.js'

/** The packaged Chromium exists for linux-x64 alone; there its absence is a failure. */
export const hasBrowser: boolean = process.platform === 'linux' && process.arch === 'x64'

export interface RigOptions {
  /** The folder that is served as `/`. */
  readonly root: string
  /** Whether pages are cross-origin isolated, which shared memory (wasm threads) needs. */
  readonly isolated: boolean
  /**
   * Has pages find the fonts that come with the browser alone, not those of the machine. Their letters are not fitted to
   * pixels, and their edges are smoothed in grey, or in the colours of a screen's subpixels.
   */
  readonly ownFonts?: 'grey' | 'subpixels'
}

export interface Rig {
  readonly page: Page
  /** Such as `http://127.0.0.1:40123`, without a slash at the end. */
  readonly origin: string
  /**
   * Opens a page of the folder and waits until its scripts set `globalThis.result`, which it returns. An error that
   * nothing in the page caught, or a page without a result in time, rejects with all that the page said.
   */
  result<T>(place: string, timeoutMs?: number): Promise<T>
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.json': 'application/json',
  '.mjs': 'text/javascript',
  '.wasm': 'application/wasm',
}

/** `--enable-unsafe-webgpu` admits the software adapter, and `--use-webgpu-adapter` chooses it where there is a GPU. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
]

async function serve({ root, isolated }: RigOptions): Promise<http.Server> {
  const headers: Record<string, string> = isolated
    ? { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' }
    : {}
  const base = path.resolve(root)
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1')
    const file = path.join(base, decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname))
    try {
      if (!file.startsWith(`${base}${path.sep}`)) throw new Error('outside the folder')
      const content = await readFile(file)
      const type = TYPES[path.extname(file)] ?? 'application/octet-stream'
      response.writeHead(200, { ...headers, 'content-type': type, 'cache-control': 'no-store' }).end(content)
    } catch {
      response.writeHead(404, headers).end()
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return server
}

/** Writes the settings of a machine that has the browser's own fonts alone. */
async function fontSettings(profile: string, edges: 'grey' | 'subpixels'): Promise<string> {
  const fonts = await unpackDriver('fonts', ['fonts.tar'])
  const file = path.join(profile, 'fonts.conf')
  const settings = { hinting: 'bool>false</bool', hintstyle: 'const>hintnone</const', rgba: 'const>none</const' }
  if (edges === 'subpixels') settings.rgba = 'const>rgb</const'
  const edits = Object.entries(settings).map(([name, value]) => `<edit name="${name}" mode="assign"><${value}></edit>`)
  const cache = `<cachedir>${path.join(profile, 'fonts')}</cachedir>`
  const match = `<match target="font">${edits.join('')}</match>`
  writeFileSync(file, `<?xml version="1.0"?><fontconfig><dir>${fonts}</dir>${cache}${match}</fontconfig>`)
  return file
}

async function launch(profile: string, ownFonts: RigOptions['ownFonts']): Promise<BrowserContext> {
  // the browser looks for the driver beside itself, and for a few libraries that small machines lack in `lib`
  const folder = await unpackDriver('browser', ['chromium', 'swiftshader.tar', 'al2023.tar'])
  const { VK_ICD_FILENAMES: _, ...env } = process.env
  const fonts = ownFonts ? { FONTCONFIG_FILE: await fontSettings(profile, ownFonts) } : {}
  return chromium.launchPersistentContext(profile, {
    executablePath: path.join(folder, 'chromium'),
    headless: true,
    args: FLAGS,
    env: { ...env, ...fonts, LD_LIBRARY_PATH: path.join(folder, 'lib') } as Record<string, string>,
  })
}

function waitForResult<T>(page: Page, url: string, timeoutMs: number): Promise<T> {
  const said: string[] = []
  const explain = (why: string) => new Error([`${url}: ${why}`, ...said].join('\n'))
  return new Promise<T>((resolve, reject) => {
    const listeners = {
      console: (message: { text(): string }) => said.push(message.text()),
      pageerror: (error: Error) => reject(explain(error.stack ?? error.message)),
      crash: () => reject(explain('the page crashed')),
    }
    page.on('console', listeners.console).on('pageerror', listeners.pageerror).on('crash', listeners.crash)
    const work = async () => {
      const answer = await page.goto(url)
      if (!answer?.ok()) throw explain(`status ${answer?.status()}`)
      await page.waitForFunction(() => 'result' in globalThis, null, { timeout: timeoutMs })
      return page.evaluate(() => (globalThis as unknown as { result: T }).result)
    }
    work()
      .then(resolve, error => reject(explain(String(error))))
      .finally(() => {
        page.off('console', listeners.console).off('pageerror', listeners.pageerror).off('crash', listeners.crash)
      })
  })
}

/**
 * Serves a folder from 127.0.0.1 to a headless Chromium with software WebGPU, and hands both to `work`. The browser, its
 * profile and the server are gone when the promise settles.
 */
export async function withBrowser<T>(options: RigOptions, work: (rig: Rig) => Promise<T>): Promise<T> {
  const profile = mkdtempSync(path.join(tmpdir(), 'nonneg-browser-'))
  let server: http.Server | undefined
  let context: BrowserContext | undefined
  try {
    server = await serve(options)
    context = await launch(profile, options.ownFonts)
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const page = context.pages()[0] ?? (await context.newPage())
    return await work({
      page,
      origin,
      result: (place, timeoutMs = 120_000) => waitForResult(page, `${origin}/${place}`, timeoutMs),
    })
  } finally {
    await context?.close()
    server?.closeAllConnections()
    server?.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}
