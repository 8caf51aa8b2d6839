import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { rowsOf, utf8 } from './helpers.js'

test('the browser entry bundles without Node and parses', async () => {
  const { outputFiles } = await build({
    entryPoints: ['ts/data/browser.ts'],
    bundle: true,
    format: 'esm',
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  })
  const { text } = outputFiles[0]
  expect(text).not.toMatch(/from ["']node:|require\(["']/)
  const data = (await import(
    `data:text/javascript;base64,${Buffer.from(text).toString('base64')}`
  )) as typeof import('../../ts/data/browser.js')
  const { matrix, columnLabels } = await data.parseCsv('a,b\n1,2\n')
  expect([rowsOf(matrix), columnLabels]).toEqual([[[1, 2]], ['a', 'b']])
  const bytes = utf8('%%MatrixMarket matrix coordinate real general\n1 2 1\n1 2 5\n')
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))
  expect(rowsOf((await data.parseMatrixMarket(packed)).matrix)).toEqual([[0, 5]])
  const npy = new Uint8Array(await new Blob([...data.encodeMatrix(matrix, 'npy')]).arrayBuffer())
  expect(rowsOf((await data.parseNpy(npy)).matrix)).toEqual([[1, 2]])
})
