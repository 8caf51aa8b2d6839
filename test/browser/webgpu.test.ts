import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { supportsKernel } from '../../ts/backends/webgpu/run-kernel.js'
import { kernels } from '../../ts/kernels/index.js'
import type { PageResult } from './kernels.page.js'
import { hasBrowser, withBrowser } from './rig.js'

const ROOM = {
  ...{ bindingBytes: 2 ** 27, memoryBytes: 2 ** 40, busyThreads: 256 },
  ...{ parallel: false, gramReads: 2 ** 24, tileBytes: 2 ** 26, modelValues: 128, fusedRank: 0, near: 1 },
}

/** Ids of the processes whose command lines hold a text. */
function processesNaming(text: string): string[] {
  return readdirSync('/proc').filter(id => {
    try {
      return /^\d+$/.test(id) && readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(text)
    } catch {
      // it has ended in the meantime
      return false
    }
  })
}

// the driver compiles every kernel on the CPU, on a loud machine for a minute
describe.runIf(hasBrowser)('WebGPU in a browser', { timeout: 180_000 }, () => {
  let root: string

  beforeAll(async () => {
    root = mkdtempSync(path.join(tmpdir(), 'nonneg-pages-'))
    await build({
      entryPoints: [path.join(import.meta.dirname, 'kernels.page.ts')],
      outfile: path.join(root, 'kernels.js'),
      bundle: true,
      platform: 'browser',
      format: 'esm',
      logLevel: 'error',
    })
    writeFileSync(path.join(root, 'index.html'), '<!doctype html><script type="module" src="kernels.js"></script>')
    mkdirSync(path.join(root, 'bad'))
    writeFileSync(
      path.join(root, 'bad', 'throws.html'),
      '<!doctype html><script>throw new Error("on purpose")</script>',
    )
    writeFileSync(path.join(root, 'bad', 'silent.html'), '<!doctype html><script>console.log("here I am")</script>')
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  /** The kernels that a page has to run: as many as Node does. */
  const inWgsl = kernels
    .filter(spec => spec.problems.some(dims => supportsKernel(spec, { ...dims, nonzeros: 0 }, 'f32', ROOM).supported))
    .map(({ name }) => name)
    .sort()

  it.for([true, false])('runs the kernels and a fit, cross-origin isolated: %s', async isolated => {
    await withBrowser({ root, isolated }, async ({ result }) => {
      const seen = await result<PageResult>('index.html')
      expect(seen.faults).toEqual([])
      expect(seen).toMatchObject({ isolated, emulated: true, architecture: 'swiftshader' })
      expect([...seen.kernelsRun].sort()).toEqual(inWgsl)
      expect(seen.losses).toHaveLength(8)
      seen.losses.forEach((loss, i) => {
        expect(Math.abs(loss - seen.expected[i])).toBeLessThanOrEqual(1e-3 * seen.expected[i])
      })
      expect(seen.absent).toMatchObject({ available: false, reason: expect.stringMatching(/no WebGPU/) })
    })
  })

  it('reports what a page says, and leaves nothing behind', async () => {
    const profiles = () => readdirSync(tmpdir()).filter(name => name.startsWith('nonneg-browser-'))
    const before = new Set(profiles())
    let own: string[] = []
    await withBrowser({ root, isolated: false }, async ({ result }) => {
      own = profiles().filter(name => !before.has(name))
      expect(own.length).toBeGreaterThan(0)
      expect(own.flatMap(processesNaming).length).toBeGreaterThan(0)
      await expect(result('bad/throws.html')).rejects.toThrow(/on purpose/)
      await expect(result('bad/silent.html', 500)).rejects.toThrow(/here I am/)
      await expect(result('absent.html')).rejects.toThrow(/404/)
      await expect(result('..%2f..%2fetc/passwd')).rejects.toThrow(/404/)
    })
    const failure = withBrowser({ root, isolated: false }, async () => {
      throw new Error('by the test')
    })
    await expect(failure).rejects.toThrow('by the test')
    for (const name of own) {
      expect(existsSync(path.join(tmpdir(), name))).toBe(false)
      // the browser's helper processes end by themselves when it has gone
      await expect.poll(() => processesNaming(name), { timeout: 20_000 }).toEqual([])
    }
  })
})
