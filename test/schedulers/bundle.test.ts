import { gzipSync } from 'node:zlib'
import { build, type Metafile } from 'esbuild'
import { expect, it } from 'vitest'

/** What a page pays for a program that imports the schedulers. */
async function bundled(program: string): Promise<{ bytes: number; inputs: string[]; outputs: Metafile['outputs'] }> {
  const done = await build({
    stdin: { contents: program, resolveDir: 'ts/schedulers', loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
  })
  const inputs = Object.keys(done.metafile.inputs).filter(file => file !== '<stdin>')
  return { bytes: gzipSync(done.outputFiles[0].contents).length, inputs, outputs: done.metafile.outputs }
}

it('all of the schedulers take less than 15 kB, and need nothing but themselves and core', async () => {
  const { bytes, inputs, outputs } = await bundled(`export * from './index.js'`)
  expect(bytes).toBeLessThan(15_000)
  expect(inputs.filter(file => !/^ts\/(schedulers|core)\//.test(file))).toEqual([])
  for (const { imports } of Object.values(outputs)) expect(imports).toEqual([])
})

it('one of them takes a fraction of that', async () => {
  const { bytes, inputs } = await bundled(`export { GreedyLR } from './greedy.js'`)
  expect(bytes).toBeLessThan(4000)
  expect(inputs.filter(file => file.includes('registry'))).toEqual([])
})
