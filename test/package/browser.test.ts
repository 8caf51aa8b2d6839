import { mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { build } from 'esbuild'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { hasBrowser, withBrowser } from '../browser/rig.js'

const { project } = inject('packed')

const program = `
import { factorize, probeBackends } from 'nonneg'

const rows = 90, columns = 60
const data = Float32Array.from({ length: rows * columns }, (_, i) => {
  const row = Math.floor(i / columns), column = i % columns
  return (row % 7) * (column + 1) + ((row + 3) % 5) * (60 - column)
})
const fits = []
for (const backend of ['wasm', 'webgpu']) {
  const fit = await factorize({ data, rows, columns }, { rank: 2, maxIterations: 400, tolerance: 0, backend })
  fits.push({ backend: fit.backend, iterations: fit.iterations, relativeError: fit.relativeError })
}
const absent = (await probeBackends()).filter(report => !report.available).map(({ id, reason }) => ({ id, reason }))
globalThis.result = { isolated: crossOriginIsolated, fits, absent }
`

interface PageResult {
  isolated: boolean
  fits: { backend: string; iterations: number; relativeError: number }[]
  absent: { id: string; reason: string | null }[]
}

// The browser comes as a package for linux-x64 alone.
describe.runIf(hasBrowser)('bundled by esbuild for a page, and only with what the package brings', () => {
  let root: string

  beforeAll(async () => {
    root = mkdtempSync(path.join(project, 'page-'))
    await build({
      stdin: { contents: program, resolveDir: project },
      outfile: path.join(root, 'page.js'),
      bundle: true,
      platform: 'browser',
      format: 'esm',
      target: 'es2022',
      logLevel: 'error',
    })
    writeFileSync(path.join(root, 'index.html'), '<!doctype html><script type="module" src="page.js"></script>')
  })

  it.for([true, false])('fits on WASM and on WebGPU, cross-origin isolated: %s', async isolated => {
    await withBrowser({ root, isolated }, async ({ result }) => {
      const seen = await result<PageResult>('index.html')
      expect(seen.isolated).toBe(isolated)
      expect(seen.fits.map(({ backend, iterations }) => `${backend} ${iterations}`)).toEqual(['wasm 400', 'webgpu 400'])
      for (const { backend, relativeError } of seen.fits) expect(relativeError, backend).toBeLessThan(0.01)
      const both = { reason: expect.stringContaining('browser') }
      expect(seen.absent).toEqual([
        { id: 'cuda', ...both },
        { id: 'native', ...both },
      ])
    })
  })
})
