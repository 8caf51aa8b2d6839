import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import type { MatrixInput } from '../../ts/core/input.js'
import type { CsrView, DenseView } from '../../ts/core/matrix.js'
import { denseView } from '../../ts/core/matrix.js'
import { encodeMatrix } from '../../ts/data/encode.js'
import { readMatrix, writeMatrix } from '../../ts/data/index.js'
import { stageFile } from '../../ts/data/staged-file.js'
import { refusal, rowsOf } from './helpers.js'

const folder = mkdtempSync(path.join(os.tmpdir(), 'nonneg-files-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const at = (name: string) => path.join(folder, name)

const X: DenseView = {
  kind: 'dense',
  data: Float32Array.of(9, 1, 2, 9, 0.1, 4, 9),
  rows: 2,
  columns: 2,
  stride: 3,
  offset: 1,
}
const S: CsrView = {
  kind: 'csr',
  indptr: Uint32Array.of(0, 1, 1, 3),
  indices: Uint32Array.of(2, 0, 1, 99),
  values: Float32Array.of(0.1, 3, 4, 99),
  rows: 3,
  columns: 4,
}

describe('readMatrix', () => {
  const mtx = '%%MatrixMarket matrix array real general\n1 2\n3\n4\n'
  const npy = Buffer.concat([...encodeMatrix(denseView(Float32Array.of(3, 4), 1, 2), 'npy')])

  test.each<[string, string | Uint8Array]>([
    ['a.mtx', mtx],
    ['a.mtx.gz', gzipSync(mtx)],
    ['two-members.mtx.gz', Buffer.concat([gzipSync(mtx.slice(0, 20)), gzipSync(mtx.slice(20))])],
    ['unpacked-on-the-way.mtx.gz', mtx],
    ['packed.mtx', gzipSync(mtx)],
    ['A.MTX', mtx],
    ['a.npy', npy],
    ['a.npy.gz', gzipSync(npy)],
    ['a.csv', '3,4\n'],
    ['a.csv.gz', gzipSync('3,4\n')],
    ['a.tsv', '3\t4\n'],
    ['a.b.tsv.gz', gzipSync('3\t4\n')],
  ])('%s', async (name, content) => {
    writeFileSync(at(name), content)
    expect(rowsOf((await readMatrix(at(name))).matrix)).toEqual([[3, 4]])
  })

  test('labels and options reach the parser', async () => {
    writeFileSync(at('labels.tsv'), 'id\t1\t2\nx\t3\t4\n')
    const { matrix, ...labels } = await readMatrix(at('labels.tsv'), { header: true, dtype: 'f32' })
    expect(labels).toEqual({ rowLabels: ['x'], columnLabels: ['1', '2'] })
    expect(matrix).toMatchObject({ data: Float32Array.of(3, 4) })
  })

  test.each(['a.xlsx', 'a', 'a.gz', '.csv', 'a.csv.zip', 'a.constructor'])('unknown: %s', async name => {
    const error = await refusal(readMatrix(at(name)))
    expect(error.code).toBe('ERR_NONNEG_FORMAT')
    expect(error.message).toContain(name)
    for (const known of ['.mtx', '.npy', '.csv', '.tsv']) expect(error.fix).toContain(known)
  })

  test('what is not there, is a folder, or lies below a file', async () => {
    mkdirSync(at('folder.csv'))
    writeFileSync(at('file.csv'), '1\n')
    for (const name of ['missing.csv', 'folder.csv', 'file.csv/inner.csv']) {
      const error = await refusal(readMatrix(at(name)))
      expect(error.code).toBe('ERR_NONNEG_FILE')
      expect(error.message).toContain(name)
    }
  })

  test('malformed files are named', async () => {
    writeFileSync(at('bad.csv'), '1,2\n3,x\n')
    writeFileSync(at('bad.mtx.gz'), gzipSync(mtx.repeat(100)).subarray(0, 60))
    writeFileSync(at('bad.npy'), npy.subarray(0, npy.length - 1))
    for (const name of ['bad.csv', 'bad.mtx.gz', 'bad.npy']) {
      const error = await refusal(readMatrix(at(name)))
      expect(error.code).toBe('ERR_NONNEG_FORMAT')
      expect(error.message).toContain(at(name))
    }
  })

  test('aborts before and while it reads', async () => {
    expect((await refusal(readMatrix(at('a.csv'), { signal: AbortSignal.abort() }))).code).toBe('ERR_NONNEG_ABORTED')
    writeFileSync(at('long.csv'), '1,2,3\n'.repeat(1_000_000))
    const signal = AbortSignal.timeout(30)
    expect((await refusal(readMatrix(at('long.csv'), { signal }))).code).toBe('ERR_NONNEG_ABORTED')
  })

  test('the thread is not held while a large file is read', async () => {
    const entries = Array.from({ length: 200_000 }, (_, p) => `${(p % 1000) + 1} ${Math.floor(p / 1000) + 1} 1.5`)
    const text = `%%MatrixMarket matrix coordinate real general\n1000 200 200000\n${entries.join('\n')}\n`
    writeFileSync(at('large.mtx.gz'), gzipSync(text))
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    const { matrix } = await readMatrix(at('large.mtx.gz'))
    clearInterval(timer)
    expect((matrix as CsrView).values).toHaveLength(200_000)
    expect(ticks).toBeGreaterThan(2)
  })
})

describe('what is encoded', () => {
  const text = (matrix: MatrixInput) => Buffer.concat([...encodeMatrix(matrix, 'csv')]).toString()

  test('any form of a matrix, by its stride and offset or without', () => {
    expect(text({ data: Float32Array.of(1, 2, 3, 4), rows: 2, columns: 2 })).toBe('1,2\n3,4\n')
    expect(text({ data: [0, 1, 2, 0, 3, 4], rows: 2, columns: 2, stride: 3, offset: 1 })).toBe('1,2\n3,4\n')
    expect(text([[1], [2]])).toBe('1\n2\n')
  })

  test('nothing beyond the data', () => {
    for (const wrong of [{ columns: 3 }, { offset: 1 }, { stride: 1 }, { rows: 1.5 }]) {
      const matrix = { data: Float32Array.of(1, 2, 3, 4), rows: 2, columns: 2, ...wrong }
      for (const format of ['npy', 'csv', 'json'] as const) {
        expect(() => encodeMatrix(matrix, format)).toThrow(expect.objectContaining({ code: 'ERR_NONNEG_SHAPE' }))
      }
    }
    const csr = { indptr: [0, 3], indices: [0], values: [1], rows: 1, columns: 2 }
    expect(() => encodeMatrix(csr, 'json')).toThrow(expect.objectContaining({ code: 'ERR_NONNEG_SHAPE' }))
  })
})

describe('writeMatrix', () => {
  test.each(['csv', 'npy'])('%s comes back', async format => {
    const file = at(`W.${format}`)
    await writeMatrix(file, X)
    expect(rowsOf((await readMatrix(file, { dtype: 'f32' })).matrix)).toEqual(rowsOf(X))
  })

  test('csv with labels, in the shortest digits', async () => {
    const labels = { rowLabels: ['a,b', 'c'], columnLabels: ['x', 'say "y"'] }
    await writeMatrix(at('labels.csv'), X, { labels })
    expect(readFileSync(at('labels.csv'), 'utf8')).toBe(',x,"say ""y"""\n"a,b",1,2\nc,0.1,4\n')
    expect(await readMatrix(at('labels.csv'))).toMatchObject(labels)
  })

  test('json of a dense matrix', async () => {
    await writeMatrix(at('W.json'), X, { labels: { rowLabels: ['a', 'b'] } })
    expect(JSON.parse(readFileSync(at('W.json'), 'utf8'))).toEqual({
      rows: 2,
      columns: 2,
      rowLabels: ['a', 'b'],
      data: [
        [1, 2],
        [0.1, 4],
      ],
    })
  })

  test('json of a sparse matrix leaves out what lies behind its entries', async () => {
    await writeMatrix(at('S.json'), S)
    expect(JSON.parse(readFileSync(at('S.json'), 'utf8'))).toEqual({
      rows: 3,
      columns: 4,
      indptr: [0, 1, 1, 3],
      indices: [2, 0, 1],
      values: [0.1, 3, 4],
    })
  })

  test('json of many numbers, and of none', async () => {
    const rows = Array.from({ length: 70 }, (_, i) => Array.from({ length: 130 }, (_, j) => i / (j + 1)))
    await writeMatrix(at('many.json'), denseView(Float64Array.from(rows.flat()), 70, 130))
    expect(JSON.parse(readFileSync(at('many.json'), 'utf8')).data).toEqual(rows)
    const indptr = Uint32Array.from({ length: 5001 }, (_, i) => 2 * i)
    const indices = Uint32Array.from({ length: 10_000 }, (_, p) => p % 2)
    const values = Float64Array.from({ length: 10_000 }, (_, p) => p + 0.5)
    await writeMatrix(at('many.json'), { kind: 'csr', indptr, indices, values, rows: 5000, columns: 2 })
    const read = JSON.parse(readFileSync(at('many.json'), 'utf8'))
    expect([read.indptr, read.indices, read.values]).toEqual([indptr, indices, values].map(a => Array.from(a)))
    await writeMatrix(at('none.json'), denseView(new Float32Array(0), 0, 3))
    expect(JSON.parse(readFileSync(at('none.json'), 'utf8'))).toEqual({ rows: 0, columns: 3, data: [] })
  })

  test('the format may differ from the extension', async () => {
    await writeMatrix(at('W.txt'), X, { format: 'csv' })
    expect(readFileSync(at('W.txt'), 'utf8')).toBe('1,2\n0.1,4\n')
  })

  test.each<[string, () => Promise<void>, string]>([
    ['an unknown extension', () => writeMatrix(at('W.xls'), X), 'ERR_NONNEG_FORMAT'],
    ['a sparse matrix as csv', () => writeMatrix(at('no.csv'), S), 'ERR_NONNEG_UNSUPPORTED'],
    ['a sparse matrix as npy', () => writeMatrix(at('no.npy'), S), 'ERR_NONNEG_UNSUPPORTED'],
    [
      'labels as npy',
      () => writeMatrix(at('no.npy'), X, { labels: { rowLabels: ['a', 'b'] } }),
      'ERR_NONNEG_UNSUPPORTED',
    ],
    [
      'labels that do not fit',
      () => writeMatrix(at('no.csv'), X, { labels: { rowLabels: ['a'] } }),
      'ERR_NONNEG_SHAPE',
    ],
    ['a folder that is not there', () => writeMatrix(at('none/no.csv'), X), 'ERR_NONNEG_FILE'],
    ['a folder in the way', () => writeMatrix(at('taken.csv'), X), 'ERR_NONNEG_FILE'],
    [
      'NaN as csv',
      () => writeMatrix(at('no.csv'), denseView(Float32Array.of(1, Number.NaN), 1, 2)),
      'ERR_NONNEG_NOT_FINITE',
    ],
    ['an aborted signal', () => writeMatrix(at('no.csv'), X, { signal: AbortSignal.abort() }), 'ERR_NONNEG_ABORTED'],
  ])('refused, with nothing left behind: %s', async (_, write, code) => {
    mkdirSync(at('taken.csv'), { recursive: true })
    const before = readdirSync(folder).sort()
    expect((await refusal(write())).code).toBe(code)
    expect(readdirSync(folder).sort()).toEqual(before)
  })

  test('a file that is there stays whole until the new one is', async () => {
    writeFileSync(at('old.csv'), 'old')
    const bad = denseView(new Float32Array(20_000).fill(1).fill(Number.NaN, 19_999), 1, 20_000)
    expect((await refusal(writeMatrix(at('old.csv'), bad))).detail).toMatchObject({ row: 0, column: 19_999 })
    expect(readFileSync(at('old.csv'), 'utf8')).toBe('old')
    const staged = await stageFile(at('old.csv'), [Buffer.from('new')])
    expect(readFileSync(at('old.csv'), 'utf8')).toBe('old')
    await staged.commit()
    expect(readFileSync(at('old.csv'), 'utf8')).toBe('new')
  })
})
