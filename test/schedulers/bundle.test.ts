import { gzipSync } from 'node:zlib'
import { build, type Plugin } from 'esbuild'
import { expect, it } from 'vitest'

/** A program for a page, in one file. */
async function bundled(program: string, minify: boolean, plugins: Plugin[] = []) {
  const { metafile, outputFiles } = await build({
    stdin: { contents: program, resolveDir: 'ts/schedulers', loader: 'ts' },
    bundle: true,
    minify,
    plugins,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
  })
  const inputs = Object.keys(metafile.inputs).filter(file => file.startsWith('ts/'))
  const imports = Object.values(metafile.outputs).flatMap(output => output.imports)
  return { text: outputFiles[0].text, inputs, imports }
}

const gzipped = (text: string) => gzipSync(text).length
const EVERYTHING = `export * from './index.js'`

it('all of the schedulers take less than 15 kB, and need nothing but themselves and core', async () => {
  const { text, inputs, imports } = await bundled(EVERYTHING, true)
  expect(gzipped(text)).toBeLessThan(15_000)
  expect(inputs.filter(file => !/^ts\/(schedulers|core)\//.test(file))).toEqual([])
  expect(imports).toEqual([])
})

it('a program that names one of them leaves the others out, though all lie in one file of the package', async () => {
  const all = await bundled(EVERYTHING, false)
  const oneFile: Plugin = {
    name: 'one file',
    setup: ({ onResolve, onLoad }) => {
      onResolve({ filter: /^all$/ }, () => ({ path: 'all', namespace: 'memory' }))
      onLoad({ filter: /.*/, namespace: 'memory' }, () => ({ contents: all.text }))
    },
  }
  const { text } = await bundled(`export { Linear } from 'all'`, true, [oneFile])
  expect(text).toContain('totalSteps')
  expect(text).not.toContain('patience')
  expect(gzipped(text)).toBeLessThan(gzipped(all.text) / 4)
})
