import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CsrView } from '../../ts/core/matrix.js'
import { parseMatrixMarket } from '../../ts/data/matrix-market.js'
import { chunked, refusal, rowsOf, utf8 } from './helpers.js'

const parse = (text: string, options = {}) => parseMatrixMarket(utf8(text), options)
const COORDINATE = '%%MatrixMarket matrix coordinate real general\n'
const ARRAY = '%%MatrixMarket matrix array real general\n'

describe('what is read', () => {
  test('a coordinate matrix becomes CSR', async () => {
    const { matrix, ...labels } = await parse(`${COORDINATE}% a comment\n3 4 3\n1 1 1.5\n3 4 2\n2 1 1e-3\n`)
    expect(labels).toEqual({})
    expect(matrix).toEqual({
      kind: 'csr',
      indptr: Uint32Array.of(0, 1, 2, 3),
      indices: Uint32Array.of(0, 0, 3),
      values: Float64Array.of(1.5, 1e-3, 2),
      rows: 3,
      columns: 4,
    })
  })

  test('an array is read column by column and stays dense', async () => {
    const { matrix } = await parse(`${ARRAY}2 3\n1\n2\n3\n4\n5\n6\n`)
    expect(matrix.kind).toBe('dense')
    expect(rowsOf(matrix)).toEqual([
      [1, 3, 5],
      [2, 4, 6],
    ])
  })

  test('pattern entries are ones', async () => {
    const { matrix } = await parse('%%MatrixMarket matrix coordinate pattern general\n2 2 2\n1 2\n2 1\n')
    expect(rowsOf(matrix)).toEqual([
      [0, 1],
      [1, 0],
    ])
  })

  test('a symmetric coordinate matrix comes out whole', async () => {
    const { matrix } = await parse('%%MatrixMarket matrix coordinate integer symmetric\n3 3 3\n1 1 7\n3 1 2\n3 2 4\n')
    expect(rowsOf(matrix)).toEqual([
      [7, 0, 2],
      [0, 0, 4],
      [2, 4, 0],
    ])
  })

  test('a symmetric array comes out whole', async () => {
    const { matrix } = await parse('%%MatrixMarket matrix array real symmetric\n3 3\n1\n2\n3\n4\n5\n6\n')
    expect(rowsOf(matrix)).toEqual([
      [1, 2, 3],
      [2, 4, 5],
      [3, 5, 6],
    ])
  })

  test.each([
    ['upper case', '%%MATRIXMARKET MATRIX COORDINATE REAL GENERAL\n1 1 1\n1 1 5\n'],
    ['extra blanks', '%%MatrixMarket   matrix\tcoordinate  real general  \n  1\t1  1 \n\t1  1   5  \n'],
    ['Windows line ends', '%%MatrixMarket matrix coordinate real general\r\n% x\r\n1 1 1\r\n1 1 5\r\n'],
    ['old Mac line ends', '%%MatrixMarket matrix coordinate real general\r% x\r1 1 1\r1 1 5\r'],
    ['no end of the last line', '%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 5'],
    ['a byte order mark', '\uFEFF%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 5\n'],
    ['blank lines everywhere', '%%MatrixMarket matrix coordinate real general\n\n1 1 1\n\n1 1 5\n\n\n'],
    ['comments everywhere', '%%MatrixMarket matrix coordinate real general\n%a\n1 1 1\n  % b\n1 1 5\n%c'],
    ['double', '%%MatrixMarket matrix coordinate double general\n1 1 1\n1 1 5\n'],
    ['unsigned-integer', '%%MatrixMarket matrix coordinate unsigned-integer general\n1 1 1\n1 1 5\n'],
    ['a plus sign', '%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 +5.E0\n'],
  ])('header and lines with %s', async (_, text) => {
    expect(rowsOf((await parse(text)).matrix)).toEqual([[5]])
  })

  test('duplicates are added up and zeros dropped', async () => {
    const { matrix } = await parse(`${COORDINATE}2 3 6\n2 3 1\n1 2 4\n2 3 0.5\n1 1 0\n2 1 8\n2 3 2\n`)
    const csr = matrix as CsrView
    expect(Array.from(csr.indptr)).toEqual([0, 1, 3])
    expect(Array.from(csr.indices.subarray(0, 3))).toEqual([1, 0, 2])
    expect(Array.from(csr.values.subarray(0, 3))).toEqual([4, 8, 3.5])
  })

  test.each([
    [`${COORDINATE}0 0 0\n`, 0, 0],
    [`${COORDINATE}3 0 0\n`, 3, 0],
    [`${COORDINATE}0 4 0`, 0, 4],
    [`${COORDINATE}2 2 0\n`, 2, 2],
    [`${ARRAY}0 3\n`, 0, 3],
  ])('an empty matrix: %j', async (text, rows, columns) => {
    expect((await parse(text)).matrix).toMatchObject({ rows, columns })
  })

  test('dtype f32 stores half as much', async () => {
    const { matrix } = await parse(`${COORDINATE}1 1 1\n1 1 0.1\n`, { dtype: 'f32' })
    expect((matrix as CsrView).values).toEqual(Float32Array.of(0.1))
  })

  test('gzip is seen by its first bytes, even one byte at a time', async () => {
    const bytes = Uint8Array.from(gzipSync(`${COORDINATE}1 1 1\n1 1 5\n`))
    for (const source of [bytes, new Blob([bytes]), new Blob([bytes]).stream(), chunked(bytes, 1)]) {
      expect(rowsOf((await parseMatrixMarket(source)).matrix)).toEqual([[5]])
    }
  })

  test('enough entries for many blocks', async () => {
    const rows = 700
    const columns = 300
    const lines: string[] = []
    for (let j = columns; j >= 1; j--) for (let i = 1; i <= rows; i++) lines.push(`${i} ${j} ${i + j}`)
    const { matrix } = await parse(`${COORDINATE}${rows} ${columns} ${lines.length}\n${lines.join('\n')}\n`)
    expect(rowsOf(matrix)).toEqual(
      Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => i + j + 2)),
    )
    expect(Array.from((matrix as CsrView).indices.subarray(0, columns))).toEqual([...new Array(columns).keys()])
  })
})

describe('what is refused', () => {
  test.each([
    ['', 'x.mtx is empty', undefined],
    ['% only a comment\n', 'no MatrixMarket header', 1],
    ['1 2 3\n', 'no MatrixMarket header', 1],
    [COORDINATE, 'ends before its size line', undefined],
    ['%%MatrixMarket matrix coordinate real\n1 1 0\n', 'an unknown symmetry', 1],
    ['%%MatrixMarket matrix sparse real general\n', 'a format that is not coordinate or array', 1],
    ['%%MatrixMarket matrix coordinate fuzzy general\n', 'a field that is not', 1],
    ['%%MatrixMarket matrix array pattern general\n', 'an array without values', 1],
    [`${COORDINATE}2 2\n1 1 1\n`, 'too few numbers', 2],
    [`${COORDINATE}2 2 1 7\n1 1 1\n`, 'too many numbers', 2],
    [`${COORDINATE}2 -2 1\n1 1 1\n`, 'not a whole number', 2],
    [`${COORDINATE}2 2.0 1\n1 1 1\n`, 'not a whole number', 2],
    [`${COORDINATE}2 2 1\n% c\n0 1 1\n`, 'row 0 is not one of 1 … 2', 4],
    [`${COORDINATE}2 2 1\n1 3 1\n`, 'column 3 is not one of 1 … 2', 3],
    [`${COORDINATE}2 2 1\n1 1\n`, 'too few numbers', 3],
    [`${COORDINATE}2 2 1\n1 1 1 1\n`, 'too many numbers', 3],
    [`${COORDINATE}2 2 1\n1 1 nan\n`, '"nan" is not a number', 3],
    [`${COORDINATE}2 2 1\n1 1 Infinity\n`, '"Infinity" is not a number', 3],
    [`${COORDINATE}2 2 1\n1 1 0x10\n`, '"0x10" is not a number', 3],
    [`${COORDINATE}2 2 1\n1 1 1,5\n`, '"1,5" is not a number', 3],
    [`${COORDINATE}2 2 1\n1 1 1e999\n`, '"1e999" is too large', 3],
    [`${COORDINATE}2 2 1\n\r\n1 1 --1\r\n`, '"--1" is not a number', 4],
    [`${COORDINATE}2 2 2\n1 1 1\n`, 'promises 2 entries and holds 1', undefined],
    [`${COORDINATE}2 2 1\n1 1 1\n2 2 1\n`, 'more than the promised 1 entries', 4],
    [`${ARRAY}2 2\n1\n2\n3\n`, 'promises 4 entries and holds 3', undefined],
    [`${ARRAY}1 2\n1 2\n`, 'too many numbers', 3],
    ['%%MatrixMarket matrix coordinate real symmetric\n2 3 0\n', 'not square', 2],
    ['%%MatrixMarket matrix coordinate real symmetric\n2 2 1\n1 2 5\n', 'above the diagonal', 3],
  ])('%j', async (text, message, line) => {
    const error = await refusal(parse(text, { name: 'x.mtx' }))
    expect(error.code).toBe('ERR_NONNEG_FORMAT')
    expect(error.message).toContain('x.mtx')
    expect(error.message).toContain(message)
    expect(error.detail.line).toBe(line)
    if (line !== undefined) {
      expect(error.message).toContain(`line ${line}`)
      expect(error.detail.text).toBe(text.split(/\r\n|\n/)[line - 1])
    }
  })

  test('lines are counted the same whatever the line ends and the chunks', async () => {
    const lines = ['%%MatrixMarket matrix coordinate real general', '%', '', '2 2 2', '1 1 1', '', 'oops']
    for (const end of ['\n', '\r\n', '\r']) {
      for (const size of [1, 2, 3, 1000]) {
        const error = await refusal(parseMatrixMarket(chunked(utf8(lines.join(end)), size)))
        expect(error.detail).toMatchObject({ line: 7, text: 'oops' })
      }
    }
  })

  test.each([
    ['%%MatrixMarket matrix coordinate complex general\n1 1 1\n1 1 1 0\n'],
    ['%%MatrixMarket matrix array complex hermitian\n1 1\n1 0\n'],
    ['%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 1\n2 1 1\n'],
    ['%%MatrixMarket matrix coordinate real hermitian\n2 2 1\n2 1 1\n'],
    ['%%MatrixMarket vector coordinate real general\n2 1\n1 1\n'],
    [`${COORDINATE}9999999999 2 0\n`],
  ])('unsupported: %j', async text => {
    expect((await refusal(parse(text))).code).toBe('ERR_NONNEG_UNSUPPORTED')
  })

  test('a value beyond float32 where that is asked for', async () => {
    const text = `${COORDINATE}1 1 1\n1 1 1e39\n`
    expect((await refusal(parse(text, { dtype: 'f32' }))).message).toContain('too large for f32')
    expect(rowsOf((await parse(text)).matrix)).toEqual([[1e39]])
  })

  test('a size that no memory holds', async () => {
    const text = `${ARRAY}4000000000 4000000000\n1\n`
    expect((await refusal(parse(text))).code).toBe('ERR_NONNEG_MEMORY')
  })

  test('few entries for sizes that would fill the memory', async () => {
    for (const sizes of ['4294967294 4294967294 1', '3 4294967294 2', `${2 ** 24 + 65} 1 1`]) {
      const error = await refusal(parse(`${COORDINATE}${sizes}\n1 1 1\n`))
      expect(error).toMatchObject({ code: 'ERR_NONNEG_FORMAT', detail: { line: 2 }, fix: expect.any(String) })
      expect(error.message).toContain('entries for')
    }
    const { matrix } = await parse(`${COORDINATE}${2 ** 20} 2 1\n7 2 3\n`)
    expect([matrix.rows, (matrix as CsrView).values.length]).toEqual([2 ** 20, 1])
  })

  test.each<[string, unknown]>([
    ['text', `${COORDINATE}1 1 1\n1 1 1\n`],
    ['nothing', undefined],
    ['a number', 3],
    ['a stream of text', [`${COORDINATE}1 1 1\n1 1 1\n`]],
  ])('a source that is no bytes: %s', async (_name, source) => {
    const error = await refusal(parseMatrixMarket(source as Uint8Array))
    expect(error).toMatchObject({ code: 'ERR_NONNEG_DTYPE', message: expect.stringMatching(/not bytes/) })
  })

  test('a line without an end, as in binary data', async () => {
    const binary = chunked(new Uint8Array(3 << 20).fill(65), 1 << 16)
    expect((await refusal(parseMatrixMarket(binary))).message).toContain('a line is longer than')
  })

  test('gzip that is cut short or damaged', async () => {
    const lines = Array.from({ length: 5000 }, (_, i) => `${i + 1} 1 ${Math.sqrt(i)}`)
    const whole = gzipSync(`${COORDINATE}5000 1 5000\n${lines.join('\n')}\n`)
    const damaged = Uint8Array.from(whole)
    damaged.fill(0, 2000, 2100)
    for (const bytes of [whole.subarray(0, whole.length - 100), whole.subarray(0, 30), damaged]) {
      const error = await refusal(parseMatrixMarket(bytes))
      expect(error.code).toBe('ERR_NONNEG_FORMAT')
      expect(error.message).toMatch(/gzip|line/)
    }
  })

  test('an aborted signal', async () => {
    const controller = new AbortController()
    async function* endless() {
      yield utf8(`${COORDINATE}1 1 1\n`)
      for (;;) yield utf8('% nothing\n'.repeat(1000))
    }
    setTimeout(() => controller.abort('enough'), 20)
    const error = await refusal(parseMatrixMarket(endless(), { signal: controller.signal }))
    expect(error).toMatchObject({ code: 'ERR_NONNEG_ABORTED', cause: 'enough' })
  })

  test('a source that fails, with its own error', async () => {
    async function* failing() {
      yield utf8(COORDINATE)
      throw new Error('the network is gone')
    }
    await expect(parseMatrixMarket(failing())).rejects.toThrow('the network is gone')
  })
})

test('a source is closed when parsing stops early', async () => {
  let closed = false
  async function* source() {
    try {
      yield utf8('not a matrix\n')
      yield utf8('more')
    } finally {
      closed = true
    }
  }
  await refusal(parseMatrixMarket(source()))
  expect(closed).toBe(true)
})

test('property: any coordinate list, in any chunks, equals its sum', async () => {
  const sizes = fc.record({ rows: fc.integer({ min: 1, max: 12 }), columns: fc.integer({ min: 1, max: 12 }) })
  const problem = sizes.chain(({ rows, columns }) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      entries: fc.array(
        fc.tuple(
          fc.integer({ min: 0, max: rows - 1 }),
          fc.integer({ min: 0, max: columns - 1 }),
          fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e12, noNaN: true })),
        ),
        { maxLength: 60 },
      ),
      end: fc.constantFrom('\n', '\r\n', '\r'),
      noise: fc.constantFrom('', '% c', ' '),
      chunks: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 4 }),
    }),
  )
  await fc.assert(
    fc.asyncProperty(problem, async ({ rows, columns, entries, end, noise, chunks }) => {
      const lines = entries.map(([i, j, value]) => `${i + 1} ${j + 1} ${value}`)
      const all = [COORDINATE.trim(), `${rows} ${columns} ${entries.length}`, noise, ...lines, '']
      const { matrix } = await parseMatrixMarket(chunked(utf8(all.join(end)), ...chunks))
      const expected = Array.from({ length: rows }, () => new Array<number>(columns).fill(0))
      for (const [i, j, value] of entries) expected[i][j] += value
      expect(rowsOf(matrix)).toEqual(expected)
      const csr = matrix as CsrView
      for (let i = 0; i < rows; i++) {
        const row = Array.from(csr.indices.subarray(csr.indptr[i], csr.indptr[i + 1]))
        expect(row).toEqual([...new Set(row)].sort((a, b) => a - b))
      }
    }),
  )
})
