import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { denseView } from '../../ts/core/matrix.js'
import { parseCsv } from '../../ts/data/csv.js'
import { parseCsv as parseCsvInBrowsers } from '../../ts/data/csv-browser.js'
import { encodeMatrix } from '../../ts/data/encode.js'
import { chunked, refusal, rowsOf, utf8 } from './helpers.js'

// The same code over two builds of csv-parse.
describe.each([
  ['Node', parseCsv],
  ['browsers', parseCsvInBrowsers],
])('in %s', (_, parse) => {
  async function table(text: string, options = {}) {
    const { matrix, rowLabels, columnLabels } = await parse(text, options)
    return { rows: rowsOf(matrix), rowLabels, columnLabels, size: [matrix.rows, matrix.columns] }
  }

  test('only numbers: no labels', async () => {
    expect(await parse('1,2,3\n4,5.5,6e-1\n')).toEqual({
      matrix: denseView(Float64Array.of(1, 2, 3, 4, 5.5, 0.6), 2, 3),
    })
  })

  test.each([
    ['names above', 'a,b\n1,2\n', [[1, 2]], undefined, ['a', 'b']],
    [
      'names to the left',
      'x,1,2\ny,3,4\n',
      [
        [1, 2],
        [3, 4],
      ],
      ['x', 'y'],
      undefined,
    ],
    ['names above and to the left', 'id,a,b\nx,1,2\n', [[1, 2]], ['x'], ['a', 'b']],
    ['an empty corner', ',a,b\nx,1,2\n', [[1, 2]], ['x'], ['a', 'b']],
    [
      'an empty corner and numbered rows, as pandas writes them',
      ',a,b\n0,1,2\n1,3,4\n',
      [
        [1, 2],
        [3, 4],
      ],
      ['0', '1'],
      ['a', 'b'],
    ],
    ['numbered rows and columns, as pandas writes them', ',0,1\n0,1.5,2\n', [[1.5, 2]], ['0'], ['0', '1']],
    ['an empty corner, numbers for names beside it', ',2001,2002\nx,1,2\n', [[1, 2]], ['x'], ['2001', '2002']],
    ['a quoted empty corner, as R writes it', '"","a","b"\n"1",1,2\n', [[1, 2]], ['1'], ['a', 'b']],
    [
      'no corner, as R writes it',
      'a,b\nx,1,2\ny,3,4\n',
      [
        [1, 2],
        [3, 4],
      ],
      ['x', 'y'],
      ['a', 'b'],
    ],
    ['one column with a name', 'a\n1\n2\n', [[1], [2]], undefined, ['a']],
    ['one named row', 'x,1,2\n', [[1, 2]], ['x'], undefined],
    ['a column without a name', 'a,,c\n1,2,3\n', [[1, 2, 3]], undefined, ['a', '', 'c']],
    ['names with quotes, commas and line ends', '"a,""b""","c\nd"\n1,2\n', [[1, 2]], undefined, ['a,"b"', 'c\nd']],
    ['names in another script', 'Ünï,列\n1,2\n', [[1, 2]], undefined, ['Ünï', '列']],
  ])('%s', async (_, text, rows, rowLabels, columnLabels) => {
    expect(await table(text)).toMatchObject({ rows, rowLabels, columnLabels })
  })

  test('a header and nothing below it', async () => {
    expect(await table('a,b,c\n')).toMatchObject({ size: [0, 3], columnLabels: ['a', 'b', 'c'] })
  })

  test('names that are numbers, by option', async () => {
    const text = 'year,2001,2002\n7,1,2\n'
    const options = { header: true, rowLabels: true }
    expect(await table(text, options)).toMatchObject({
      rows: [[1, 2]],
      rowLabels: ['7'],
      columnLabels: ['2001', '2002'],
    })
  })

  test.each([
    ['Windows line ends', '1,2\r\n3,4\r\n'],
    ['old Mac line ends', '1,2\r3,4\r'],
    ['mixed line ends', '1,2\r\n3,4\n'],
    ['no last line end', '1,2\n3,4'],
    ['blank lines at the end', '1,2\n3,4\n\n\n'],
    ['blank lines in between', '\n1,2\n\n3,4\n  \n'],
    ['a byte order mark', '\uFEFF1,2\n3,4\n'],
    ['blanks around', ' 1 ,2\n3,\t4 \n'],
    ['quotes', '"1","2"\n"3",4\n'],
    ['plus signs', '+1,+2e0\n3.,04\n'],
  ])('%s', async (_, text) => {
    expect(await table(text)).toMatchObject({
      rows: [
        [1, 2],
        [3, 4],
      ],
      rowLabels: undefined,
      columnLabels: undefined,
    })
  })

  test.each([
    ['a tab', '\t'],
    ['a semicolon', ';'],
    ['a bar', '|'],
  ])('%s between cells', async (_, delimiter) => {
    const text = ['id', 'a', 'b', '\nx', '1', '2', '\n y ', ' 3 ', '4\n']
      .join(delimiter)
      .replaceAll(`${delimiter}\n`, '\n')
    expect(await table(text, { delimiter })).toMatchObject({
      rows: [
        [1, 2],
        [3, 4],
      ],
      rowLabels: ['x', 'y'],
    })
  })

  test('bytes in any pieces, gzipped or not', async () => {
    const bytes = utf8('\uFEFFÜ,列\r\n1,2\r\n3,4\r\n')
    for (const source of [bytes, chunked(bytes, 1), chunked(gzipSync(bytes), 3), new Blob([bytes])]) {
      const { matrix, columnLabels } = await parse(source)
      expect(rowsOf(matrix)).toEqual([
        [1, 2],
        [3, 4],
      ])
      expect(columnLabels).toEqual(['Ü', '列'])
    }
  })

  test('a text of many pieces', async () => {
    const labels = Array.from({ length: 30_000 }, (_, i) => `r${i}`)
    const { matrix, rowLabels } = await parse(labels.map((label, i) => `${label},${i},1\n`).join(''))
    expect(rowLabels).toEqual(labels)
    expect([matrix.rows, matrix.columns, matrix.data[2 * 29_999]]).toEqual([30_000, 2, 29_999])
  })

  test.each([0, 1])('a long label, cut between no halves of a character: %d', async shift => {
    const label = 'a'.repeat(shift) + '😀'.repeat(40_000)
    expect((await parse(`${label},1\n`)).rowLabels).toEqual([label])
  })

  test.each([
    ['', 'is empty', undefined, undefined],
    ['\n\n', 'is empty', undefined, undefined],
    ['1,2\n3\n', '1 cells, where line 1 asks for 2', 2, undefined],
    ['a,b\n1,2\n\n1,2,3\n', '3 cells, where line 1 asks for 2', 4, undefined],
    ['1,2\n3,4,5\n', '3 cells, where line 1 asks for 2', 2, undefined],
    ['1,2\n3,\n', 'the cell is empty', 2, 2],
    [',2\n3,4\n', 'the cell is empty', 1, 1],
    ['1,2\n3,NaN\n', '"NaN" is not a number', 2, 2],
    ['1,NA\n3,4\n', '"NA" is not a number', 1, 2],
    ['NaN,NaN\n1,2\n', '"NaN" is not a number', 1, 1],
    ['1,2\n3,inf\n', '"inf" is not a number', 2, 2],
    ['1,x\n3,4\n', '"x" is not a number', 1, 2],
    ['id,a,b\nx,1,2\ny,3,oops\n', '"oops" is not a number', 3, 3],
    ['1,2\n0x10,4\n', '"0x10" is not a number', 2, 1],
    ['1,2\n3,1e999\n', '"1e999" is too large', 2, 2],
    ['1;2\n3;4\n', '"3;4" is not a number', 2, 1],
    ['"a\nb",c\n1,x\n', '"x" is not a number', 3, 2],
    ['a,b\r\n\r\n1,x\r\n', '"x" is not a number', 3, 2],
    ['1,2\n"3,4\n', 'Quote Not Closed', 2, undefined],
    ['1,2\n3"x",4\n', 'Opening Quote', 2, undefined],
  ])('refused: %j', async (text, message, line, column) => {
    const error = await refusal(parse(text, { name: 'x.csv' }))
    expect(error).toMatchObject({ code: 'ERR_NONNEG_FORMAT' })
    expect(error.message).toContain(message)
    expect(error.message).toContain('x.csv')
    if (line !== undefined) expect(error.message).toContain(`line ${line}`)
    if (column !== undefined) expect(error.message).toContain(`column ${column}`)
    expect([error.detail.line, error.detail.column]).toEqual([line, column])
  })

  test('another delimiter is recognised in the advice', async () => {
    expect((await refusal(parse('1;2\n3;4\n'))).fix).toContain('delimiter: ";"')
  })

  test('a value beyond float32 where that is asked for', async () => {
    expect((await refusal(parse('1\n1e39\n', { dtype: 'f32' }))).message).toContain('too large for f32')
    expect((await parse('1\n2\n', { dtype: 'f32' })).matrix.data).toEqual(Float32Array.of(1, 2))
  })

  test('an aborted signal', async () => {
    const controller = new AbortController()
    async function* endless() {
      for (;;) yield utf8('1,2\n'.repeat(1000))
    }
    setTimeout(() => controller.abort(), 20)
    expect((await refusal(parse(endless(), { signal: controller.signal }))).code).toBe('ERR_NONNEG_ABORTED')
  })
})

const size = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
const finite = { noNaN: true, noDefaultInfinity: true }

test('property: labels of any text and values of either width come back as they were', async () => {
  const label = fc.string({ unit: 'binary' }).filter(text => text === text.trim() && !text.includes('\uFEFF'))
  const problem = size.chain(([rows, columns]) => {
    const exactly = (length: number) => ({ minLength: length, maxLength: length })
    return fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      data: fc.oneof(
        fc.float32Array({ ...finite, ...exactly(rows * columns) }),
        fc.float64Array({ ...finite, ...exactly(rows * columns) }),
      ),
      rowLabels: fc.option(fc.array(label, exactly(rows)), { nil: undefined }),
      columnLabels: fc.option(fc.array(label, exactly(columns)), { nil: undefined }),
    })
  })
  await fc.assert(
    fc.asyncProperty(problem, async ({ rows, columns, data, rowLabels, columnLabels }) => {
      const matrix = denseView(data.map(value => value + 0) as typeof data, rows, columns)
      const file = Buffer.concat([...encodeMatrix(matrix, 'csv', { rowLabels, columnLabels })])
      const dtype = data instanceof Float32Array ? 'f32' : 'f64'
      const given = { dtype, header: columnLabels !== undefined, rowLabels: rowLabels !== undefined } as const
      expect(await parseCsv(file, given)).toEqual({
        matrix,
        ...(rowLabels ? { rowLabels } : {}),
        ...(columnLabels ? { columnLabels } : {}),
      })
    }),
    { numRuns: 100 },
  )
})

test('property: names are found where they are, and none where there are none', async () => {
  const name = fc.stringMatching(/^[a-m]{1,6} ?[0-9]{0,3}$/).filter(text => text === text.trim())
  const problem = fc.tuple(size, fc.boolean(), fc.boolean(), fc.array(name, { minLength: 12, maxLength: 12 }))
  await fc.assert(
    fc.asyncProperty(problem, async ([[rows, columns], above, left, names]) => {
      const matrix = denseView(
        Float64Array.from({ length: rows * columns }, (_, p) => p / 7),
        rows,
        columns,
      )
      const labels = {
        ...(left ? { rowLabels: names.slice(0, rows) } : {}),
        ...(above ? { columnLabels: names.slice(6, 6 + columns) } : {}),
      }
      expect(await parseCsv(Buffer.concat([...encodeMatrix(matrix, 'csv', labels)]))).toEqual({ matrix, ...labels })
    }),
  )
})
